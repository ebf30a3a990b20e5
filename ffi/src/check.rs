//! What is odd about a folder or an archive.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::bundle;

use crate::convert::signed;
use crate::error::Result;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Severity {
    /// Works, but may surprise.
    Warning,
    /// The bundle would not work on a device, or leaks a secret.
    Error,
}

/// One thing that a check noticed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, as a stable word for programs: `index_html_not_found`, `notifyAppReady_not_in_source_code`,
    /// `absolute_asset_path`, `secret`, `symlink`, `suspicious_file`, `unportable_name`, `over_device_limit`.
    pub code: String,
    /// The file inside the bundle, with `/` separators.
    pub path: Option<String>,
    /// The line in that file, counted from 1.
    pub line: Option<i64>,
    /// What was found and what to do, for people.
    pub message: String,
}

impl From<bundle::Finding> for Finding {
    fn from(finding: bundle::Finding) -> Self {
        Self {
            severity: match finding.severity {
                bundle::Severity::Warning => Severity::Warning,
                bundle::Severity::Error => Severity::Error,
            },
            code: finding.code.as_str().to_owned(),
            path: finding.path,
            line: finding.line.map(signed),
            message: finding.message,
        }
    }
}

/// What a check leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct CheckOptions {
    /// Do not look for a call of `notifyAppReady()`.
    #[uniffi(default = false)]
    pub skip_notify_app_ready: bool,
    /// Do not look at code at all. Secrets and unsafe names are found all the same.
    #[uniffi(default = false)]
    pub skip_code: bool,
    /// Paths inside the bundle of files that look like secrets but may ship.
    #[uniffi(default = [])]
    pub allow_secrets: Vec<String>,
}

/// Checks a folder of web assets, as the `capbundle` command does before it packs one. Blocks while it reads the scripts.
///
/// Errors among the findings are what packing refuses. Throws what stops the search itself: `InvalidInput` for a symbolic
/// link that leads out of the folder or a name that no bundle can hold; `Unsupported` for a folder with ignore rules, which only
/// the command knows; `NotFound`, `Io`, `Cancelled`.
#[uniffi::export(default(options = None, cancel = None, progress = None))]
pub fn check_folder(
    folder: &str,
    options: Option<CheckOptions>,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<Vec<Finding>> {
    with_control(cancel, progress, |control| {
        let options = options.unwrap_or_default();
        let mut core = bundle::CheckOptions::default();
        core.skip_notify_app_ready = options.skip_notify_app_ready;
        core.skip_code = options.skip_code;
        core.allow_secrets = options.allow_secrets;
        let findings = bundle::check(Path::new(folder), &core, control)?;
        Ok(findings.into_iter().map(Finding::from).collect())
    })
}

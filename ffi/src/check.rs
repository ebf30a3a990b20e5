//! Checks of a folder before it is packed.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::bundle;

use crate::convert::signed;
use crate::error::Result;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Severity {
    /// The bundle works, but something may surprise.
    Warning,
    /// The bundle would not work on a device, or leaks a secret.
    Error,
}

/// One problem that a check found.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// A stable code for programs: `index_html_not_found`, `notifyAppReady_not_in_source_code`,
    /// `absolute_asset_path`, `secret`, `symlink`, `suspicious_file`, `unportable_name`, `over_device_limit`.
    pub code: String,
    /// The file inside the bundle, with `/` as separator.
    pub path: Option<String>,
    /// The line in that file, starting at 1.
    pub line: Option<i64>,
    /// The problem and its solution, for people.
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

/// Parts of a check to skip.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct CheckOptions {
    /// Do not look for a call of `notifyAppReady()`.
    #[uniffi(default = false)]
    pub skip_notify_app_ready: bool,
    /// Do not read code at all. Secrets and unsafe names are still found.
    #[uniffi(default = false)]
    pub skip_code: bool,
    /// Paths inside the bundle of files that look like secrets but may ship.
    #[uniffi(default = [])]
    pub allow_secrets: Vec<String>,
}

/// Checks a folder of web assets as the `capbundle` command does before it packs one. Blocks while it reads the
/// scripts.
///
/// Packing refuses a folder with an error among its findings. Throws what stops the check itself:
/// `InvalidInput` for a symbolic link that leaves the folder or a name that no bundle can hold; `Unsupported`
/// for a folder with ignore rules, which only the command supports; `NotFound`, `Io`, `Cancelled`.
#[uniffi::export(default(options = None, cancel = None, progress = None))]
pub fn check_folder(
    folder: &str,
    options: Option<CheckOptions>,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<Vec<Finding>> {
    with_control(cancel, progress, |control| {
        let options = options.unwrap_or_default();
        let core = bundle::CheckOptions::default()
            .with_skip_notify_app_ready(options.skip_notify_app_ready)
            .with_skip_code(options.skip_code)
            .with_allow_secrets(options.allow_secrets);
        let findings = bundle::check(Path::new(folder), &core, control)?;
        Ok(findings.into_iter().map(Finding::from).collect())
    })
}

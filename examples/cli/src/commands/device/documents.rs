//! Output shared by the `capbundle device` commands.

use std::path::Path;
use std::time::Duration;

use capbundle::native::NativeVersion;
use capbundle::store::{BundleRecord, BundleRef, FailedBundle, FailureCause, Launch, LaunchReason, NotDurable, Status};
use serde::Serialize;

/// The served bundle and the reason.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServedDocument {
    bundle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    reason: &'static str,
    /// Details, if the reason is that nothing could be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    on_trial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ready_within_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<FailedDocument>,
}

impl ServedDocument {
    pub(super) fn new(launch: &Launch, deadline: Option<Duration>) -> Self {
        Self {
            bundle: launch.bundle.to_string(),
            version: launch.version.clone(),
            folder: launch.folder.as_ref().map(|folder| folder.display().to_string()),
            reason: launch.reason.as_str(),
            detail: match &launch.reason {
                LaunchReason::NotDurable(why) => Some(describe_not_durable(why)),
                _ => None,
            },
            on_trial: launch.on_trial,
            ready_within_ms: deadline.map(|deadline| u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX)),
            failed: launch.failed.as_ref().map(FailedDocument::from),
        }
    }
}

/// The served bundle and the reason, as text.
pub(super) fn served(launch: &Launch) -> Vec<String> {
    let trial = if launch.on_trial { ", on trial" } else { "" };
    let name = named(&launch.bundle, launch.version.as_deref());
    let mut lines = vec![format!("Serving {name}{trial}")];
    lines.extend(
        launch
            .folder
            .as_ref()
            .map(|folder| format!("     from {}", folder.display())),
    );
    lines.push(format!("     because {}", describe_reason(&launch.reason)));
    lines
}

/// A bundle with its version, as text.
pub(super) fn named(bundle: &BundleRef, version: Option<&str>) -> String {
    match (bundle, version) {
        (BundleRef::BuiltIn, _) => "the built-in bundle".to_owned(),
        (BundleRef::Bundle(id), Some(version)) => format!("{version} ({id})"),
        (BundleRef::Bundle(id), None) => id.to_string(),
    }
}

pub(super) fn describe_reason(reason: &LaunchReason) -> String {
    let text = match reason {
        LaunchReason::Current => "the bundle is current",
        LaunchReason::NextApplied => "the conditions of the next bundle are met",
        LaunchReason::SetCurrent => "the bundle was set as current",
        LaunchReason::Reset => "the app was reset to it",
        LaunchReason::Resumed => "this run of the app serves it",
        LaunchReason::TrialFailed => "the bundle on trial used all attempts without a confirmation and failed",
        LaunchReason::TrialExpired => "the time to confirm ran out",
        LaunchReason::TrialNeverStarted => "the bundle on trial was launched several times and never started",
        LaunchReason::SetAside => "a proven bundle no longer confirms its starts: it is tried again after a day",
        LaunchReason::NativeChanged => "the native app changed, so its own bundle is used",
        LaunchReason::OutOfNativeRange => "the current bundle does not run on this native version",
        LaunchReason::BuiltInIsNewer => "the built-in bundle is at least as new as the current one",
        LaunchReason::Damaged => "the files of the current bundle are missing or changed",
        LaunchReason::NotDurable(why) => return describe_not_durable(why),
        other => other.as_str(),
    };
    text.to_owned()
}

fn describe_not_durable(why: &NotDurable) -> String {
    match why {
        NotDurable::Busy => "another process held the lock for too long".to_owned(),
        NotDurable::Unreadable(error) => format!("the state cannot be read: {error}"),
        NotDurable::Unwritable(error) => format!("the state cannot be written: {error}"),
        _ => "nothing could be written".to_owned(),
    }
}

/// An installed bundle.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BundleDocument {
    id: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    status: &'static str,
    folder: String,
    files: u64,
    bytes: u64,
    archive_bytes: u64,
    installed_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    proven_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_native: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_native: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

impl BundleDocument {
    pub(super) fn new(record: &BundleRecord, status: Status, folder: &Path) -> Self {
        let text = |version: &Option<NativeVersion>| version.as_ref().map(|version| version.as_str().to_owned());
        Self {
            id: record.id.to_string(),
            version: record.version.clone(),
            checksum: record.digest.map(|digest| digest.to_string()),
            status: status.as_str(),
            folder: folder.display().to_string(),
            files: record.files,
            bytes: record.unpacked_size,
            archive_bytes: record.archive_size,
            installed_at: record.installed_at.0,
            proven_at: record.proven_at.map(|at| at.0),
            min_native: text(&record.native.min),
            max_native: text(&record.native.max),
            link: record.link.clone(),
            comment: record.comment.clone(),
        }
    }
}

/// A failed bundle, which is never installed again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailedDocument {
    id: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
    failed_at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_build: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    native_version: Option<String>,
    cause: FailureCause,
}

impl From<&FailedBundle> for FailedDocument {
    fn from(failed: &FailedBundle) -> Self {
        Self {
            id: failed.id.to_string(),
            version: failed.version.clone(),
            checksum: failed.digest.map(|digest| digest.to_string()),
            failed_at: failed.at.0,
            native_build: failed.native_build.clone(),
            native_version: (failed.native_version.as_ref()).map(|version| version.as_str().to_owned()),
            cause: failed.cause,
        }
    }
}

//! Events for the listeners in JavaScript.

use serde_json::Value;

use super::bundle_info::BundleInfo;
use crate::json::JsonObject;
use crate::update::protocol::StatusKind;

/// An event as the listeners of Capgo's plugin receive it.
///
/// Differences between the plugin's platforms:
///
/// - `downloadFailed`: Android adds `error` if a download failed in the background; iOS has `version` alone.
/// - `updateAvailable`: Android emits it after each download; iOS not for an update that is applied at once. iOS
///   retains it in mode `onlyDownload`, Android never.
/// - `breakingAvailable` and `majorAvailable`: if the response has no version, Android does not emit them, and iOS
///   writes the current version.
/// - `updateCheckResult`: without a message from the server, `message` is `server did not provide a message` on
///   Android, and the server's `error` on iOS, if it has one.
/// - `channelPrivate`: `message` is the server's message on Android, and its error on iOS.
/// - `updateFailed`: both still write the status that the bundle had, `pending`; here it is `error`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PluginEvent {
    /// A download made progress.
    Download {
        /// 0 to 100: see [`DownloadSteps`](super::DownloadSteps).
        percent: u8,
        /// The bundle, with the status `downloading`, at the end `pending`.
        bundle: BundleInfo,
    },
    /// A bundle was downloaded and installed.
    DownloadComplete {
        /// The bundle.
        bundle: BundleInfo,
    },
    /// A download or an update check failed.
    DownloadFailed {
        /// The version that could not be downloaded; the current one if a check failed before a version was known.
        version: String,
        /// A code such as `insufficient_disk_space`, if there is one.
        error: Option<String>,
    },
    /// A bundle is ready to be set.
    UpdateAvailable {
        /// The bundle.
        bundle: BundleInfo,
    },
    /// A check ended without a download.
    NoNeedUpdate {
        /// The current bundle.
        bundle: BundleInfo,
    },
    /// The server responded to a check without a bundle, or not at all.
    UpdateCheckResult {
        /// What the server said.
        kind: StatusKind,
        /// Its code; may be empty.
        error: String,
        /// Its message.
        message: String,
        /// The HTTP status; 0 without a response.
        status_code: u16,
        /// The version in the response, otherwise the current one.
        version: String,
        /// The current bundle.
        bundle: BundleInfo,
    },
    /// A bundle was started and did not confirm in time.
    UpdateFailed {
        /// The failed bundle.
        bundle: BundleInfo,
    },
    /// The deprecated name of `breakingAvailable`.
    MajorAvailable {
        /// The version that this native app cannot run.
        version: String,
    },
    /// The server has an update that this native app cannot run.
    BreakingAvailable {
        /// The version that this native app cannot run.
        version: String,
    },
    /// The device may not choose this channel, or the app does not allow the one it has any more.
    ChannelPrivate {
        /// The channel.
        channel: String,
        /// The server's reason.
        message: String,
    },
    /// A bundle was made current and reloaded.
    Set {
        /// The bundle.
        bundle: BundleInfo,
    },
    /// A bundle became the next one.
    SetNext {
        /// The bundle, with the status that it had before.
        bundle: BundleInfo,
    },
    /// The updater finished its work for this start or check, and the page can be shown.
    AppReady {
        /// The current bundle.
        bundle: BundleInfo,
        /// What happened, for people.
        status: String,
    },
    /// The page was reloaded.
    AppReloaded,
}

impl PluginEvent {
    /// The two events for an update that this native app cannot run, in the order of the plugin.
    #[must_use]
    pub fn breaking(version: &str) -> [Self; 2] {
        let version = version.to_owned();
        [
            Self::BreakingAvailable {
                version: version.clone(),
            },
            Self::MajorAvailable { version },
        ]
    }

    /// The name that listeners use.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Download { .. } => "download",
            Self::DownloadComplete { .. } => "downloadComplete",
            Self::DownloadFailed { .. } => "downloadFailed",
            Self::UpdateAvailable { .. } => "updateAvailable",
            Self::NoNeedUpdate { .. } => "noNeedUpdate",
            Self::UpdateCheckResult { .. } => "updateCheckResult",
            Self::UpdateFailed { .. } => "updateFailed",
            Self::MajorAvailable { .. } => "majorAvailable",
            Self::BreakingAvailable { .. } => "breakingAvailable",
            Self::ChannelPrivate { .. } => "channelPrivate",
            Self::Set { .. } => "set",
            Self::SetNext { .. } => "setNext",
            Self::AppReady { .. } => "appReady",
            Self::AppReloaded => "appReloaded",
        }
    }

    /// Whether the event waits for a listener: the argument `retainUntilConsumed` of Capacitor. A page that was just
    /// reloaded adds its listeners after these events.
    #[must_use]
    pub fn retain_until_consumed(&self) -> bool {
        matches!(self, Self::Set { .. } | Self::AppReady { .. })
    }

    /// The object that listeners receive.
    #[must_use]
    pub fn payload(&self) -> Value {
        let mut payload = JsonObject::new();
        match self {
            Self::Download { percent, bundle } => payload
                .number("percent", u64::from(*percent))
                .value("bundle", bundle.to_json()),
            Self::DownloadComplete { bundle }
            | Self::UpdateAvailable { bundle }
            | Self::NoNeedUpdate { bundle }
            | Self::UpdateFailed { bundle }
            | Self::Set { bundle }
            | Self::SetNext { bundle } => payload.value("bundle", bundle.to_json()),
            Self::MajorAvailable { version } | Self::BreakingAvailable { version } => payload.text("version", version),
            Self::DownloadFailed { version, error } => {
                payload.text("version", version).text_if_any("error", error.as_deref())
            }
            Self::UpdateCheckResult {
                kind,
                error,
                message,
                status_code,
                version,
                bundle,
            } => payload
                .text("kind", kind.as_str())
                .text("error", error)
                .text("message", message)
                .number("statusCode", u64::from(*status_code))
                .text("version", version)
                .value("bundle", bundle.to_json()),
            Self::ChannelPrivate { channel, message } => payload.text("channel", channel).text("message", message),
            Self::AppReady { bundle, status } => payload.value("bundle", bundle.to_json()).text("status", status),
            Self::AppReloaded => &mut payload,
        };
        payload.done()
    }
}

#[cfg(test)]
mod tests;

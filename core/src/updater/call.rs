//! Calls from JavaScript.

mod arguments;
mod error;

use self::arguments::Arguments;
pub use self::error::CallError;
use crate::app_id::AppId;
use crate::store::{ApplyCondition, BundleRef};
use crate::time::UtcOffset;
use crate::update::protocol::ManifestEntry;

/// A call of a method of Capgo's plugin, with its arguments.
///
/// As in the plugin, members that a method does not know are ignored, and `null` is an absent member. Capgo's plugin
/// takes an optional argument of a wrong type as absent; here it is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// `notifyAppReady()`: the page is ready.
    NotifyAppReady,
    /// `next({id})`: make this bundle the next one.
    Next(BundleRef),
    /// `set({id})`: make this bundle current, and reload.
    Set(BundleRef),
    /// `delete({id})`: delete this bundle.
    Delete(BundleRef),
    /// `setBundleError({id})`: mark this bundle as failed.
    SetBundleError(BundleRef),
    /// `reset({toLastSuccessful, usePendingBundle})`: go back to the built-in bundle.
    Reset {
        /// Go back to the fallback instead.
        to_last_successful: bool,
        /// Go to the next bundle instead.
        use_pending_bundle: bool,
    },
    /// `reload()`: apply the next bundle, if there is one, and reload.
    Reload,
    /// `setPreview({id})`: serve this installed bundle for the rest of this session only. The plugin allows it with
    /// `allowPreview` alone.
    SetPreview(BundleRef),
    /// `resetPreview()`: serve again what was served before the preview.
    ResetPreview,
    /// `setMultiDelay({delayConditions})`: when the next bundle is applied.
    SetMultiDelay(Vec<ApplyCondition>),
    /// `cancelDelay()`: no conditions any more.
    CancelDelay,
    /// `triggerUpdateCheck()`: look for an update now, as an automatic check.
    TriggerUpdateCheck,
    /// `download({url, version, …})`: download and install a bundle.
    Download(DownloadCall),
    /// `setChannel({channel, triggerAutoUpdate})`: choose a channel.
    SetChannel {
        /// Its name. The server decides whether it exists.
        channel: String,
        /// Whether to look for an update afterwards.
        trigger_auto_update: bool,
    },
    /// `unsetChannel({triggerAutoUpdate})`: back to the default channel.
    UnsetChannel {
        /// Whether to look for an update afterwards.
        trigger_auto_update: bool,
    },
    /// `setCustomId({customId})`: an id that reports contain.
    SetCustomId {
        /// The id; empty to remove it.
        custom_id: String,
    },
    /// `setUpdateUrl({url})`: the plugin allows it with `allowModifyUrl` alone.
    SetUpdateUrl {
        /// The URL, not checked; empty turns automatic updates off.
        url: String,
    },
    /// `setStatsUrl({url})`: the plugin allows it with `allowModifyUrl` alone.
    SetStatsUrl {
        /// The URL, not checked; empty turns reports off.
        url: String,
    },
    /// `setChannelUrl({url})`: the plugin allows it with `allowModifyUrl` alone.
    SetChannelUrl {
        /// The URL, not checked.
        url: String,
    },
    /// `setAppId({appId})`: the plugin allows it with `allowModifyAppId` alone.
    SetAppId(AppId),
    /// `current()`: the current bundle and the version of the native app.
    Current,
    /// `list({raw})`: the installed bundles.
    List {
        /// With the records of failed and deleted bundles.
        raw: bool,
    },
    /// `getNextBundle()`.
    GetNextBundle,
    /// `getFailedUpdate()`: the newest failure, once.
    GetFailedUpdate,
    /// `getDeviceId()`.
    GetDeviceId,
    /// `getPluginVersion()`.
    GetPluginVersion,
    /// `getBuiltinVersion()`: the version of the native app.
    GetBuiltinVersion,
    /// `getAppId()`.
    GetAppId,
    /// `isAutoUpdateEnabled()`.
    IsAutoUpdateEnabled,
    /// `isAutoUpdateAvailable()`: false if the app loads its pages from a server.
    IsAutoUpdateAvailable,
    /// `getLatest({channel, appId, includeBundleSize})`: ask the server, and download nothing.
    GetLatest(LatestCall),
    /// `getChannel()`: the channel of this device.
    GetChannel,
    /// `listChannels()`: the channels that this device may choose.
    ListChannels,
    /// `getBundleDownloadSize({manifest, version})`: the size of these files.
    GetBundleDownloadSize {
        /// The files.
        manifest: Vec<ManifestEntry>,
        /// The version of their bundle.
        version: Option<String>,
    },
    /// `getMissingBundleFiles({manifest, sessionKey})`: those of these files that the device does not have.
    GetMissingBundleFiles {
        /// The files.
        manifest: Vec<ManifestEntry>,
        /// The session key, if the digests are encrypted.
        session_key: Option<String>,
    },
}

/// The arguments of `download`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadCall {
    /// The URL of the archive.
    pub url: String,
    /// The version of the bundle.
    pub version: String,
    /// `ivSessionKey` of an encrypted archive. Never empty.
    pub session_key: Option<String>,
    /// SHA-256 in hex, or signed. Never empty.
    pub checksum: Option<String>,
    /// The single files of the bundle, instead of an archive.
    pub manifest: Option<Vec<ManifestEntry>>,
}

/// The arguments of `getLatest`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LatestCall {
    /// Another channel than the device's.
    pub channel: Option<String>,
    /// Another app than this one. The plugin allows it with `allowPreview` alone.
    pub app_id: Option<AppId>,
    /// Whether the result contains the missing files and their size.
    pub include_bundle_size: bool,
}

impl Call {
    /// Parses a call: the name of the method, and the JSON object that Capacitor passes. An empty text and `null` are
    /// an object without members.
    ///
    /// `local` is the offset of the device's local time, for dates of `setMultiDelay` without an offset.
    ///
    /// # Errors
    /// A [`CallError`] that names the method, the argument, the expected and the found value.
    pub fn parse(method: &str, arguments: &str, local: UtcOffset) -> Result<Self, CallError> {
        let arguments = Arguments::parse(method, arguments)?;
        Ok(match method {
            "notifyAppReady" => Self::NotifyAppReady,
            "next" => Self::Next(arguments.bundle()?),
            "set" => Self::Set(arguments.bundle()?),
            "delete" => Self::Delete(arguments.bundle()?),
            "setBundleError" => Self::SetBundleError(arguments.bundle()?),
            "reset" => Self::Reset {
                to_last_successful: arguments.flag("toLastSuccessful")?,
                use_pending_bundle: arguments.flag("usePendingBundle")?,
            },
            "reload" => Self::Reload,
            "setPreview" => Self::SetPreview(arguments.bundle()?),
            "resetPreview" => Self::ResetPreview,
            "setMultiDelay" => Self::SetMultiDelay(arguments.conditions(local)?),
            "cancelDelay" => Self::CancelDelay,
            "triggerUpdateCheck" => Self::TriggerUpdateCheck,
            "download" => Self::Download(DownloadCall {
                url: arguments.text("url")?,
                version: arguments.text("version")?,
                session_key: arguments.filled("sessionKey")?,
                checksum: arguments.filled("checksum")?,
                manifest: arguments.optional_manifest()?,
            }),
            "setChannel" => Self::SetChannel {
                channel: arguments.text("channel")?,
                trigger_auto_update: arguments.flag("triggerAutoUpdate")?,
            },
            "unsetChannel" => Self::UnsetChannel {
                trigger_auto_update: arguments.flag("triggerAutoUpdate")?,
            },
            "setCustomId" => Self::SetCustomId {
                custom_id: arguments.text("customId")?,
            },
            "setUpdateUrl" => Self::SetUpdateUrl {
                url: arguments.text("url")?,
            },
            "setStatsUrl" => Self::SetStatsUrl {
                url: arguments.text("url")?,
            },
            "setChannelUrl" => Self::SetChannelUrl {
                url: arguments.text("url")?,
            },
            "setAppId" => Self::SetAppId(arguments.app_id()?),
            _ => return Self::query(method, &arguments),
        })
    }

    /// A call that changes nothing.
    fn query(method: &str, arguments: &Arguments<'_>) -> Result<Self, CallError> {
        Ok(match method {
            "current" => Self::Current,
            "list" => Self::List {
                raw: arguments.flag("raw")?,
            },
            "getNextBundle" => Self::GetNextBundle,
            "getFailedUpdate" => Self::GetFailedUpdate,
            "getDeviceId" => Self::GetDeviceId,
            "getPluginVersion" => Self::GetPluginVersion,
            "getBuiltinVersion" => Self::GetBuiltinVersion,
            "getAppId" => Self::GetAppId,
            "isAutoUpdateEnabled" => Self::IsAutoUpdateEnabled,
            "isAutoUpdateAvailable" => Self::IsAutoUpdateAvailable,
            "getLatest" => Self::GetLatest(LatestCall {
                channel: arguments.filled("channel")?,
                app_id: arguments.optional_app_id()?,
                include_bundle_size: arguments.flag("includeBundleSize")?,
            }),
            "getChannel" => Self::GetChannel,
            "listChannels" => Self::ListChannels,
            "getBundleDownloadSize" => Self::GetBundleDownloadSize {
                manifest: arguments.manifest()?,
                version: arguments.filled("version")?,
            },
            "getMissingBundleFiles" => Self::GetMissingBundleFiles {
                manifest: arguments.manifest()?,
                session_key: arguments.filled("sessionKey")?,
            },
            _ => return Err(CallError::unknown(method)),
        })
    }
}

#[cfg(test)]
mod tests;

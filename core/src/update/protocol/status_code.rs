//! The codes of answers that bring no bundle.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lenient;

/// What an answer without a bundle amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StatusKind {
    /// The device has what it should have.
    UpToDate,
    /// There is a bundle, and a rule of the channel keeps it from this device.
    Blocked,
    /// Something is wrong with the request or with how the app is set up on the server.
    Failed,
}

/// The code of an answer without a bundle.
///
/// Codes this version does not know are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatusCode(String);

/// Every code of the protocol: its kind, and what it means in plain words.
const KNOWN: &[(&str, StatusKind, &str)] = &[
    (
        "no_new_version_available",
        StatusKind::UpToDate,
        "the device has the channel's bundle already",
    ),
    (
        "already_on_builtin",
        StatusKind::UpToDate,
        "the channel wants the built-in bundle",
    ),
    (
        "cannot_update_via_private_channel",
        StatusKind::Blocked,
        "the device's default channel is private, and devices may not choose it",
    ),
    (
        "disabled_platform_ios",
        StatusKind::Blocked,
        "the channel is off for iOS",
    ),
    (
        "disabled_platform_android",
        StatusKind::Blocked,
        "the channel is off for Android",
    ),
    (
        "disabled_platform_electron",
        StatusKind::Blocked,
        "the channel is off for Electron",
    ),
    (
        "disable_auto_update_to_major",
        StatusKind::Blocked,
        "the channel allows no step to another major version than the native app's",
    ),
    (
        "disable_auto_update_to_minor",
        StatusKind::Blocked,
        "the channel allows no step to another minor version than the native app's",
    ),
    (
        "disable_auto_update_to_patch",
        StatusKind::Blocked,
        "the channel allows patches of the same minor version only",
    ),
    (
        "disable_auto_update_to_metadata",
        StatusKind::Blocked,
        "the native app is older than the bundle's minimum version",
    ),
    (
        "disable_auto_update_under_native",
        StatusKind::Blocked,
        "the bundle is older than the native app",
    ),
    (
        "disable_prod_build",
        StatusKind::Blocked,
        "the channel is not for production builds",
    ),
    (
        "disable_dev_build",
        StatusKind::Blocked,
        "the channel is not for development builds",
    ),
    (
        "disable_device",
        StatusKind::Blocked,
        "the channel is not for real devices",
    ),
    (
        "disable_emulator",
        StatusKind::Blocked,
        "the channel is not for emulators",
    ),
    (
        "key_id_mismatch",
        StatusKind::Blocked,
        "the bundle is encrypted for another key than the one in the app",
    ),
    (
        "provider_infrastructure_request_blocked",
        StatusKind::Blocked,
        "the request came from a data centre, not from a device",
    ),
    (
        "unknown_version_build",
        StatusKind::Failed,
        "the device does not say its native version",
    ),
    (
        "semver_error",
        StatusKind::Failed,
        "the native version is not a semantic version (like 1.2.3)",
    ),
    (
        "unsupported_plugin_version",
        StatusKind::Failed,
        "the plugin in the app is too old",
    ),
    (
        "missing_info",
        StatusKind::Failed,
        "the device does not say enough about itself",
    ),
    (
        "no_channel",
        StatusKind::Failed,
        "no channel is there for this device: make one public, or set defaultChannel in the app",
    ),
    (
        "null_channel_data",
        StatusKind::Failed,
        "the server has lost the channel's data",
    ),
    ("no_bundle", StatusKind::Failed, "the channel has no bundle"),
    (
        "misconfigured_channel",
        StatusKind::Failed,
        "the channel goes by minimum versions, and its bundle has none",
    ),
    (
        "revert_to_builtin_plugin_version_too_old",
        StatusKind::Failed,
        "the plugin in the app is too old to go back to the built-in bundle",
    ),
    (
        "no_bundle_url",
        StatusKind::Failed,
        "the server has no address for the bundle",
    ),
    (
        "no_url_or_manifest",
        StatusKind::Failed,
        "the bundle has neither an archive nor a manifest",
    ),
    (
        "missing_device_id",
        StatusKind::Failed,
        "the device has no id, or one that is no UUID",
    ),
    ("invalid_device_id", StatusKind::Failed, "the device's id is no UUID"),
    (
        "missing_app_id",
        StatusKind::Failed,
        "the app id is missing, or not a reverse domain",
    ),
    (
        "invalid_app_id",
        StatusKind::Failed,
        "the app id is not a reverse domain",
    ),
    (
        "invalid_json_body",
        StatusKind::Failed,
        "the server could not read the request",
    ),
    (
        "on_premise_app",
        StatusKind::Failed,
        "the server does not know the app: it belongs to another server",
    ),
];

impl StatusCode {
    /// The verdict with this code.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    /// The code as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its kind, if the code is known.
    #[must_use]
    pub fn kind(&self) -> Option<StatusKind> {
        self.known().map(|(_, kind, _)| *kind)
    }

    /// What it means, for people, if the code is known.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        self.known().map(|(_, _, meaning)| *meaning)
    }

    /// Every known verdict.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|(code, ..)| Self::new(*code))
    }

    fn known(&self) -> Option<&'static (&'static str, StatusKind, &'static str)> {
        KNOWN.iter().find(|(code, ..)| *code == self.0)
    }
}

/// Prints the code, as far as it is printable: it comes from a server.
impl fmt::Display for StatusCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.escape_debug())
    }
}

/// An answer without a bundle, as it is sent: a code, words for people, and what goes with some codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The code.
    pub error: StatusCode,
    /// Words for people; often in the server's own style.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: String,
    /// What it amounts to, as the server says; [`kind`](Self::kind) knows it for servers that do not say it.
    #[serde(default, rename = "kind", skip_serializing_if = "Option::is_none")]
    pub stated_kind: Option<ReportedKind>,
    /// The bundle this is about.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The version the device said it runs.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub old: Option<String>,
    /// Whether a major version stands between them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<bool>,
    /// What goes with refused requests.
    #[serde(default, rename = "moreInfo", skip_serializing_if = "Option::is_none")]
    pub more_info: Option<MoreInfo>,
}

/// A [`Kind`] as a server said it, which may be one this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReportedKind {
    /// One of the protocol's.
    Known(StatusKind),
    /// Another one.
    Other(String),
}

/// What goes with some refusals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoreInfo {
    /// Seconds until it is worth asking again.
    #[serde(default, rename = "retryAfterSeconds", skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

impl Notice {
    /// A notice with this code and these words, of the kind the code has.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let error = StatusCode::new(code);
        Self {
            stated_kind: error.kind().map(ReportedKind::Known),
            error,
            message: message.into(),
            version: None,
            old: None,
            major: None,
            more_info: None,
        }
    }

    /// What it amounts to: what the server said, else what the code means, else [`StatusKind::Failed`].
    #[must_use]
    pub fn kind(&self) -> StatusKind {
        match self.stated_kind {
            Some(ReportedKind::Known(kind)) => kind,
            _ => self.error.kind().unwrap_or(StatusKind::Failed),
        }
    }
}

/// Prints code and words, as far as they are printable: they come from a server.
impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.error)?;
        if self.message.is_empty() {
            return Ok(());
        }
        write!(out, ": {}", self.message.escape_debug())
    }
}

//! Codes of responses without a bundle.

use std::fmt;

use serde::{Deserialize, Serialize};

use serde_json::Value;

use super::lenient;
use super::members::{FromResponse, Members, expected, within};
use crate::setters::setters;

/// The kind of a response without a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StatusKind {
    /// The device is up to date.
    UpToDate,
    /// A rule of the channel excludes this device from the bundle.
    Blocked,
    /// The request is invalid, or the app is misconfigured on the server.
    Failed,
}

impl StatusKind {
    /// The kind as it is sent. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

impl StatusKind {
    /// The kind of this word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        [Self::UpToDate, Self::Blocked, Self::Failed]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// The code of a response without a bundle. Unknown codes are preserved.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatusCode(String);

/// Every code of the protocol, with its kind and meaning.
const KNOWN: &[(&str, StatusKind, &str)] = &[
    (
        "no_new_version_available",
        StatusKind::UpToDate,
        "the device already has the channel's bundle",
    ),
    (
        "already_on_builtin",
        StatusKind::UpToDate,
        "the channel selects the built-in bundle, which the device already has",
    ),
    (
        "cannot_update_via_private_channel",
        StatusKind::Blocked,
        "the device's default channel is private, and devices may not choose it",
    ),
    (
        "disabled_platform_ios",
        StatusKind::Blocked,
        "the channel is disabled for iOS",
    ),
    (
        "disabled_platform_android",
        StatusKind::Blocked,
        "the channel is disabled for Android",
    ),
    (
        "disabled_platform_electron",
        StatusKind::Blocked,
        "the channel is disabled for Electron",
    ),
    (
        "disable_auto_update_to_major",
        StatusKind::Blocked,
        "the channel does not update to a major version other than the native app's",
    ),
    (
        "disable_auto_update_to_minor",
        StatusKind::Blocked,
        "the channel does not update to a minor version other than the native app's",
    ),
    (
        "disable_auto_update_to_patch",
        StatusKind::Blocked,
        "the channel only updates to patches of the same minor version",
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
        "the bundle is encrypted for a different key than the app's",
    ),
    (
        "provider_infrastructure_request_blocked",
        StatusKind::Blocked,
        "the request came from a data center, not from a device",
    ),
    (
        "unknown_version_build",
        StatusKind::Failed,
        "the device did not send its native version",
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
        "the device did not send enough information",
    ),
    (
        "no_channel",
        StatusKind::Failed,
        "no channel serves this device: make one public, or set defaultChannel in the app",
    ),
    (
        "null_channel_data",
        StatusKind::Failed,
        "the server has no data for the channel",
    ),
    ("no_bundle", StatusKind::Failed, "the channel has no bundle"),
    (
        "misconfigured_channel",
        StatusKind::Failed,
        "the channel requires a minimum version, but its bundle has none",
    ),
    (
        "revert_to_builtin_plugin_version_too_old",
        StatusKind::Failed,
        "the plugin in the app is too old to return to the built-in bundle",
    ),
    (
        "no_bundle_url",
        StatusKind::Failed,
        "the server has no URL for the bundle",
    ),
    (
        "no_url_or_manifest",
        StatusKind::Failed,
        "the bundle has neither an archive nor a manifest",
    ),
    (
        "missing_device_id",
        StatusKind::Failed,
        "the device id is missing, or not a UUID",
    ),
    ("invalid_device_id", StatusKind::Failed, "the device id is not a UUID"),
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
        "the app belongs to another server",
    ),
];

/// [`KNOWN`] without the texts, which a phone does not link.
static KINDS: [(&str, StatusKind); KNOWN.len()] = {
    let mut kinds = [("", StatusKind::Failed); KNOWN.len()];
    let mut index = 0;
    while index < KNOWN.len() {
        kinds[index] = (KNOWN[index].0, KNOWN[index].1);
        index += 1;
    }
    kinds
};

impl StatusCode {
    /// Makes a status code from its text.
    #[must_use]
    pub fn new(code: impl Into<String>) -> Self {
        Self(code.into())
    }

    /// The code, as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of a known code.
    #[must_use]
    pub fn kind(&self) -> Option<StatusKind> {
        KINDS.iter().find(|(code, _)| *code == self.0).map(|(_, kind)| *kind)
    }

    /// The meaning of a known code, for people.
    #[must_use]
    pub fn meaning(&self) -> Option<&'static str> {
        let known = KNOWN.iter().find(|(code, ..)| *code == self.0);
        known.map(|(_, _, meaning)| *meaning)
    }

    /// Every known code.
    pub fn all() -> impl Iterator<Item = Self> {
        KNOWN.iter().map(|(code, ..)| Self::new(*code))
    }
}

/// Prints the code with control characters escaped, because it comes from a server.
impl fmt::Display for StatusCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0.escape_debug())
    }
}

/// A response without a bundle, as sent: a code, a message and details.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Notice {
    /// The code.
    pub error: StatusCode,
    /// The message for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub message: String,
    /// The kind that the server sent. [`kind`](Self::kind) also works for servers that send none.
    #[serde(default, rename = "kind", skip_serializing_if = "Option::is_none")]
    pub stated_kind: Option<ReportedKind>,
    /// The version of the bundle in question.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// The version that the device sent.
    #[serde(
        default,
        deserialize_with = "lenient::filled",
        skip_serializing_if = "Option::is_none"
    )]
    pub old: Option<String>,
    /// Whether the two differ in their major version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<bool>,
    /// Whether the native app cannot run the bundle: only an update from the app store can.
    #[serde(
        default,
        deserialize_with = "lenient::if_valid",
        skip_serializing_if = "Option::is_none"
    )]
    pub breaking: Option<bool>,
    /// Details of a refusal.
    #[serde(
        default,
        rename = "moreInfo",
        deserialize_with = "lenient::if_valid",
        skip_serializing_if = "Option::is_none"
    )]
    pub more_info: Option<MoreInfo>,
}

/// A [`StatusKind`] as a server sent it, possibly unknown to this version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReportedKind {
    /// A kind of the protocol.
    Known(StatusKind),
    /// An unknown kind.
    Other(String),
}

/// Details of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MoreInfo {
    /// Seconds to wait before the next request.
    #[serde(
        default,
        rename = "retryAfterSeconds",
        deserialize_with = "lenient::seconds",
        skip_serializing_if = "Option::is_none"
    )]
    pub retry_after_seconds: Option<u64>,
}

impl MoreInfo {
    setters! {
        with_retry_after_seconds(retry_after_seconds: impl Into<Option<u64>>);
    }
}

impl FromResponse for Notice {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            error: StatusCode(members.string("error")?),
            message: members.text("message")?,
            stated_kind: match members.find("kind") {
                None => None,
                Some(Value::String(word)) => {
                    let known = StatusKind::of_word(word).map(ReportedKind::Known);
                    Some(known.unwrap_or_else(|| ReportedKind::Other(word.clone())))
                }
                Some(other) => return Err(within("kind", &expected("a string", other))),
            },
            version: members.filled("version")?,
            old: members.filled("old")?,
            major: members.flag("major")?,
            // A member that another server may use for something else: only a boolean counts.
            breaking: members.find("breaking").and_then(Value::as_bool),
            more_info: members.find("moreInfo").and_then(|value| {
                let members = Members::of(value).ok()?;
                Some(MoreInfo {
                    retry_after_seconds: members.find("retryAfterSeconds").and_then(lenient::whole_seconds),
                })
            }),
        })
    }
}

impl Notice {
    /// A notice with this code and message. The code determines the kind.
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
            breaking: None,
            more_info: None,
        }
    }

    setters! {
        with_version(version: impl Into<Option<String>>);
        with_old(old: impl Into<Option<String>>);
        with_major(major: impl Into<Option<bool>>);
        with_breaking(breaking: impl Into<Option<bool>>);
        with_more_info(more_info: impl Into<Option<MoreInfo>>);
    }

    /// Whether an update is withheld that the native app cannot run. As in Capgo's plugin a member, a code or a message
    /// says so; also `major`, which self-hosted servers send with codes of their own.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        self.breaking == Some(true)
            || self.major == Some(true)
            || self.error.as_str() == "disable_auto_update_to_major"
            || self.message == "store_update_required"
    }

    /// The kind that the server sent, else the kind of the code, else [`StatusKind::Failed`].
    #[must_use]
    pub fn kind(&self) -> StatusKind {
        match self.stated_kind {
            Some(ReportedKind::Known(kind)) => kind,
            _ => self.error.kind().unwrap_or(StatusKind::Failed),
        }
    }
}

/// Prints the code and the message with control characters escaped, because they come from a server.
impl fmt::Display for Notice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.error)?;
        if self.message.is_empty() {
            return Ok(());
        }
        write!(out, ": {}", self.message.escape_debug())
    }
}

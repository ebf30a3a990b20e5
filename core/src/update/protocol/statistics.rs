//! Reports of devices: one event, or an array of events.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lenient;
use super::members::{FromResponse, Members, expected, within};
use super::report_action::ReportAction;
use super::request::UpdateRequest;
use crate::setters::setters;

/// An event on a device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatsEvent {
    /// The device and its running bundle. For a file of a bundle, `version_name` is `version:file`.
    #[serde(flatten)]
    pub device: UpdateRequest,
    /// The event: a [`ReportAction`], or another one that [`is_known_action`] accepts.
    #[serde(default, deserialize_with = "lenient::text")]
    pub action: String,
    /// The previous bundle, or empty.
    #[serde(default, deserialize_with = "lenient::text")]
    pub old_version_name: String,
}

impl StatsEvent {
    /// An event on this device.
    #[must_use]
    pub fn new(device: UpdateRequest, action: impl Into<String>) -> Self {
        Self {
            device,
            action: action.into(),
            old_version_name: String::new(),
        }
    }

    setters! {
        with_old_version_name(old_version_name: impl Into<String>);
    }
}

/// The response to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatsResponse {
    /// `ok`.
    pub status: String,
    /// For an array, the result of each event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<StatsResult>>,
}

impl StatsResponse {
    /// The report was received.
    #[must_use]
    pub fn ok() -> Self {
        Self {
            status: "ok".to_owned(),
            results: None,
        }
    }

    setters! {
        with_results(results: impl Into<Option<Vec<StatsResult>>>);
    }
}

/// The result of one event of an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatsResult {
    /// `ok` or `error`.
    pub status: String,
    /// The index in the array, from 0.
    pub index: usize,
    /// Why the event was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl StatsResult {
    /// The event at this index was counted.
    #[must_use]
    pub fn ok(index: usize) -> Self {
        Self {
            status: "ok".to_owned(),
            index,
            error: None,
        }
    }

    /// The event at this index was refused.
    #[must_use]
    pub fn refused(index: usize, error: impl Into<String>) -> Self {
        Self {
            status: "error".to_owned(),
            index,
            error: Some(error.into()),
        }
    }
}

impl FromResponse for StatsResponse {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        Ok(Self {
            status: members.string("status")?,
            results: members.list("results")?,
        })
    }
}

impl FromResponse for StatsResult {
    fn from_response(value: &Value) -> Result<Self, String> {
        let members = Members::of(value)?;
        let index = members.find("index").unwrap_or(&Value::Null);
        let number = index.as_u64().and_then(|number| usize::try_from(number).ok());
        Ok(Self {
            status: members.string("status")?,
            index: number.ok_or_else(|| within("index", &expected("a whole number", index)))?,
            error: members.string_if_any("error")?,
        })
    }
}

/// Prefixes of actions with many forms: crashes of the app, and events of its web view.
const FAMILIES: &[&str] = &["app_crash", "webview_"];

/// Whether servers accept this action: every [`ReportAction`], and the families with the prefixes `app_crash` and
/// `webview_`.
#[must_use]
pub fn is_known_action(action: &str) -> bool {
    let plain = action.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && action.len() <= 64;
    plain
        && (ReportAction::ALL.iter().any(|known| known.as_str() == action)
            || FAMILIES.iter().any(|family| action.starts_with(family)))
}

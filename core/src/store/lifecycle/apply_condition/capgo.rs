//! Conditions as Capgo's `setMultiDelay` receives them, and as its plugin stores them under
//! `DELAY_CONDITION_PREFERENCES_CAPGO`: an array of `{"kind", "value"}`, whose values are strings.

use serde_json::{Map, Value};

use super::ApplyCondition;
use crate::error::{Error, Result};
use crate::json::{JsonObject, compact, shown};
use crate::native::NativeVersion;
use crate::time::{Timestamp, UtcOffset};

impl ApplyCondition {
    /// Parses the conditions of Capgo's `setMultiDelay`, or the text that its plugin stored.
    ///
    /// | kind | value |
    /// |---|---|
    /// | `background` | milliseconds, as a string or a number; absent, `null` or empty is 0 |
    /// | `kill` | ignored |
    /// | `nativeVersion` | a version such as `2.0.0` |
    /// | `date` | a time as [`Timestamp::parse_iso8601`] takes it |
    ///
    /// Every form of date that Capgo's plugins for Android and iOS take is accepted. As there, a time without an offset
    /// is in local time: `local` is the offset of the device. An empty text means no conditions. Other members of a
    /// condition are ignored.
    ///
    /// Capgo's plugin drops a condition that it cannot parse and so applies the bundle early, its iOS plugin reads an
    /// unknown kind as `background`, and both take an invalid time in the background as 0. Here each of these is an
    /// error, and no condition is set.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the index, the kind, the expected and the found value.
    pub fn parse_capgo(json: &str, local: UtcOffset) -> Result<Vec<Self>> {
        if json.trim().is_empty() {
            return Ok(Vec::new());
        }
        let value: Value = serde_json::from_str(json).map_err(|error| Error::invalid_input(WHAT, error.to_string()))?;
        Self::from_capgo(&value, local)
    }

    /// The same for a parsed array.
    pub(crate) fn from_capgo(value: &Value, local: UtcOffset) -> Result<Vec<Self>> {
        let conditions = value.as_array().ok_or_else(|| {
            let found = shown(value);
            let problem = format!("expected an array of {{\"kind\", \"value\"}}, found {found}");
            Error::invalid_input(WHAT, problem)
        })?;
        conditions
            .iter()
            .enumerate()
            .map(|(index, condition)| one(index, condition, local))
            .collect()
    }

    /// The conditions as [`parse_capgo`](Self::parse_capgo) reads them, for getters and for the plugin's storage. Each
    /// has a `value`, since the plugin's own storage form does; that of `kill` is empty.
    #[must_use]
    pub fn to_capgo_json(conditions: &[Self]) -> String {
        compact(&Value::Array(conditions.iter().map(Self::to_capgo).collect()))
    }

    fn to_capgo(&self) -> Value {
        let (kind, value) = match self {
            Self::Background(milliseconds) => ("background", milliseconds.to_string()),
            Self::Kill => ("kill", String::new()),
            Self::NativeVersion(version) => ("nativeVersion", version.as_str().to_owned()),
            Self::Date(date) => ("date", date.to_iso8601()),
        };
        JsonObject::new().text("kind", kind).text("value", &value).done()
    }
}

const WHAT: &str = "delayConditions";

fn one(index: usize, condition: &Value, local: UtcOffset) -> Result<ApplyCondition> {
    let Some(members) = condition.as_object() else {
        let problem = format!("expected an object with kind and value, found {}", shown(condition));
        return Err(Error::invalid_input(format!("{WHAT}[{index}]"), problem));
    };
    let kind = members.get("kind").unwrap_or(&Value::Null);
    parse(kind, members, local).map_err(|problem| {
        let kind = shown(kind);
        Error::invalid_input(format!("{WHAT}[{index}], kind {kind}"), problem)
    })
}

fn parse(kind: &Value, members: &Map<String, Value>, local: UtcOffset) -> Result<ApplyCondition, String> {
    let value = members.get("value").unwrap_or(&Value::Null);
    match kind.as_str() {
        Some("background") => milliseconds(value).map(ApplyCondition::Background),
        Some("kill") => Ok(ApplyCondition::Kill),
        Some("nativeVersion") => version(value).map(ApplyCondition::NativeVersion),
        Some("date") => date(value, local).map(ApplyCondition::Date),
        _ => Err("expected background, kill, nativeVersion or date".to_owned()),
    }
}

fn milliseconds(value: &Value) -> Result<u64, String> {
    let number = match value {
        Value::Null => Some(0),
        Value::String(text) if text.is_empty() => Some(0),
        Value::String(text) => text.parse().ok(),
        value => value.as_u64(),
    };
    number.ok_or_else(|| {
        let found = shown(value);
        format!("expected a whole number of milliseconds from 0, such as \"300000\", found {found}")
    })
}

fn version(value: &Value) -> Result<NativeVersion, String> {
    let version = value.as_str().map(NativeVersion::new);
    // A version that cannot be compared would hold the bundle back permanently.
    version.filter(NativeVersion::is_comparable).ok_or_else(|| {
        let found = shown(value);
        format!("expected a version such as \"2.0.0\", found {found}")
    })
}

fn date(value: &Value, local: UtcOffset) -> Result<Timestamp, String> {
    match value {
        Value::String(text) => Timestamp::from_iso8601(text, local),
        value => {
            let found = shown(value);
            Err(format!(
                "expected an ISO 8601 date such as \"2030-01-31T23:59:59Z\", found {found}"
            ))
        }
    }
}

#[cfg(test)]
mod tests;

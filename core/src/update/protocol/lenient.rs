//! Lenient deserialization: some senders write a number instead of a string, or `null` instead of omitting a member.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(untagged)]
enum Word {
    Text(String),
    Number(i64),
    Nothing,
}

/// A string, an integer as a string, or `null` as the empty string.
pub(super) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Word::deserialize(from)? {
        Word::Text(text) => text,
        Word::Number(number) => number.to_string(),
        Word::Nothing => String::new(),
    })
}

/// A non-empty string, or `None`.
pub(super) fn filled<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    text(from).map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// A boolean; `null` is `false`.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Option::<bool>::deserialize(from).map(|flag| flag == Some(true))
}

/// A value of this type, or `None`: a detail in another form must not invalidate the response.
pub(super) fn if_valid<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(serde_json::from_value(value).ok())
}

/// As [`whole_seconds`].
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(from).map(|value| whole_seconds(&value))
}

/// A time in seconds, rounded up; `None` if it is negative or not a number.
pub(super) fn whole_seconds(value: &Value) -> Option<u64> {
    let fraction = || value.as_f64().filter(|seconds| *seconds >= 0.0);
    let whole = || Duration::try_from_secs_f64(fraction()?.ceil()).ok();
    value.as_u64().or_else(|| whole().map(|time| time.as_secs()))
}

//! What members of signed documents may hold (docs/format.md).

use std::fmt;
use std::str::FromStr;

use crate::app_id::AppId;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::path::printable;
use crate::store::{NativeRange, NativeVersion, Timestamp};
use crate::strict_json::{Object, Value};

use super::refusal::{Refusal, RefusalReason};

/// The one format there is of each document.
pub(super) const FORMAT: u64 = 1;
const MAX_CHANNEL_BYTES: usize = 64;
/// Of versions, of bundles and native ones.
const MAX_VERSION_BYTES: usize = 256;

/// The name of a channel: 1 to 64 of `a-z A-Z 0-9 . _ -`, not beginning with a dot. It is part of paths as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelName(Box<str>);

impl ChannelName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChannelName {
    type Err = Error;

    /// Anything else is [`InvalidInput`](crate::ErrorKind::InvalidInput).
    fn from_str(text: &str) -> Result<Self> {
        let fits = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if fits && !text.is_empty() && text.len() <= MAX_CHANNEL_BYTES && !text.starts_with('.') {
            return Ok(Self(text.into()));
        }
        let problem = format!("expected 1 to {MAX_CHANNEL_BYTES} of a-z A-Z 0-9 . _ -, not beginning with a dot");
        Err(Error::invalid_input(
            format!("channel {}", printable(text.as_bytes())),
            problem,
        ))
    }
}

impl fmt::Display for ChannelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Refuses a document of another format, or one with a critical member that is not among `known`, before anything else of
/// it is looked at.
pub(super) fn require_understood(document: &Object<'_>, known: &[&str]) -> Result<(), Refusal> {
    let format = document.get("format", Value::number).map_err(Refusal::malformed)?;
    if format != FORMAT {
        let problem = format!("it has format {format}, and this version knows {FORMAT} only; a later one may read it");
        return Err(Refusal::new(RefusalReason::UnknownFormat, problem));
    }
    let names = critical(document).map_err(Refusal::malformed)?;
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let problem = format!(
                "a reader must understand its member {}, which this version does not know",
                printable(name.as_bytes())
            );
            Err(Refusal::new(RefusalReason::UnknownCritical, problem))
        }
    }
}

/// The names in `critical`, each of which must be there, and once.
pub(super) fn critical_members(document: &Object<'_>) -> Result<Vec<String>, String> {
    let names = critical(document)?;
    for (place, name) in names.iter().enumerate() {
        if document.find(name).is_none() {
            return Err(format!(
                "critical: the member {} is not there",
                printable(name.as_bytes())
            ));
        }
        if names[..place].contains(name) {
            return Err(format!("critical: it names {} twice", printable(name.as_bytes())));
        }
    }
    Ok(names)
}

fn critical(document: &Object<'_>) -> Result<Vec<String>, String> {
    let names = document.get_if_any("critical", |value| {
        let names = value.list()?.iter();
        names.map(|name| name.text().map(str::to_owned)).collect()
    })?;
    Ok(names.unwrap_or_default())
}

pub(super) fn app_id(value: &Value<'_>) -> Result<AppId, String> {
    let id: AppId = value.text()?.parse().map_err(|error: Error| error.to_string())?;
    if id.is_reverse_domain() {
        return Ok(id);
    }
    Err(format!(
        "app id {id}: expected a reverse domain such as com.example.app"
    ))
}

pub(super) fn channel(value: &Value<'_>) -> Result<ChannelName, String> {
    value.text()?.parse().map_err(|error: Error| error.to_string())
}

/// A number from 1 on.
pub(super) fn positive(value: &Value<'_>) -> Result<u64, String> {
    match value.number()? {
        0 => Err("expected a number from 1 on, found 0".to_owned()),
        number => Ok(number),
    }
}

pub(super) fn time(value: &Value<'_>) -> Result<Timestamp, String> {
    value.number().map(Timestamp)
}

/// A SHA-256 as 64 digits, in lower case only: one digest is written in one way.
pub(super) fn digest(value: &Value<'_>) -> Result<Sha256Digest, String> {
    let text = value.text()?;
    let digest: Sha256Digest = text.parse().map_err(|error: Error| error.to_string())?;
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("expected lower-case hexadecimal digits".to_owned());
    }
    Ok(digest)
}

/// What people call a version.
pub(super) fn version(value: &Value<'_>) -> Result<String, String> {
    let text = bounded(value, MAX_VERSION_BYTES)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected a version without control characters".to_owned());
    }
    Ok(text)
}

/// A text of at most so many bytes.
pub(super) fn bounded(value: &Value<'_>, most: usize) -> Result<String, String> {
    let text = value.text()?;
    if text.len() > most {
        return Err(format!("it has {} bytes, at most {most} are allowed", text.len()));
    }
    Ok(text.to_owned())
}

pub(super) fn native_range(value: &Value<'_>) -> Result<NativeRange, String> {
    let range = value.object()?;
    Ok(NativeRange {
        min: range.get_if_any("min", native_version)?,
        max: range.get_if_any("max", native_version)?,
    })
}

fn native_version(value: &Value<'_>) -> Result<NativeVersion, String> {
    let version = NativeVersion::new(bounded(value, MAX_VERSION_BYTES)?);
    // What has no place in the order is at least nothing, not even itself.
    if version.at_least(&version) {
        Ok(version)
    } else {
        Err("expected numbers divided by dots, such as 1.2.3".to_owned())
    }
}

pub(super) fn require_app(found: &AppId, expected: &AppId) -> Result<(), Refusal> {
    if found == expected {
        return Ok(());
    }
    let problem = format!("it is for {found}, and this app is {expected}");
    Err(Refusal::new(RefusalReason::WrongApp, problem))
}

//! What members of signed documents may hold (docs/format.md).

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::{ParseDigestError, Sha256Digest};
use crate::error::{Error, Result};
use crate::json::{Object, Value};
use crate::native::{NativeRange, NativeVersion};
use crate::path::printable;
use crate::time::Timestamp;

use super::refusal::Refusal;
use crate::error::RefusalReason;

/// The one format there is of each document.
pub(super) const FORMAT: u64 = 1;
/// Of versions, of bundles and native ones.
const MAX_VERSION_BYTES: usize = 256;

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
    let digest: Sha256Digest = text
        .parse()
        .map_err(|error: ParseDigestError| Error::from(error).to_string())?;
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

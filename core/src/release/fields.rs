//! Members of signed documents and their valid values (docs/format.md).

use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::{ParseDigestError, Sha256Digest};
use crate::error::{Error, RefusalReason, Result};
use crate::json::{Object, Value};
use crate::native::{NativeRange, NativeVersion};
use crate::path::printable;
use crate::time::Timestamp;

use super::refusal::Refusal;

/// The only format of each document.
pub(super) const FORMAT: u64 = 1;
/// Maximum size of bundle and native versions.
const MAX_VERSION_BYTES: usize = 256;

/// Refuses a document of another format, or with a critical member that is not in `known`. Runs before the other members are
/// read.
pub(super) fn require_understood(document: &Object<'_>, known: &[&str]) -> Result<(), Refusal> {
    let format = document.get("format", Value::number).map_err(Refusal::malformed)?;
    if format != FORMAT {
        let problem = format!("unknown format {format}; this version reads {FORMAT} only, a later version may read it");
        return Err(Refusal::new(RefusalReason::UnknownFormat, problem));
    }
    let names = critical(document).map_err(Refusal::malformed)?;
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let problem = format!(
                "unknown critical member {}; a later version may know it",
                printable(name.as_bytes())
            );
            Err(Refusal::new(RefusalReason::UnknownCritical, problem))
        }
    }
}

/// The names in `critical`: unique, and each a member of the document.
pub(super) fn critical_members(document: &Object<'_>) -> Result<Vec<String>, String> {
    let names = critical(document)?;
    for (place, name) in names.iter().enumerate() {
        if document.find(name).is_none() {
            return Err(format!(
                "critical: the document has no member {}",
                printable(name.as_bytes())
            ));
        }
        if names[..place].contains(name) {
            return Err(format!("critical: duplicate name {}", printable(name.as_bytes())));
        }
    }
    Ok(names)
}

fn critical(document: &Object<'_>) -> Result<Vec<String>, String> {
    let names = document.get_if_any("critical", |value| {
        let names = value.array()?.iter();
        names.map(|name| name.string().map(str::to_owned)).collect()
    })?;
    Ok(names.unwrap_or_default())
}

pub(super) fn app_id(value: &Value<'_>) -> Result<AppId, String> {
    let id: AppId = value.string()?.parse().map_err(|error: Error| error.to_string())?;
    if id.is_reverse_domain() {
        return Ok(id);
    }
    Err(format!(
        "app id {id}: expected a reverse domain such as com.example.app"
    ))
}

pub(super) fn channel(value: &Value<'_>) -> Result<ChannelName, String> {
    value.string()?.parse().map_err(|error: Error| error.to_string())
}

/// A number of at least 1.
pub(super) fn positive(value: &Value<'_>) -> Result<u64, String> {
    match value.number()? {
        0 => Err("expected at least 1, found 0".to_owned()),
        number => Ok(number),
    }
}

pub(super) fn time(value: &Value<'_>) -> Result<Timestamp, String> {
    value.number().map(Timestamp)
}

/// A SHA-256 as 64 lower-case digits. Upper case is refused, so that a digest has one form.
pub(super) fn digest(value: &Value<'_>) -> Result<Sha256Digest, String> {
    let text = value.string()?;
    let digest: Sha256Digest = text
        .parse()
        .map_err(|error: ParseDigestError| Error::from(error).to_string())?;
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("expected lower-case hexadecimal digits".to_owned());
    }
    Ok(digest)
}

/// A version for people.
pub(super) fn version(value: &Value<'_>) -> Result<String, String> {
    let text = bounded(value, MAX_VERSION_BYTES)?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("expected a version without control characters".to_owned());
    }
    Ok(text)
}

/// A string of at most `max_len` bytes.
pub(super) fn bounded(value: &Value<'_>, max_len: usize) -> Result<String, String> {
    let text = value.string()?;
    if text.len() > max_len {
        return Err(format!("expected at most {max_len} bytes, found {}", text.len()));
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
    // A version that is not comparable is not even at least itself.
    if version.at_least(&version) {
        Ok(version)
    } else {
        Err("expected numbers separated by dots, such as 1.2.3".to_owned())
    }
}

pub(super) fn require_app(found: &AppId, expected: &AppId) -> Result<(), Refusal> {
    if found == expected {
        return Ok(());
    }
    let problem = format!("expected one for the app {expected}, found one for {found}");
    Err(Refusal::new(RefusalReason::WrongApp, problem))
}

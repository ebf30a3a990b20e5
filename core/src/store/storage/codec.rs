//! Encoding of the small files of a store.
//!
//! Two lines: a header `{"capbundle":"<kind>","format":1,"generation":<n>,"sha256":"<hex>"}`, and the contents as JSON.
//! The digest covers the generation and the contents, which detects torn, truncated and mixed-up files.

use serde::Serialize;
use serde_json::Value;

use super::json::{self, FromJson, Object};
use crate::digest::Sha256Digest;

/// The format that this version writes, and the only one so far.
const FORMAT: u32 = 1;
/// No file of a store comes near this size; a longer one was not written by it.
pub(in crate::store) const MAX_BYTES: u64 = 64 << 20;

#[derive(Serialize)]
struct FileHeader {
    capbundle: String,
    format: u32,
    generation: u64,
    sha256: String,
}

impl FromJson for FileHeader {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            capbundle: object.get("capbundle")?,
            format: object.get("format")?,
            generation: object.get("generation")?,
            sha256: object.get("sha256")?,
        })
    }
}

/// Encodes `contents` as a file of the kind `what`.
pub(in crate::store) fn encode<T: Serialize>(what: &str, generation: u64, contents: &T) -> serde_json::Result<Vec<u8>> {
    with_header(what, generation, &serde_json::to_vec(contents)?)
}

/// Not generic, so that all types share it; as [`decode_value`].
#[inline(never)]
fn with_header(what: &str, generation: u64, contents: &[u8]) -> serde_json::Result<Vec<u8>> {
    let sha256 = digest(generation, contents).to_string();
    let header = FileHeader {
        capbundle: what.to_owned(),
        format: FORMAT,
        generation,
        sha256,
    };
    let mut bytes = serde_json::to_vec(&header)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(contents);
    bytes.push(b'\n');
    Ok(bytes)
}

/// Decodes a file, or returns what is wrong with it.
pub(in crate::store) fn decode<T: FromJson>(what: &str, bytes: &[u8]) -> Result<(u64, T), String> {
    let (generation, contents) = decode_value(what, bytes)?;
    Ok((generation, T::from_json(&contents)?))
}

#[inline(never)]
pub(super) fn decode_value(what: &str, bytes: &[u8]) -> Result<(u64, Value), String> {
    let line_end = bytes.iter().position(|byte| *byte == b'\n').ok_or("truncated")?;
    let header: FileHeader = json::read(&bytes[..line_end]).map_err(|error| format!("header: {error}"))?;
    if header.capbundle != what {
        return Err(format!("expected a {what}, found a {}", header.capbundle));
    }
    if header.format != FORMAT {
        return Err(format!("expected format {FORMAT}, found {}", header.format));
    }
    let contents = bytes[line_end + 1..].strip_suffix(b"\n").ok_or("truncated")?;
    if digest(header.generation, contents).to_string() != header.sha256 {
        return Err("the digest does not match the contents".to_owned());
    }
    Ok((header.generation, json::parse(contents)?))
}

fn digest(generation: u64, contents: &[u8]) -> Sha256Digest {
    let mut bytes = generation.to_be_bytes().to_vec();
    bytes.extend_from_slice(contents);
    Sha256Digest::of(&bytes)
}

#[cfg(test)]
mod tests;

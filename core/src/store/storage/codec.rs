//! The bytes of everything the store keeps in small files.
//!
//! Two lines: a header `{"capbundle":"<what>","format":1,"generation":<n>,"sha256":"<hex>"}`, and the contents as JSON.
//! The digest covers the generation and the contents, so a torn, truncated or mixed-up file is seen to be one.

use serde::Serialize;
use serde_json::Value;

use super::json::{self, FromJson, Object};
use crate::digest::Sha256Digest;

/// The format this version writes, and the only one there is so far.
const FORMAT: u32 = 1;
/// No file of the store comes near; what is longer was not written by it.
pub(in crate::store) const MAX_BYTES: u64 = 64 << 20;

#[derive(Serialize)]
struct Header {
    capbundle: String,
    format: u32,
    generation: u64,
    sha256: String,
}

impl FromJson for Header {
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

/// The file for `contents`, which are a `what` of this generation.
pub(in crate::store) fn encode<T: Serialize>(what: &str, generation: u64, contents: &T) -> serde_json::Result<Vec<u8>> {
    let contents = serde_json::to_vec(contents)?;
    let sha256 = digest(generation, &contents).to_string();
    let header = Header {
        capbundle: what.to_owned(),
        format: FORMAT,
        generation,
        sha256,
    };
    let mut bytes = serde_json::to_vec(&header)?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&contents);
    bytes.push(b'\n');
    Ok(bytes)
}

/// The generation and contents of a file, or what is wrong with it.
pub(in crate::store) fn decode<T: FromJson>(what: &str, bytes: &[u8]) -> Result<(u64, T), String> {
    let line_end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it is cut short")?;
    let header: Header = json::read(&bytes[..line_end]).map_err(|error| format!("its header: {error}"))?;
    if header.capbundle != what {
        return Err(format!("expected a {what}, found a {}", header.capbundle));
    }
    if header.format != FORMAT {
        return Err(format!("its format is {}; this version reads {FORMAT}", header.format));
    }
    let contents = bytes[line_end + 1..].strip_suffix(b"\n").ok_or("it is cut short")?;
    if digest(header.generation, contents).to_string() != header.sha256 {
        return Err("its digest does not fit its contents".to_owned());
    }
    Ok((header.generation, json::read(contents)?))
}

fn digest(generation: u64, contents: &[u8]) -> Sha256Digest {
    let mut bytes = generation.to_be_bytes().to_vec();
    bytes.extend_from_slice(contents);
    Sha256Digest::of(&bytes)
}

#[cfg(test)]
mod tests;

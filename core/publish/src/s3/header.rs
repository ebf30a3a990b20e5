//! Headers of objects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;

/// The header that stores the digest of the whole file, whether or not the server supports checksums.
pub(super) const DIGEST: &str = "x-amz-meta-sha256";
/// The header with the checksum that the server stores.
pub(super) const CHECKSUM: &str = "x-amz-checksum-sha256";

/// Normalizes whitespace as the signature does.
pub(super) fn header(name: &str, value: &str) -> Result<String> {
    let clean = value.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    if clean.is_empty() || !clean.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        let problem = format!("expected ASCII text, found {value:?}");
        return Err(Error::invalid_input(name, problem));
    }
    Ok(clean)
}

pub(super) fn base64(digest: &Sha256Digest) -> String {
    BASE64.encode(digest.as_bytes())
}

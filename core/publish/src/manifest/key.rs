//! Keys of single files in a bucket or below a URL.

use super::file::{Manifest, ManifestFile};
use crate::percent::percent_encode;
use capbundle::digest::Sha256Digest;

/// Longest name of a file or folder that every file system stores, less the digest before it.
const MAX_SEGMENT: usize = 180;
/// Amazon's limit for a key is 1,024 bytes. The rest is for the prefix of the bucket.
const MAX_NAME: usize = 640;

/// The key of a file below the folder of its app: `delta/[session/]<SHA-256 of file_hash>_<name>`.
///
/// The parts of the name are percent-encoded. A name that would be too long for a bucket or a file system is left out.
/// Without encryption the key depends on the content and the name only, so versions share the files that did not change.
/// Encrypted files are in a folder of their version, named by the SHA-256 of its `ivSessionKey`; Capgo's cloud has the
/// hexadecimal `ivSessionKey` there, which is longer than a file system's limit.
#[must_use]
pub fn file_key(manifest: &Manifest, file: &ManifestFile) -> String {
    let mut key = "delta/".to_owned();
    if let Some(session) = &manifest.session {
        key.push_str(session);
        key.push('/');
    }
    key.push_str(&Sha256Digest::of(file.file_hash.as_bytes()).to_string());
    let name = encoded(&file.file_name);
    if name.len() <= MAX_NAME && name.split('/').all(|part| part.len() <= MAX_SEGMENT) {
        key.push('_');
        key.push_str(&name);
    } else if file.is_brotli {
        key.push_str(".br");
    }
    key
}

fn encoded(name: &str) -> String {
    let mut parts = name.split('/').map(|part| percent_encode(part).to_string());
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |path, part| path + "/" + &part)
}

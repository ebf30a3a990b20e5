//! The single files of an offer (Capgo's manifest): what each must be, and opening one as it arrives.
//!
//! A manifest names files by path, URL and hash. With keys, every hash must be signed with one of them, the one that also
//! wrapped the session key. There is no fallback to hashes that are not signed. The signatures bind each hash to neither
//! the name of the file, nor the version, nor the set of files, so this proves less than a signed archive.
//!
//! A manifest has no sizes. [`ManifestFiles::open`] limits each file, and the caller the total.

mod open;

use std::fmt;

pub use open::FileReader;

use super::protocol::{ManifestEntry, UpdateOffer};
use crate::capgo::{self, ChecksumForm, FileCipher, IvSessionKey, SignedChecksum};
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};
use crate::http::Url;
use crate::keys::{KeyId, VerifyingKey, VerifyingKeys};
use crate::limits::Limits;
use crate::path::{SafePath, printable};

/// The ending of the name of a compressed file.
const BROTLI: &str = ".br";

/// A file of a checked manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManifestFile {
    /// The path in the bundle.
    pub path: SafePath,
    /// SHA-256 of the final bytes.
    pub digest: Sha256Digest,
    /// The URL of the file.
    pub url: Url,
    /// Whether the file is compressed with Brotli.
    pub is_brotli: bool,
}

/// The files of a manifest whose names and hashes were checked.
#[derive(Debug)]
pub struct ManifestFiles {
    files: Vec<ManifestFile>,
    signer: Option<KeyId>,
    cipher: Option<FileCipher>,
}

/// The keys of an app, and the form of its signed hashes. Local configuration, never part of an offer.
#[derive(Debug, Clone, Copy)]
pub struct ManifestKeys<'a> {
    /// One of them must have signed every hash and wrapped the session key.
    pub keys: &'a VerifyingKeys,
    /// The form of the signed hashes.
    pub form: ChecksumForm,
}

impl ManifestFiles {
    /// Checks the manifest of an offer.
    ///
    /// With `keys`, the files are encrypted and every hash is signed. Without, the hashes come from the server: they prove
    /// only that a file is the one that the server offered.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) for a hash or session key that is missing or of another kind;
    /// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) if one key did not sign all hashes and wrap the session key;
    /// [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) for a name that is unsafe, occurs twice or is also a folder;
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for too many files;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid URL and an empty manifest.
    pub fn check(offer: &UpdateOffer, keys: Option<ManifestKeys<'_>>, limits: &Limits) -> Result<Self> {
        let entries = &offer.manifest;
        let Some(first) = entries.first() else {
            return Err(Error::invalid_input("manifest", "the offer has no single files"));
        };
        if entries.len() as u64 > limits.entries {
            return Err(Error::LimitExceeded {
                path: MANIFEST.into(),
                entry: None,
                what: "the number of files",
                limit: limits.entries,
            });
        }
        let signing = match keys {
            Some(keys) => Some(Signing::find(keys, first, offer.session_key.as_deref())?),
            None if offer.session_key.as_deref().is_some_and(|key| !key.is_empty()) => {
                let problem = "the files are encrypted; the app needs the public key";
                return Err(Error::not_trusted(MANIFEST, problem));
            }
            None => None,
        };
        let mut files = Vec::with_capacity(entries.len());
        for entry in entries {
            files.push(file(entry, signing.as_ref(), limits)?);
        }
        require_tree(&files)?;
        Ok(Self {
            files,
            signer: signing.as_ref().map(|signing| signing.key.id()),
            cipher: signing.map(|signing| signing.cipher),
        })
    }

    /// The files, in the order of the manifest.
    #[must_use]
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// The key that signed every hash; `None` if the hashes are not signed.
    #[must_use]
    pub fn signer(&self) -> Option<KeyId> {
        self.signer
    }
}

/// For messages.
const MANIFEST: &str = "manifest";

/// The key of a manifest.
struct Signing<'a> {
    key: &'a VerifyingKey,
    form: ChecksumForm,
    cipher: FileCipher,
}

impl<'a> Signing<'a> {
    fn find(keys: ManifestKeys<'a>, first: &ManifestEntry, session_key: Option<&str>) -> Result<Self> {
        let iv_session_key: IvSessionKey = session_key.unwrap_or_default().parse()?;
        let checksum = SignedChecksum::parse(hash_of(first), keys.form)?;
        let signer = capgo::find_signer(keys.keys, &checksum, Some(&iv_session_key))?;
        Ok(Self {
            key: signer.key,
            form: keys.form,
            cipher: FileCipher::new(&iv_session_key, signer.key)?,
        })
    }
}

fn hash_of(entry: &ManifestEntry) -> &str {
    entry.file_hash.as_deref().unwrap_or_default()
}

fn file(entry: &ManifestEntry, signing: Option<&Signing<'_>>, limits: &Limits) -> Result<ManifestFile> {
    let name = entry.file_name.as_deref().unwrap_or_default();
    let (target, is_brotli) = match name.strip_suffix(BROTLI) {
        Some(target) => (target, true),
        None => (name, false),
    };
    // A name that ends in a slash is that of a folder.
    let path = match SafePath::parse(target.as_bytes(), limits) {
        Ok(Some(path)) if !target.ends_with('/') => path,
        Ok(_) => return Err(unsafe_name(name, &"not the name of a file")),
        Err(problem) => return Err(unsafe_name(name, &problem)),
    };
    let digest = match signing {
        Some(signing) => SignedChecksum::parse(hash_of(entry), signing.form)?.verify(signing.key)?,
        None => hash_of(entry).parse().map_err(|_| {
            let problem = "expected a SHA-256 as 64 hexadecimal digits; if it is signed, the app needs the public key";
            Error::not_trusted(part("hash", name), problem)
        })?,
    };
    Ok(ManifestFile {
        path,
        digest,
        url: entry.download_url.as_deref().unwrap_or_default().parse()?,
        is_brotli,
    })
}

/// Refuses a path that occurs twice, or that is also the folder of another file.
fn require_tree(files: &[ManifestFile]) -> Result<()> {
    let mut paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    for (at, path) in paths.iter().enumerate() {
        if paths.get(at + 1) == Some(path) {
            return Err(unsafe_name(path, &"the name occurs twice"));
        }
        for (end, _) in path.match_indices('/') {
            if paths.binary_search(&&path[..end]).is_ok() {
                return Err(unsafe_name(&path[..end], &"the name is that of a file and of a folder"));
            }
        }
    }
    Ok(())
}

fn unsafe_name(name: &str, problem: &dyn fmt::Display) -> Error {
    Error::unsafe_archive(MANIFEST.as_ref(), Some(printable(name.as_bytes())), problem.to_string())
}

fn part(what: &str, name: &str) -> String {
    format!("{what} of {} in the manifest", printable(name.as_bytes()))
}

#[cfg(test)]
mod tests;

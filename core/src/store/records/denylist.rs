//! The denylist: releases whose archive was refused for its content, and is not downloaded again.
//!
//! Kept in a file of its own beside the state. Without this file a device only downloads a refused archive once more.

use serde::Serialize;
use serde_json::Value;

use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::store::storage::json::{FromJson, Object};
use crate::store::storage::{FileContent, Storage};

const REFUSED: &str = "refused";
/// Number of releases kept, the newest: a channel offers two at a time.
const KEPT: usize = 8;
/// Characters of an error message that are kept. It may name files of the archive.
const MAX_PROBLEM: usize = 500;
/// Errors caused by the content of an archive that is known to belong to its release. All others may not recur.
const FAULTS: [ErrorKind; 6] = [
    ErrorKind::NotABundle,
    ErrorKind::UnsafeArchive,
    ErrorKind::LimitExceeded,
    ErrorKind::DigestMismatch,
    ErrorKind::DecryptionFailed,
    ErrorKind::Unsupported,
];

/// The releases whose archives this app refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct Denylist {
    /// Digest of the conditions of the decisions: another native build, other limits or other content keys may accept
    /// the archives.
    #[serde(serialize_with = "as_text")]
    decided_by: Sha256Digest,
    /// From the oldest to the newest.
    releases: Vec<DeniedRelease>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct DeniedRelease {
    #[serde(serialize_with = "as_text")]
    payload_sha256: Sha256Digest,
    /// The name of the [`ErrorKind`].
    kind: String,
    problem: String,
}

impl DeniedRelease {
    /// A later version wrote a kind that this one does not know; its reason does not apply here.
    fn into_error(self) -> Option<Error> {
        let kind = FAULTS.into_iter().find(|kind| kind.as_str() == self.kind)?;
        Some(Error::RefusedBefore {
            kind,
            problem: self.problem,
        })
    }
}

/// Whether the content of an archive that belongs to its release causes this error.
pub(in crate::store) fn is_fault_of_archive(error: &Error) -> bool {
    FAULTS.contains(&error.kind())
}

impl Denylist {
    /// An empty denylist for these conditions.
    pub(in crate::store) fn new(decided_by: Sha256Digest) -> Self {
        let releases = Vec::new();
        Self { decided_by, releases }
    }

    /// Whether the denylist was made under these conditions. Otherwise it does not apply.
    pub(in crate::store) fn is_decided_by(&self, decided_by: &Sha256Digest) -> bool {
        self.decided_by == *decided_by
    }

    /// The error for which the archive of this release was refused.
    pub(in crate::store) fn error_of(self, payload: &Sha256Digest) -> Option<Error> {
        let mut releases = self.releases.into_iter();
        let known = releases.find(|release| release.payload_sha256 == *payload);
        known.and_then(DeniedRelease::into_error)
    }

    /// Adds a release as the newest. The oldest beyond [`KEPT`] are dropped.
    pub(in crate::store) fn add(&mut self, payload: Sha256Digest, error: &Error) {
        self.releases.retain(|release| release.payload_sha256 != payload);
        self.releases.push(DeniedRelease {
            payload_sha256: payload,
            kind: error.kind().as_str().to_owned(),
            problem: error.to_string().chars().take(MAX_PROBLEM).collect(),
        });
        self.releases.drain(..self.releases.len().saturating_sub(KEPT));
    }
}

impl Storage {
    /// Writes the denylist, durable when it returns.
    pub(in crate::store) fn save_denylist(&self, denylist: &Denylist) -> Result<()> {
        self.replace_durably(&self.layout.refused(), REFUSED, denylist)
    }

    /// The denylist. An undecodable file counts as empty: each archive is then downloaded once more.
    pub(in crate::store) fn denylist(&self) -> Result<Option<Denylist>> {
        match self.find(REFUSED, &self.layout.refused())? {
            FileContent::Good(_, denylist) => Ok(Some(denylist)),
            FileContent::Corrupt(_) | FileContent::Missing => Ok(None),
        }
    }
}

fn as_text<S: serde::Serializer>(value: &Sha256Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl FromJson for Denylist {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            decided_by: object.get("decided_by")?,
            releases: object.get("releases")?,
        })
    }
}

impl FromJson for DeniedRelease {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            payload_sha256: object.get("payload_sha256")?,
            kind: object.get("kind")?,
            problem: object.get("problem")?,
        })
    }
}

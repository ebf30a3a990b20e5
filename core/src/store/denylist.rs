//! Releases whose archive was refused for what is in it: such a one is not downloaded again.
//!
//! Kept in a file of its own beside the state: what is refused changes nothing of that, and without this file a device only
//! downloads once more than it must.

use serde::Serialize;
use serde_json::Value;

use super::Store;
use super::json::{FromJson, Object};
use super::release::ReleaseOptions;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::release::TrustedRelease;

/// The last ones count: a channel offers two at a time.
const KEPT: usize = 8;
/// Characters of a message that are kept. It may name files of the archive.
const MAX_PROBLEM: usize = 500;
/// What an archive itself can be at fault for, once it is known to be the one that a release names. Everything else may be
/// otherwise the next time.
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
pub(super) struct RefusedReleases {
    /// What decided, beside the archives: another native build, other limits or content keys may take them.
    #[serde(serialize_with = "as_text")]
    decided_by: Sha256Digest,
    /// From the oldest to the newest.
    releases: Vec<RefusedRelease>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RefusedRelease {
    #[serde(serialize_with = "as_text")]
    payload_sha256: Sha256Digest,
    /// The word of the [`ErrorKind`].
    kind: String,
    problem: String,
}

impl RefusedRelease {
    /// A word that this version does not know is of a later one, which had its own reasons.
    fn into_error(self) -> Option<Error> {
        let kind = FAULTS.into_iter().find(|kind| kind.as_str() == self.kind)?;
        Some(Error::RefusedBefore {
            kind,
            problem: self.problem,
        })
    }
}

impl Store {
    /// Why the archive of this release was refused before, if it was and would be again.
    pub(super) fn refused_before(&self, trusted: &TrustedRelease, options: &ReleaseOptions) -> Result<Option<Error>> {
        let Some(refused) = self.persistence.refused_releases()? else {
            return Ok(None);
        };
        if refused.decided_by != self.decides(options)? {
            return Ok(None);
        }
        let payload = trusted.payload_digest();
        let mut releases = refused.releases.into_iter();
        let known = releases.find(|release| release.payload_sha256 == payload);
        Ok(known.and_then(RefusedRelease::into_error))
    }

    /// Remembers that the archive of this release, which is the one it names, was refused with this error; nothing if the
    /// error is about something else.
    ///
    /// # Errors
    /// Those of writing it down.
    pub(super) fn remember_refused(
        &self,
        trusted: &TrustedRelease,
        options: &ReleaseOptions,
        error: &Error,
    ) -> Result<()> {
        if !FAULTS.contains(&error.kind()) {
            return Ok(());
        }
        let new = RefusedRelease {
            payload_sha256: trusted.payload_digest(),
            kind: error.kind().as_str().to_owned(),
            problem: error.to_string().chars().take(MAX_PROBLEM).collect(),
        };
        let _lock = self.lock(self.options.lock_timeout)?;
        let decided_by = self.decides(options)?;
        let before = self.persistence.refused_releases()?;
        let before = before.filter(|refused| refused.decided_by == decided_by);
        let mut releases = before.map(|refused| refused.releases).unwrap_or_default();
        releases.retain(|release| release.payload_sha256 != new.payload_sha256);
        releases.push(new);
        releases.drain(..releases.len().saturating_sub(KEPT));
        self.persistence
            .save_refused_releases(&RefusedReleases { decided_by, releases })
    }

    /// All that decides, beside an archive itself, whether it can be taken.
    fn decides(&self, options: &ReleaseOptions) -> Result<Sha256Digest> {
        let Limits {
            entries,
            total_size,
            file_size,
            path_length,
            component_length,
            depth,
            expansion_ratio,
            expansion_free,
        } = self.options.limits;
        let limits = [
            entries,
            total_size,
            file_size,
            path_length,
            component_length,
            depth,
            expansion_ratio,
            expansion_free,
        ];
        let build = self.persistence.load()?.state.native_build;
        let mut keys: Vec<_> = (options.content_keys.iter().map(|key| key.public().id().to_string())).collect();
        keys.sort_unstable();
        let mut all = vec![
            env!("CARGO_PKG_VERSION").to_owned(),
            options.native.as_str().to_owned(),
            build.unwrap_or_default(),
        ];
        all.extend(limits.map(|limit| limit.to_string()));
        all.extend(keys);
        // No part may run into the next.
        let parts = all.iter().map(|part| format!("{}:{part}", part.len()));
        Ok(Sha256Digest::of(parts.collect::<String>().as_bytes()))
    }
}

fn as_text<S: serde::Serializer>(value: &Sha256Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl FromJson for RefusedReleases {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            decided_by: object.get("decided_by")?,
            releases: object.get("releases")?,
        })
    }
}

impl FromJson for RefusedRelease {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            payload_sha256: object.get("payload_sha256")?,
            kind: object.get("kind")?,
            problem: object.get("problem")?,
        })
    }
}

//! Which bundles are the same.

use super::set_aside::SetAside;
use super::types::{BundleRecord, FailedBundle};
use crate::digest::Sha256Digest;

/// The version and the digests by which bundles are compared.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct Identity<'a> {
    pub(in crate::store) version: &'a str,
    /// Of the archive.
    pub(in crate::store) digest: Option<&'a Sha256Digest>,
    /// Of the file list.
    pub(in crate::store) content_digest: Option<&'a Sha256Digest>,
}

impl<'a> Identity<'a> {
    /// A bundle of which a host knows one digest: that of its archive or of its file list.
    pub(in crate::store) fn by_either(version: &'a str, digest: Option<&'a Sha256Digest>) -> Self {
        Self {
            version,
            digest,
            content_digest: digest,
        }
    }

    /// Whether a digest shows that both have the same files. `None` if no digest is known of both.
    pub(in crate::store) fn has_same_files(&self, other: &Identity<'_>) -> Option<bool> {
        let same = |one: Option<&Sha256Digest>, other: Option<&Sha256Digest>| Some(one? == other?);
        let archive = same(self.digest, other.digest);
        match (archive, same(self.content_digest, other.content_digest)) {
            (None, contents) => contents,
            (archive, None) => archive,
            // Another archive may have the same files.
            (Some(archive), Some(contents)) => Some(archive || contents),
        }
    }

    /// Whether both are the same bundle: by their digests, or by version if no digest is known of both.
    pub(in crate::store) fn is_same_as(&self, other: &Identity<'_>) -> bool {
        self.has_same_files(other)
            .unwrap_or_else(|| self.version == other.version)
    }

    /// One digest by which the bundle is known, if any.
    pub(in crate::store) fn any_digest(&self) -> Option<&'a Sha256Digest> {
        self.digest.or(self.content_digest)
    }
}

impl BundleRecord {
    pub(in crate::store) fn identity(&self) -> Identity<'_> {
        Identity {
            version: &self.version,
            digest: self.digest.as_ref(),
            content_digest: self.content_digest.as_ref(),
        }
    }
}

impl FailedBundle {
    pub(in crate::store) fn identity(&self) -> Identity<'_> {
        Identity {
            version: &self.version,
            digest: self.digest.as_ref(),
            content_digest: self.content_digest.as_ref(),
        }
    }
}

impl SetAside {
    pub(in crate::store) fn identity(&self) -> Identity<'_> {
        Identity {
            version: &self.version,
            digest: self.digest.as_ref(),
            content_digest: self.content_digest.as_ref(),
        }
    }
}

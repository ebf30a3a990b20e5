//! Bundles and their records.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::rollback_guard::AcceptedRelease;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::native::{NativeRange, NativeVersion};
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::storage::Storage;
use crate::store::storage::json::{self, FromJson, Object};
use crate::time::Timestamp;

const RECORD: &str = "record";

/// What the store knows of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BundleRecord {
    /// Its name on this device.
    pub id: BundleId,
    /// Its version, as the one who published it calls it.
    pub version: String,
    /// SHA-256 of its archive; unknown for a bundle taken over from Capgo's plugin without one.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256Digest>,
    /// Bytes of its archive.
    pub archive_size: u64,
    /// Bytes of its files.
    pub unpacked_size: u64,
    /// Number of its files.
    pub files: u64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// When it last confirmed that it works, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// The native build it was proven with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_build: Option<String>,
    /// The native version it was proven with; unknown for one that was proven before this was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_version: Option<NativeVersion>,
    /// Native versions it runs on.
    pub native: NativeRange,
    /// Link given by who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Comment given by who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Sequence of the release it came with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The signed release that it was last accepted with, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<AcceptedRelease>,
}

/// Why a native app must not run a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Incompatibility {
    /// It was made for other native versions.
    OutOfNativeRange,
    /// What is built into the native app is as new, or newer.
    BuiltInIsNewer,
}

impl BundleRecord {
    /// A bundle of no sequence has no place in the order: nothing can be said of it.
    pub(in crate::store) fn misfit(&self, native: &NativeVersion, built_in: Option<u64>) -> Option<Incompatibility> {
        if is_built_in(self.sequence, built_in) {
            Some(Incompatibility::BuiltInIsNewer)
        } else if self.native.contains(native) {
            None
        } else {
            Some(Incompatibility::OutOfNativeRange)
        }
    }
}

/// Whether the native app brings what has this sequence, or something later.
pub(in crate::store) fn is_built_in(sequence: Option<u64>, built_in: Option<u64>) -> bool {
    matches!((sequence, built_in), (Some(sequence), Some(built_in)) if sequence <= built_in)
}

/// Where a bundle stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Installed and never proven on this device.
    Installed,
    /// Will be served when its conditions are met.
    Next,
    /// Current, and not yet proven.
    Trial,
    /// It confirmed that it works.
    Proven,
}

impl Status {
    /// The status as one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Next => "next",
            Self::Trial => "trial",
            Self::Proven => "proven",
        }
    }
}

/// A bundle that failed on this device, and is not taken again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedBundle {
    /// The name it had on this device. Its files may still be there: see
    /// [`StoreOptions::auto_delete_failed`](crate::store::StoreOptions).
    pub id: BundleId,
    /// Its version.
    pub version: String,
    /// SHA-256 of its archive. Where it is unknown, every bundle of this version counts as failed.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256Digest>,
    /// When it failed.
    pub at: Timestamp,
    /// The native build it failed with; the entry lapses when that or the native version changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_build: Option<String>,
    /// The native version it failed with; unknown for one that failed before this was recorded, which any version matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_version: Option<NativeVersion>,
    /// Why.
    pub cause: FailureCause,
    /// Its number among the failures of this store, higher for later ones, by which the newest are kept: clocks jump. 0
    /// where an earlier version wrote it.
    #[serde(skip_serializing_if = "is_zero")]
    pub(in crate::store) order: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Why a bundle counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureCause {
    /// It started as often as a trial may, and never confirmed.
    NeverConfirmed,
    /// The host said so.
    Marked,
    /// Capgo's plugin said so, before its bundles were taken over.
    Adopted,
}

impl FailedBundle {
    /// Whether this failure forbids a bundle: by digest, by version only where the digest of either is unknown.
    pub(in crate::store) fn forbids(&self, record: &BundleRecord) -> bool {
        self.forbids_version(&record.version, record.digest.as_ref())
    }

    pub(in crate::store) fn forbids_version(&self, version: &str, digest: Option<&Sha256Digest>) -> bool {
        match (&self.digest, digest) {
            (Some(failed), Some(digest)) => failed == digest,
            _ => self.version == version,
        }
    }
}

impl FailureCause {
    /// The cause in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverConfirmed => "it started and never confirmed",
            Self::Marked => "the app said that it does not work",
            Self::Adopted => "Capgo's plugin said that it does not work",
        }
    }
}

#[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
pub(in crate::store) fn digest_text<S: Serializer>(
    digest: &Option<Sha256Digest>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match digest {
        Some(digest) => serializer.collect_str(digest),
        None => serializer.serialize_none(),
    }
}

impl Storage {
    /// Writes a bundle's record, durable when it returns.
    pub(in crate::store) fn save_record(&self, record: &BundleRecord) -> Result<()> {
        self.replace_durably(&self.layout.record(&record.id), RECORD, record)
    }

    /// Every record that can be read.
    pub(in crate::store) fn records(&self) -> Result<Vec<BundleRecord>> {
        self.read_all(&self.layout.records(), RECORD, "json")
    }
}

impl FromJson for BundleId {
    fn from_json(value: &Value) -> Result<Self, String> {
        json::parsed(value)
    }
}

impl FromJson for BundleRef {
    fn from_json(value: &Value) -> Result<Self, String> {
        json::parsed(value)
    }
}

impl FromJson for BundleRecord {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            id: object.get("id")?,
            version: object.get("version")?,
            digest: object.get_or_default("digest")?,
            archive_size: object.get("archive_size")?,
            unpacked_size: object.get("unpacked_size")?,
            files: object.get("files")?,
            installed_at: object.get("installed_at")?,
            proven_at: object.get_or_default("proven_at")?,
            proven_build: object.get_or_default("proven_build")?,
            proven_version: object.get_or_default("proven_version")?,
            native: object.get_or_default("native")?,
            link: object.get_or_default("link")?,
            comment: object.get_or_default("comment")?,
            sequence: object.get_or_default("sequence")?,
            release: object.get_or_default("release")?,
        })
    }
}

impl FromJson for FailedBundle {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            id: object.get("id")?,
            version: object.get("version")?,
            digest: object.get_or_default("digest")?,
            at: object.get("at")?,
            native_build: object.get_or_default("native_build")?,
            native_version: object.get_or_default("native_version")?,
            cause: object.get("cause")?,
            order: object.get_or_default("order")?,
        })
    }
}

impl FromJson for FailureCause {
    fn from_json(value: &Value) -> Result<Self, String> {
        match json::text(value)? {
            "never_confirmed" => Ok(Self::NeverConfirmed),
            "marked" => Ok(Self::Marked),
            "adopted" => Ok(Self::Adopted),
            other => Err(format!("unknown cause \"{other}\"")),
        }
    }
}

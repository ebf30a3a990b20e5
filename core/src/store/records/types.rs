//! Records of installed and failed bundles.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::proof::{ProofKind, RecordedProof};
use super::rollback_guard::AcceptedRelease;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::native::{NativeRange, NativeVersion};
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::storage::Storage;
use crate::store::storage::json::{self, FromJson, Object};
use crate::time::Timestamp;

const RECORD: &str = "record";

/// The record of an installed bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BundleRecord {
    /// Its id on this device.
    pub id: BundleId,
    /// Its version, as named by its publisher.
    pub version: String,
    /// SHA-256 of its archive; unknown for a bundle migrated from Capgo's plugin without one.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256Digest>,
    /// SHA-256 of its file list, as [`FileList::to_bytes`](crate::release::FileList::to_bytes) writes it; unknown for a
    /// migrated bundle, and for one that was installed before this was recorded.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub content_digest: Option<Sha256Digest>,
    /// How its files were verified; unknown for a bundle that was installed before this was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<RecordedProof>,
    /// Size of its archive in bytes.
    pub archive_size: u64,
    /// Size of its files in bytes.
    pub unpacked_size: u64,
    /// Number of its files.
    pub files: u64,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// When it last confirmed, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_at: Option<Timestamp>,
    /// The native build it was proven with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_build: Option<String>,
    /// The native version it was proven with; unknown if it was proven before this was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven_version: Option<NativeVersion>,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// Link given by the publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Comment given by the publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Sequence of its release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The signed release it was last accepted with, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<AcceptedRelease>,
}

/// Why a native app must not run a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Incompatibility {
    /// It was made for other native versions.
    OutOfNativeRange,
    /// The built-in bundle is as new, or newer.
    BuiltInIsNewer,
}

impl BundleRecord {
    /// Whether its files were never verified. Earlier versions migrated bundles from Capgo's plugin without a proof, and
    /// without the size of the archive.
    pub(in crate::store) fn is_assumed(&self) -> bool {
        match &self.proof {
            Some(proof) => proof.kind == ProofKind::Assumed,
            None => self.archive_size == 0,
        }
    }

    /// A bundle without a sequence is not compared with the built-in one.
    pub(in crate::store) fn incompatibility(
        &self,
        native: &NativeVersion,
        built_in: Option<u64>,
    ) -> Option<Incompatibility> {
        if is_built_in(self.sequence, built_in) {
            Some(Incompatibility::BuiltInIsNewer)
        } else if self.native.contains(native) {
            None
        } else {
            Some(Incompatibility::OutOfNativeRange)
        }
    }
}

/// Whether the built-in bundle has this sequence or a later one.
pub(in crate::store) fn is_built_in(sequence: Option<u64>, built_in: Option<u64>) -> bool {
    matches!((sequence, built_in), (Some(sequence), Some(built_in)) if sequence <= built_in)
}

/// The status of an installed bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Installed and never proven on this device.
    Installed,
    /// To be served when its conditions are met.
    Next,
    /// Current and not yet proven.
    Trial,
    /// Confirmed at least once.
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

/// A bundle that failed on this device and is not accepted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FailedBundle {
    /// The id it had on this device. Its files may still exist: see
    /// [`StoreOptions::auto_delete_failed`](crate::store::StoreOptions).
    pub id: BundleId,
    /// Its version.
    pub version: String,
    /// SHA-256 of its archive. If neither digest is known, every bundle of this version counts as failed.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256Digest>,
    /// SHA-256 of its file list; unknown if it was installed before this was recorded. Another archive with the same
    /// files has failed, too.
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub content_digest: Option<Sha256Digest>,
    /// When it failed.
    pub at: Timestamp,
    /// The native build it failed with; the entry lapses when that or the native version changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_build: Option<String>,
    /// The native version it failed with; unknown if it failed before this was recorded, and then any version matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub native_version: Option<NativeVersion>,
    /// Why it failed.
    pub cause: FailureCause,
    /// Its number among the failures of this store, higher for later ones. Used to keep the newest, since clocks jump.
    /// 0 if an earlier version wrote it.
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
    /// It used up the starts of its trial and never confirmed.
    NeverConfirmed,
    /// The host marked it as failed.
    Marked,
    /// Capgo's plugin had marked it as failed before the migration.
    Adopted,
}

impl FailureCause {
    /// A description of the cause.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeverConfirmed => "started and never confirmed",
            Self::Marked => "marked as failed by the app",
            Self::Adopted => "marked as failed by Capgo's plugin",
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
    /// Writes the record of a bundle, durable when it returns.
    pub(in crate::store) fn save_record(&self, record: &BundleRecord) -> Result<()> {
        self.replace_durably(&self.layout.record(&record.id), RECORD, record)
    }

    /// Every readable record.
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
            content_digest: object.get_or_default("content_digest")?,
            proof: object.get_or_default("proof")?,
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
            content_digest: object.get_or_default("content_digest")?,
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

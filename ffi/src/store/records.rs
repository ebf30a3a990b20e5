//! Records of bundles.

use capbundle_core::store as core;

use super::types::{BundleStatus, FailureCause, NativeRange};
use crate::convert::signed;

/// The record of an installed bundle.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct BundleRecord {
    /// Its id on this device: ten letters and digits, chosen at random at installation.
    pub id: String,
    /// Its version, as its publisher names it.
    pub version: String,
    /// SHA-256 of its archive, as 64 hexadecimal digits; unknown for a bundle migrated from Capgo's plugin
    /// without one.
    pub digest: Option<String>,
    /// Size of its archive in bytes.
    pub archive_size: i64,
    /// Total bytes of its files.
    pub unpacked_size: i64,
    /// Number of its files.
    pub files: i64,
    /// When it was installed: seconds since 1970-01-01 UTC, by the device's clock.
    pub installed_at: i64,
    /// When it last confirmed, if it did.
    pub proven_at: Option<i64>,
    /// The native build with which it was proven.
    pub proven_build: Option<String>,
    /// The native version with which it was proven; unknown if it was proven before this was recorded.
    pub proven_version: Option<String>,
    /// Native versions it runs on.
    pub native: NativeRange,
    /// Link set by the publisher.
    pub link: Option<String>,
    /// Comment set by the publisher.
    pub comment: Option<String>,
    /// Sequence of its release.
    pub sequence: Option<i64>,
    /// The accepted release it came with, if any.
    pub release: Option<AcceptedRelease>,
}

impl From<core::BundleRecord> for BundleRecord {
    fn from(record: core::BundleRecord) -> Self {
        Self {
            id: record.id.to_string(),
            version: record.version,
            digest: record.digest.map(|digest| digest.to_string()),
            archive_size: signed(record.archive_size),
            unpacked_size: signed(record.unpacked_size),
            files: signed(record.files),
            installed_at: signed(record.installed_at.0),
            proven_at: record.proven_at.map(|time| signed(time.0)),
            proven_build: record.proven_build,
            proven_version: record.proven_version.map(|version| version.as_str().to_owned()),
            native: (&record.native).into(),
            link: record.link,
            comment: record.comment,
            sequence: record.sequence.map(signed),
            release: record.release.map(AcceptedRelease::from),
        }
    }
}

/// A release accepted on this device: its bundle was installed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct AcceptedRelease {
    /// Its app.
    pub app_id: String,
    /// Its channel.
    pub channel: String,
    /// Its sequence.
    pub sequence: i64,
    /// SHA-256 of the signed payload, as 64 hexadecimal digits.
    pub payload_sha256: String,
    /// When it was created: seconds since 1970-01-01 UTC, by the publisher's clock.
    pub created_at: i64,
}

impl From<core::AcceptedRelease> for AcceptedRelease {
    fn from(release: core::AcceptedRelease) -> Self {
        Self {
            app_id: release.app_id.to_string(),
            channel: release.channel.to_string(),
            sequence: signed(release.sequence),
            payload_sha256: release.payload_sha256.to_string(),
            created_at: signed(release.created_at.0),
        }
    }
}

/// An installed bundle and its status.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct InstalledBundle {
    /// The bundle.
    pub record: BundleRecord,
    /// Its status.
    pub status: BundleStatus,
}

/// A bundle that failed on this device and is not installed again.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct FailedBundle {
    /// The id it had on this device.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its archive. If it is unknown, every bundle of this version counts as failed.
    pub digest: Option<String>,
    /// When it failed: seconds since 1970-01-01 UTC, by the device's clock.
    pub at: i64,
    /// The native build with which it failed; the entry expires when that or the native version changes.
    pub native_build: Option<String>,
    /// The native version with which it failed; unknown if it failed before this was recorded.
    pub native_version: Option<String>,
    /// The cause.
    pub cause: FailureCause,
}

impl From<core::FailedBundle> for FailedBundle {
    fn from(failed: core::FailedBundle) -> Self {
        Self {
            id: failed.id.to_string(),
            version: failed.version,
            digest: failed.digest.map(|digest| digest.to_string()),
            at: signed(failed.at.0),
            native_build: failed.native_build,
            native_version: failed.native_version.map(|version| version.as_str().to_owned()),
            cause: failed.cause.into(),
        }
    }
}

//! The content of signed releases, and rollout buckets.

use capbundle_core::digest::Sha256Digest;
use capbundle_core::release as core;
use capbundle_core::release::{SignedRelease, paths};
use capbundle_core::update::channel;

use crate::catch_panic::catch_panic;
use crate::convert::signed;
use crate::error::Result;
use crate::store::types::NativeRange;

/// The bundle of a release.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct ReleaseBundle {
    /// SHA-256 of the plain archive, as 64 hexadecimal digits.
    pub archive_sha256: String,
    /// Whether the archive is sealed.
    pub is_sealed: bool,
    /// Path of the archive, relative to the URL of a site.
    pub archive_path: String,
    /// Size in bytes of the published archive file.
    pub archive_size: i64,
    /// Path of its file list, relative to the URL of a site.
    pub file_list_path: String,
}

impl From<&core::BundleIdentity> for ReleaseBundle {
    fn from(bundle: &core::BundleIdentity) -> Self {
        let (archive_path, archive_size) = paths::archive_of(bundle);
        Self {
            archive_sha256: bundle.archive.digest.to_string(),
            is_sealed: bundle.sealed.is_some(),
            archive_path,
            archive_size: signed(archive_size),
            file_list_path: paths::file_list_path(&bundle.files_digest),
        }
    }
}

/// The content of a release: which bundle devices serve, on which channel, and until when.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Release {
    /// The app it is for.
    pub app_id: String,
    /// The channel it is for.
    pub channel: String,
    /// Its version, for people.
    pub version: String,
    /// Its sequence: a later release of an app on a channel has a higher one.
    pub sequence: i64,
    /// When it was created: seconds since 1970-01-01 UTC.
    pub created_at: i64,
    /// When it stops being acceptable: seconds since 1970-01-01 UTC.
    pub expires_at: i64,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// The bundle that devices serve. Without one they return to the built-in bundle.
    pub bundle: Option<ReleaseBundle>,
    /// The argument of `rolloutBucket`: SHA-256 of the plain archive, or of the release's payload if it names
    /// no bundle, as 64 hexadecimal digits.
    pub rollout_sha256: String,
    /// Link set by the publisher.
    pub link: Option<String>,
    /// Comment set by the publisher.
    pub comment: Option<String>,
}

impl Release {
    fn new(release: &core::Release, rollout: Sha256Digest) -> Self {
        Self {
            app_id: release.app_id.to_string(),
            channel: release.channel.to_string(),
            version: release.version.clone(),
            sequence: signed(release.sequence),
            created_at: signed(release.created_at.0),
            expires_at: signed(release.expires_at.0),
            native: (&release.native).into(),
            bundle: release.bundle().map(ReleaseBundle::from),
            rollout_sha256: rollout.to_string(),
            link: release.link.clone(),
            comment: release.comment.clone(),
        }
    }
}

impl From<&core::TrustedRelease> for Release {
    fn from(trusted: &core::TrustedRelease) -> Self {
        Self::new(trusted.release(), trusted.rollout_digest())
    }
}

impl From<&SignedRelease> for Release {
    fn from(signed: &SignedRelease) -> Self {
        Self::new(signed.release(), signed.rollout_digest())
    }
}

/// Reads the release in this envelope without verifying it: for logs and for people, never for a decision.
/// `Store.checkRelease` verifies it.
///
/// Throws `NotTrusted` or `Unsupported` if the envelope contains no release that this version understands.
#[uniffi::export]
pub fn inspect_release_unverified(envelope: Vec<u8>) -> Result<Release> {
    catch_panic(|| Ok((&SignedRelease::parse(&envelope)?).into()))
}

/// The bucket of a device, 0 to 9,999, for a release with this `rolloutSha256`. A device accepts the candidate
/// of a channel if its bucket is below the rollout, which counts devices per 10,000.
///
/// Throws `InvalidInput` if `appId` or `rolloutSha256` is malformed.
#[uniffi::export]
pub fn rollout_bucket(app_id: &str, rollout_sha256: &str, device_id: &str) -> Result<i64> {
    catch_panic(|| {
        let digest: Sha256Digest = rollout_sha256.parse()?;
        Ok(signed(channel::bucket(&app_id.parse()?, &digest, device_id)))
    })
}

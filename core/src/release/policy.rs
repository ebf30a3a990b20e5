//! Whether a device accepts a release: the checks of docs/format.md, "Trusting one", in their order. The first failure is the
//! result.

use std::path::Path;

use super::document::{BundleIdentity, Release, require_release, rollout_digest};
use super::envelope::Envelope;
use super::fields;
use super::file_list::FileList;
use super::keyring::KeyRing;
use super::refusal::Refusal;
use crate::app_id::AppId;
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;
use crate::error::{Error, RefusalReason, Result};
use crate::keys::{ContentKey, KeyId, PublicContentKey};
use crate::native::NativeVersion;
use crate::progress::Control;
use crate::sealed::{self, ExpectedSealed};
use crate::setters::setters;
use crate::time::Timestamp;
use crate::verified::{Proof, VerifiedArchive};

/// What a device knows on its own. It decides which releases the device accepts; no server supplies any of it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TrustContext<'a> {
    /// The keys that may sign.
    pub ring: &'a KeyRing,
    /// The app's id.
    pub app: &'a AppId,
    /// The requested channel.
    pub channel: &'a ChannelName,
    /// The version of the native app.
    pub native: &'a NativeVersion,
    /// The sequence of the bundle inside the native app, if known.
    pub built_in_sequence: Option<u64>,
    /// The last release of this app and channel that this device accepted.
    pub last_accepted: Option<Accepted>,
    /// The device's clock.
    pub now: Timestamp,
    /// The latest creation time of all releases that this device accepted.
    pub latest_time_seen: Timestamp,
    /// The public halves of the app's content keys.
    pub content_keys: &'a [&'a PublicContentKey],
}

impl<'a> TrustContext<'a> {
    /// A device of this app and channel that accepted no release yet, has no content key, and whose clock is the
    /// system's.
    #[must_use]
    pub fn new(ring: &'a KeyRing, app: &'a AppId, channel: &'a ChannelName, native: &'a NativeVersion) -> Self {
        Self {
            ring,
            app,
            channel,
            native,
            built_in_sequence: None,
            last_accepted: None,
            now: Timestamp::now(),
            latest_time_seen: Timestamp(0),
            content_keys: &[],
        }
    }

    setters! {
        with_built_in_sequence(built_in_sequence: impl Into<Option<u64>>);
        with_last_accepted(last_accepted: impl Into<Option<Accepted>>);
        with_now(now: Timestamp);
        with_latest_time_seen(latest_time_seen: Timestamp);
        with_content_keys(content_keys: &'a [&'a PublicContentKey]);
    }
}

/// A release that the device accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The sequence of the release.
    pub sequence: u64,
    /// SHA-256 of the payload.
    pub payload_digest: Sha256Digest,
}

/// Checks the release in the envelope `bytes`.
///
/// # Errors
/// [`Error::ReleaseRefused`] with the reason of the first check that fails.
pub fn check(bytes: &[u8], context: &TrustContext<'_>) -> Result<TrustedRelease> {
    trust(bytes, context).map_err(|refusal| refusal.of("release"))
}

fn trust(bytes: &[u8], context: &TrustContext<'_>) -> Result<TrustedRelease, Refusal> {
    // 1: the envelope.
    let envelope = Envelope::read(bytes)?;
    require_release(&envelope)?;
    // 2: signatures, before the payload is read.
    let keys = context.ring.document().require_signed(&envelope)?;
    // 3 and 4: format and members.
    let release = Release::read(envelope.payload())?;
    let payload_digest = Sha256Digest::of(envelope.payload());
    // 5 to 11: the device's policy.
    fields::require_app(&release.app_id, context.app)?;
    require_channel(&release, context)?;
    require_above_built_in(&release, context)?;
    require_not_replayed(&release, payload_digest, context)?;
    require_not_expired(&release, context)?;
    require_native(&release, context)?;
    require_separate_roles(&release, context)?;
    Ok(TrustedRelease {
        release,
        payload_digest,
        keys,
    })
}

fn refuse(reason: RefusalReason, problem: String) -> Result<(), Refusal> {
    Err(Refusal::new(reason, problem))
}

fn require_channel(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    if release.channel == *context.channel {
        return Ok(());
    }
    let problem = format!(
        "expected a release for {}, found one for {}",
        context.channel, release.channel
    );
    refuse(RefusalReason::WrongChannel, problem)
}

fn require_above_built_in(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    match context.built_in_sequence {
        Some(built_in) if release.sequence <= built_in => {
            let problem = format!(
                "sequence {} is not above {built_in}, which is built into the native app",
                release.sequence
            );
            refuse(RefusalReason::BuiltInIsNewer, problem)
        }
        _ => Ok(()),
    }
}

fn require_not_replayed(release: &Release, digest: Sha256Digest, context: &TrustContext<'_>) -> Result<(), Refusal> {
    let Some(last) = context.last_accepted else {
        return Ok(());
    };
    if release.sequence < last.sequence {
        let problem = format!(
            "sequence {} is below {}, which this device accepted before",
            release.sequence, last.sequence
        );
        return refuse(RefusalReason::Replayed, problem);
    }
    if release.sequence == last.sequence && digest != last.payload_digest {
        let problem = format!(
            "this device accepted another release with sequence {} before",
            last.sequence
        );
        return refuse(RefusalReason::Replayed, problem);
    }
    Ok(())
}

fn require_not_expired(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    let now = context.now.max(context.latest_time_seen);
    if release.expires_at > now {
        return Ok(());
    }
    let ago = now.since(release.expires_at).as_secs();
    refuse(
        RefusalReason::Expired,
        format!(
            "expired at {} (seconds since 1970), {ago} seconds ago; publish a renewed release",
            release.expires_at.0
        ),
    )
}

fn require_native(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    let native = &release.native;
    if native.contains(context.native) {
        return Ok(());
    }
    let end = |end: &Option<NativeVersion>| end.as_ref().map_or("any", NativeVersion::as_str).to_owned();
    let problem = format!(
        "supports native versions from {} to {}, but this one is {}",
        end(&native.min),
        end(&native.max),
        context.native.as_str()
    );
    refuse(RefusalReason::NativeOutOfRange, problem)
}

fn require_separate_roles(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    if release.bundle().is_none_or(|bundle| bundle.sealed.is_none()) {
        return Ok(());
    }
    let ring = context.ring.document();
    let signs = |key: &&&PublicContentKey| {
        ring.retired.contains(&key.id()) || ring.keys.iter().any(|signing| key.same_modulus_as(signing))
    };
    match context.content_keys.iter().find(signs) {
        None => Ok(()),
        Some(key) => {
            let problem = format!(
                "the content key {} is also a signing key, and everyone with the app can extract it",
                key.id()
            );
            refuse(RefusalReason::KeyInBothRoles, problem)
        }
    }
}

/// A release that passed every check. Only [`check`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRelease {
    release: Release,
    payload_digest: Sha256Digest,
    keys: Vec<KeyId>,
}

impl TrustedRelease {
    /// The contents of the release.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// SHA-256 of the payload.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        self.payload_digest
    }

    /// The digest that selects the devices of a [rollout](crate::update::channel::bucket) of this release.
    #[must_use]
    pub fn rollout_digest(&self) -> Sha256Digest {
        rollout_digest(&self.release, self.payload_digest)
    }

    /// The bundle of the release.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the release returns devices to the built-in bundle.
    pub(crate) fn require_bundle(&self) -> Result<&BundleIdentity> {
        self.release.bundle().ok_or_else(|| {
            let problem = "expected a release of a bundle, found one that returns devices to the built-in bundle";
            Error::invalid_input(format!("release {}", self.release.sequence), problem)
        })
    }

    /// The record to keep once the bundle is installed, or the built-in bundle is next.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        Accepted {
            sequence: self.release.sequence,
            payload_digest: self.payload_digest,
        }
    }

    /// The keys of the ring that signed the release.
    #[must_use]
    pub fn keys(&self) -> &[KeyId] {
        &self.keys
    }

    /// Verifies that `file` is the archive of this release.
    ///
    /// Decrypts a sealed archive with one of `content_keys` into a private file in `staging`, which exists as long as the
    /// returned archive. Hashes a plain archive.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if `file` is a different archive,
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if it is damaged or not sealed for any of the keys,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release that returns devices to the built-in bundle,
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace), [`NotFound`](crate::ErrorKind::NotFound),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn open(
        &self,
        file: &Path,
        staging: &Path,
        content_keys: &[&ContentKey],
        control: &Control,
    ) -> Result<VerifiedArchive> {
        match self.expected_sealed() {
            Some(expected) => sealed::open(file, staging, content_keys, &expected, self.proof(), control),
            None => self.hash(file, control),
        }
    }

    fn hash(&self, file: &Path, control: &Control) -> Result<VerifiedArchive> {
        self.require_plain(VerifiedArchive::hashed(file, self.proof(), control)?)
    }

    /// Checks that a plain archive is the one of this release.
    pub(crate) fn require_plain(&self, archive: VerifiedArchive) -> Result<VerifiedArchive> {
        let expected = self.require_bundle()?.archive;
        let archive = archive.require_digest(&expected.digest)?;
        if archive.size() == expected.size {
            return Ok(archive);
        }
        let problem = format!("expected {} bytes, found {}", expected.size, archive.size());
        Err(Refusal::new(RefusalReason::ArchiveDiffers, problem).of(archive.path().display().to_string()))
    }

    /// The expected sealed archive, if the release has one.
    pub(crate) fn expected_sealed(&self) -> Option<ExpectedSealed> {
        self.release.bundle()?.expected_sealed()
    }

    /// The proof of an archive of this release.
    pub(crate) fn proof(&self) -> Proof {
        Proof::Release {
            channel: self.release.channel.clone(),
            sequence: self.release.sequence,
            keys: self.keys.clone(),
        }
    }

    /// Reads the file list of this release.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) with the reason `files_differ` if the digest differs;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release that returns devices to the built-in bundle; otherwise as
    /// [`FileList::parse`].
    pub fn check_file_list(&self, bytes: &[u8]) -> Result<FileList> {
        let (expected, found) = (self.require_bundle()?.files_digest, Sha256Digest::of(bytes));
        if found != expected {
            let problem = format!("expected SHA-256 {expected}, found {found}");
            return Err(Refusal::new(RefusalReason::FilesDiffer, problem).of("file list"));
        }
        FileList::parse(bytes)
    }
}

#[cfg(test)]
mod tests;

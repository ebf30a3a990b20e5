//! Whether a device takes a release: the checks of docs/format.md, "Trusting one", in its order. The first that fails is the
//! answer.

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
use crate::error::RefusalReason;
use crate::error::{Error, Result};
use crate::keys::{ContentKey, KeyId, PublicContentKey};
use crate::native::NativeVersion;
use crate::progress::Control;
use crate::sealed;
use crate::sealed::ExpectedSealed;
use crate::time::Timestamp;
use crate::verified::{Proof, VerifiedArchive};

/// What a device knows by itself, and what decides which releases it takes. Nothing of it comes from a server.
#[derive(Debug, Clone, Copy)]
pub struct TrustContext<'a> {
    /// Who may sign.
    pub ring: &'a KeyRing,
    /// The app's own id.
    pub app: &'a AppId,
    /// The channel that was asked for.
    pub channel: &'a ChannelName,
    /// The version of the native app.
    pub native: &'a NativeVersion,
    /// The sequence of the bundle inside the native app, where it states one.
    pub built_in_sequence: Option<u64>,
    /// The last release of this app and channel that was accepted on this device.
    pub last_accepted: Option<Accepted>,
    /// The device's clock.
    pub now: Timestamp,
    /// The latest creation time of a release that was ever accepted here.
    pub latest_time_seen: Timestamp,
    /// Public halves of the app's content keys.
    pub content_keys: &'a [&'a PublicContentKey],
}

/// A release that was accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its sequence.
    pub sequence: u64,
    /// SHA-256 of its payload.
    pub payload_digest: Sha256Digest,
}

/// Trusts the release in the envelope `bytes`, or says by which check it is refused.
///
/// # Errors
/// [`Error::ReleaseRefused`] with the reason of the first check that fails.
pub fn check(bytes: &[u8], context: &TrustContext<'_>) -> Result<TrustedRelease> {
    trust(bytes, context).map_err(|refusal| refusal.of("release"))
}

fn trust(bytes: &[u8], context: &TrustContext<'_>) -> Result<TrustedRelease, Refusal> {
    // 1: what can be taken apart without understanding it.
    let envelope = Envelope::read(bytes)?;
    require_release(&envelope)?;
    // 2: nothing of the payload is looked at before enough keys vouch for it.
    let keys = context.ring.document().require_signed(&envelope)?;
    // 3 and 4.
    let release = Release::read(envelope.payload())?;
    let payload_digest = Sha256Digest::of(envelope.payload());
    // 5 to 11.
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
    let problem = format!("it is for {}, and {} was asked for", release.channel, context.channel);
    refuse(RefusalReason::WrongChannel, problem)
}

fn require_above_built_in(release: &Release, context: &TrustContext<'_>) -> Result<(), Refusal> {
    match context.built_in_sequence {
        Some(built_in) if release.sequence <= built_in => {
            let problem = format!(
                "it has sequence {}, and the native app was built with {built_in}",
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
            "it has sequence {}, and {} was accepted before",
            release.sequence, last.sequence
        );
        return refuse(RefusalReason::Replayed, problem);
    }
    if release.sequence == last.sequence && digest != last.payload_digest {
        let problem = format!("another release with sequence {} was accepted before", last.sequence);
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
            "it was good until {} (seconds since 1970), {ago} seconds ago",
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
        "it runs on native versions from {} to {}, and this one is {}",
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
                "the content key {} is a signing key, and everybody has the app",
                key.id()
            );
            refuse(RefusalReason::KeyInBothRoles, problem)
        }
    }
}

/// A release that passed every check. There is no other way to one than [`check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedRelease {
    release: Release,
    payload_digest: Sha256Digest,
    keys: Vec<KeyId>,
}

impl TrustedRelease {
    /// What it says.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// SHA-256 of its payload.
    #[must_use]
    pub fn payload_digest(&self) -> Sha256Digest {
        self.payload_digest
    }

    /// The digest that decides which devices are in a [rollout](crate::update::channel::bucket) of this release.
    #[must_use]
    pub fn rollout_digest(&self) -> Sha256Digest {
        rollout_digest(&self.release, self.payload_digest)
    }

    /// The bundle that it names.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if devices go to the one inside the native app.
    pub(crate) fn require_bundle(&self) -> Result<&BundleIdentity> {
        self.release.bundle().ok_or_else(|| {
            let problem = "expected a release of a bundle, found one that goes to the built-in bundle and has no files";
            Error::invalid_input(format!("release {}", self.release.sequence), problem)
        })
    }

    /// What to remember once its bundle is installed, or the built-in one comes next.
    #[must_use]
    pub fn accepted(&self) -> Accepted {
        Accepted {
            sequence: self.release.sequence,
            payload_digest: self.payload_digest,
        }
    }

    /// The keys of the ring that signed it.
    #[must_use]
    pub fn keys(&self) -> &[KeyId] {
        &self.keys
    }

    /// Proves that `file` is the archive this release names: opens it with one of `content_keys` if the release is sealed,
    /// into a private file in `staging` that lives as long as the answer, and else hashes it.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if it is another archive,
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if it is damaged or for none of these keys,
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release that goes to the built-in bundle,
    /// [`Io`](crate::ErrorKind::Io) and its kin, [`Cancelled`](crate::ErrorKind::Cancelled).
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

    /// The plain archive, if it is the one of this release.
    pub(crate) fn require_plain(&self, archive: VerifiedArchive) -> Result<VerifiedArchive> {
        let expected = self.require_bundle()?.archive;
        let archive = archive.require_digest(&expected.digest)?;
        if archive.size() == expected.size {
            return Ok(archive);
        }
        let problem = format!("it has {} bytes, the release says {}", archive.size(), expected.size);
        Err(Refusal::new(RefusalReason::ArchiveDiffers, problem).of(archive.path().display().to_string()))
    }

    /// What the sealed archive must be, if it is one.
    pub(crate) fn expected_sealed(&self) -> Option<ExpectedSealed> {
        let bundle = self.release.bundle()?;
        bundle.sealed.map(|sealed| ExpectedSealed {
            size: sealed.size,
            header_digest: sealed.header_digest,
            plain_size: bundle.archive.size,
            digest: bundle.archive.digest,
        })
    }

    /// How an archive that is the one of this release was proved.
    pub(crate) fn proof(&self) -> Proof {
        Proof::Release {
            channel: self.release.channel.clone(),
            sequence: self.release.sequence,
            keys: self.keys.clone(),
        }
    }

    /// Reads the file list in `bytes`, which must be the one that this release names.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) with the reason `files_differ` if it is another one, else as
    /// [`FileList::parse`]; [`InvalidInput`](crate::ErrorKind::InvalidInput) for a release that goes to the built-in bundle.
    pub fn check_file_list(&self, bytes: &[u8]) -> Result<FileList> {
        let (expected, found) = (self.require_bundle()?.files_digest, Sha256Digest::of(bytes));
        if found != expected {
            let problem = format!("its SHA-256 is {found}, the release says {expected}");
            return Err(Refusal::new(RefusalReason::FilesDiffer, problem).of("file list"));
        }
        FileList::parse(bytes)
    }
}

#[cfg(test)]
mod tests;

//! Who signs, and that devices will take it, known before anything is written.

use std::time::Duration;

use super::ring::Rings;
use super::{Note, Publisher};
use crate::error::{Error, Result};
use capbundle::ChannelName;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyId, PublicContentKey, SigningKey, VerifyingKey};
use capbundle::native::NativeVersion;
use capbundle::progress::Control;
use capbundle::release;
use capbundle::release::policy;
use capbundle::release::policy::{TrustContext, TrustedRelease};
use capbundle::release::{KeyRing, Release, ReleaseTarget};
use capbundle::time::Timestamp;

/// What a new release is signed with.
#[derive(Debug, Clone, Copy)]
pub struct Signing<'a> {
    /// As many keys as the ring demands, or more.
    pub keys: &'a [&'a SigningKey],
    /// The envelope of the first ring in the configuration of the app. Without it the lowest ring on the site is taken for it.
    pub ring: Option<&'a [u8]>,
    /// How long devices may accept the release.
    pub lifetime: Duration,
    /// The sequence; one more than the highest of the site, if none is given.
    pub sequence: Option<u64>,
}

/// A new release, signed, and proved as a device proves it.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) envelope: Vec<u8>,
    pub(super) release: Release,
}

impl Signing<'_> {
    /// The rings up to the newest one, if these keys may sign for that and none of them opens archives.
    pub(super) fn rings(
        &self,
        publisher: &Publisher<'_>,
        recipients: &[PublicContentKey],
        notes: &mut Vec<Note>,
        control: &Control,
    ) -> Result<Rings> {
        let rings = Rings::walk(publisher.storage, publisher.app, self.ring, control)?;
        if rings.are_from_site() {
            notes.push(Note::RingFromSite(rings.newest().number()));
        }
        self.check_keys(rings.newest())?;
        check_roles(rings.newest(), recipients)?;
        Ok(rings)
    }

    fn check_keys(&self, ring: &KeyRing) -> Result<()> {
        let mut counted: Vec<VerifyingKey> = Vec::new();
        for key in self.keys {
            let public = key.verifying_key();
            let id = public.id();
            let refuse = |problem: String| Err(Error::key_invalid(format!("key {id}"), problem));
            if ring.retired().contains(&id) {
                return refuse(format!(
                    "ring {} retired it: devices count its signatures for nothing",
                    ring.number()
                ));
            }
            if !ring.keys().contains(&public) {
                return refuse(format!("it is not in ring {}: devices do not know it", ring.number()));
            }
            if !counted.contains(&public) {
                counted.push(public);
            }
        }
        if (counted.len() as u64) < ring.threshold() {
            let problem = format!(
                "ring {} wants signatures of {} keys, and {} were given; a release that others sign too is made with `release \
                 create` and published when it has them all",
                ring.number(),
                ring.threshold(),
                counted.len()
            );
            return Err(Error::invalid_input("signing keys", problem));
        }
        Ok(())
    }

    /// Signs, and looks at it as a device does.
    pub(super) fn sign(
        &self,
        publisher: &Publisher<'_>,
        ring: &KeyRing,
        new: &Release,
        recipients: &[PublicContentKey],
    ) -> Result<Signed> {
        let recipients: Vec<&PublicContentKey> = recipients.iter().collect();
        let envelope = release::sign(new, self.keys, &recipients)?.to_json()?;
        let release = require_trusted(publisher, ring, &envelope)?;
        Ok(Signed { envelope, release })
    }

    /// When a release that is made now expires.
    pub(super) fn expiry(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(self.lifetime.as_secs()))
    }
}

/// Whoever has the app has its content keys, and could sign.
fn check_roles(ring: &KeyRing, recipients: &[PublicContentKey]) -> Result<()> {
    let retired = |id: &KeyId| ring.retired().contains(id);
    let signs = |recipient: &&PublicContentKey| {
        retired(&recipient.id()) || ring.keys().iter().any(|key| recipient.same_modulus_as(key))
    };
    match recipients.iter().find(signs) {
        None => Ok(()),
        Some(key) => {
            let problem = format!(
                "it is a signing key of ring {}, and everybody who has the app has it",
                ring.number()
            );
            Err(Error::key_invalid(format!("content key {}", key.id()), problem))
        }
    }
}

/// The release, if a device that is in its native range and has seen nothing yet takes it.
pub(super) fn require_trusted(publisher: &Publisher<'_>, ring: &KeyRing, envelope: &[u8]) -> Result<Release> {
    let trusted = trusted(publisher, publisher.channel, ring, envelope, publisher.now)?;
    Ok(trusted.release().clone())
}

/// The same at any time, with who signed it.
pub(super) fn trusted(
    publisher: &Publisher<'_>,
    channel: &ChannelName,
    ring: &KeyRing,
    envelope: &[u8],
    now: Timestamp,
) -> Result<TrustedRelease> {
    let native = native_within(envelope)?;
    let context = TrustContext {
        ring,
        app: publisher.app,
        channel,
        native: &native,
        built_in_sequence: None,
        last_accepted: None,
        now,
        latest_time_seen: Timestamp(0),
        content_keys: &[],
    };
    Ok(policy::check(envelope, &context)?)
}

/// A native version that a release is for.
pub(super) fn native_within(envelope: &[u8]) -> Result<NativeVersion> {
    let release = release::SignedRelease::parse(envelope)?;
    let range = &release.release().native;
    let end = range.min.as_ref().or(range.max.as_ref());
    Ok(end.cloned().unwrap_or_else(|| NativeVersion::new("1")))
}

/// Whether two releases say the same of a bundle, whatever their sequences and times and however it was sealed.
pub(super) fn is_same(one: &Release, other: &Release) -> bool {
    let mut same = one.clone();
    same.sequence = other.sequence;
    same.created_at = other.created_at;
    same.expires_at = other.expires_at;
    if let (ReleaseTarget::Bundle(same), Some(other)) = (&mut same.target, other.target.bundle())
        && same.sealed.is_some() == other.sealed.is_some()
    {
        same.sealed = other.sealed;
    }
    same == *other
}

/// Stands for a sealed archive that is not made yet.
pub(super) fn to_be_sealed() -> release::SealedIdentity {
    release::SealedIdentity {
        size: 0,
        header_digest: Sha256Digest::from_bytes([0; 32]),
    }
}

//! Signing keys, and the check that devices accept their signatures, before anything is written.

use std::time::Duration;

use super::ring::Rings;
use super::{Publisher, SiteNote};
use crate::error::{Error, Result};
use crate::setters::setters;
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

/// The keys, ring, lifetime and sequence of a new release.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Signing<'a> {
    /// At least as many keys as the ring requires.
    pub keys: &'a [&'a SigningKey],
    /// The envelope of the first ring, as configured in the app. By default the lowest ring on the site.
    pub ring: Option<&'a [u8]>,
    /// How long devices may accept the release.
    pub lifetime: Duration,
    /// The sequence. By default one more than the highest on the site.
    pub sequence: Option<u64>,
}

/// How the releases of one run are signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct SigningContext<'a> {
    pub(super) signing: &'a Signing<'a>,
    /// The newest ring, whose keys sign.
    pub(super) ring: &'a KeyRing,
    /// Do not sign.
    pub(super) dry_run: bool,
}

/// A new release, signed, and verified as a device verifies it.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) envelope: Vec<u8>,
    pub(super) release: Release,
}

impl<'a> Signing<'a> {
    /// Signs with these keys for the ring on the site. Devices may accept the release for this long.
    #[must_use]
    pub fn new(keys: &'a [&'a SigningKey], lifetime: Duration) -> Self {
        Self {
            keys,
            ring: None,
            lifetime,
            sequence: None,
        }
    }

    setters! {
        with_ring(ring: impl Into<Option<&'a [u8]>>);
        with_sequence(sequence: impl Into<Option<u64>>);
    }

    /// The rings up to the newest, after checking that these keys may sign and that none of them is a content key.
    pub(super) fn rings(
        &self,
        publisher: &Publisher<'_>,
        recipients: &[PublicContentKey],
        notes: &mut Vec<SiteNote>,
        control: &Control,
    ) -> Result<Rings> {
        let rings = Rings::walk(publisher.storage, publisher.app, self.ring, control)?;
        if rings.are_from_site() {
            notes.push(SiteNote::RingFromSite(rings.newest().number()));
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
                    "retired by ring {}: devices ignore its signatures",
                    ring.number()
                ));
            }
            if !ring.keys().contains(&public) {
                return refuse(format!("not in ring {}: devices do not trust it", ring.number()));
            }
            if !counted.contains(&public) {
                counted.push(public);
            }
        }
        if (counted.len() as u64) < ring.threshold() {
            let problem = format!(
                "ring {} requires signatures of {} keys, found {}; create a release that others sign too with `release create`, and \
                 publish it once it has all signatures",
                ring.number(),
                ring.threshold(),
                counted.len()
            );
            return Err(Error::invalid_input("signing keys", problem));
        }
        Ok(())
    }

    /// Signs, and verifies the release as a device does.
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

    /// When a release that is created now expires.
    pub(super) fn expiry(&self, now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_add(self.lifetime.as_secs()))
    }
}

/// A content key must not be a signing key: everyone who has the app has it.
fn check_roles(ring: &KeyRing, recipients: &[PublicContentKey]) -> Result<()> {
    let retired = |id: &KeyId| ring.retired().contains(id);
    let signs = |recipient: &&PublicContentKey| {
        retired(&recipient.id()) || ring.keys().iter().any(|key| recipient.same_modulus_as(key))
    };
    match recipients.iter().find(signs) {
        None => Ok(()),
        Some(key) => {
            let problem = format!(
                "also a signing key of ring {}: every copy of the app contains it, so anyone could sign releases",
                ring.number()
            );
            Err(Error::key_invalid(format!("content key {}", key.id()), problem))
        }
    }
}

/// The release, if a new device within its native range accepts it.
pub(super) fn require_trusted(publisher: &Publisher<'_>, ring: &KeyRing, envelope: &[u8]) -> Result<Release> {
    let trusted = trusted(publisher, publisher.channel, ring, envelope, publisher.now)?;
    Ok(trusted.release().clone())
}

/// The same at any time, with the keys that signed it.
pub(super) fn trusted(
    publisher: &Publisher<'_>,
    channel: &ChannelName,
    ring: &KeyRing,
    envelope: &[u8],
    now: Timestamp,
) -> Result<TrustedRelease> {
    let native = native_within(envelope)?;
    let context = TrustContext::new(ring, publisher.app, channel, &native).with_now(now);
    Ok(policy::check(envelope, &context)?)
}

/// A native version within the range of a release.
pub(super) fn native_within(envelope: &[u8]) -> Result<NativeVersion> {
    let release = release::SignedRelease::parse(envelope)?;
    let range = &release.release().native;
    let end = range.min.as_ref().or(range.max.as_ref());
    Ok(end.cloned().unwrap_or_else(|| NativeVersion::new("1")))
}

/// Whether two releases are equal apart from their sequences, times, patches and sealing.
pub(super) fn is_same(one: &Release, other: &Release) -> bool {
    let mut same = one.clone();
    same.sequence = other.sequence;
    same.created_at = other.created_at;
    same.expires_at = other.expires_at;
    same.patches.clone_from(&other.patches);
    if let (ReleaseTarget::Bundle(same), Some(other)) = (&mut same.target, other.target.bundle())
        && same.sealed.is_some() == other.sealed.is_some()
    {
        same.sealed = other.sealed;
    }
    same == *other
}

/// A placeholder for a sealed archive that does not exist yet.
pub(super) fn to_be_sealed() -> release::SealedIdentity {
    release::SealedIdentity {
        size: 0,
        header_digest: Sha256Digest::from_bytes([0; 32]),
    }
}

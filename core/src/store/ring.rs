//! The key ring that counts: the one the app brings, or a later one that was followed from it.
//!
//! Kept in a file of its own beside the state: it may be large, changes once a year, and must not go with a lost state, or
//! keys that were retired would count again until the rings are walked anew.

use std::sync::atomic::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::Store;
use super::json::{FromJson, Object};
use super::release::ReleaseOptions;
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::release::{Envelope, KeyRing};

/// The last ring that was followed, and the way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FollowedRing {
    /// The payloads of the rings in their order, from the one that the app brought to this one. By them it is seen that the
    /// ring of a later app lies on the way, so that nothing is walked twice, or does not, so that nothing of it counts.
    chain: Vec<Link>,
    /// This ring as it came.
    envelope: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link(Sha256Digest);

impl Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl FromJson for Link {
    fn from_json(value: &Value) -> Result<Self, String> {
        Sha256Digest::from_json(value).map(Self)
    }
}

impl FromJson for FollowedRing {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            chain: object.get("chain")?,
            envelope: object.get("envelope")?,
        })
    }
}

#[cfg(test)]
impl FollowedRing {
    /// How many rings lie on the way.
    pub(super) fn length(&self) -> u64 {
        self.chain.len() as u64
    }
}

/// A ring that is trusted, and what to remember of it.
#[derive(Debug, Clone)]
pub(super) struct TrustedRing {
    pub(super) ring: KeyRing,
    followed: FollowedRing,
}

impl TrustedRing {
    /// The ring that the app brings.
    fn first(options: &ReleaseOptions) -> Result<Self> {
        let ring = KeyRing::trusted(&options.first_ring, &options.app_id)?;
        let followed = FollowedRing {
            chain: vec![link(&options.first_ring)?],
            envelope: String::from_utf8_lossy(&options.first_ring).into_owned(),
        };
        Ok(Self { ring, followed })
    }

    /// The ring that was followed last, if the ring that the app brings lies on the way to it.
    fn remembered(first: &Self, followed: FollowedRing, options: &ReleaseOptions) -> Option<Self> {
        if !followed.chain.contains(first.followed.chain.last()?) {
            return None;
        }
        // It was trusted when it was written down. What does not even hold by itself was not written by this store.
        let ring = KeyRing::trusted(followed.envelope.as_bytes(), &options.app_id).ok()?;
        Some(Self { ring, followed })
    }

    /// The ring after this one.
    pub(super) fn follow(&self, envelope: &[u8]) -> Result<Self> {
        let ring = self.ring.follow(envelope)?;
        let mut followed = self.followed.clone();
        followed.chain.push(link(envelope)?);
        followed.envelope = String::from_utf8_lossy(envelope).into_owned();
        Ok(Self { ring, followed })
    }
}

fn link(envelope: &[u8]) -> Result<Link> {
    Ok(Link(Sha256Digest::of(Envelope::parse(envelope)?.payload())))
}

impl Store {
    /// The key ring that counts: the one in `options`, or the last one that was followed from it.
    ///
    /// # Errors
    /// Those of [`KeyRing::trusted`] if the ring in `options` is none; [`Io`](crate::ErrorKind::Io).
    pub fn key_ring(&self, options: &ReleaseOptions) -> Result<KeyRing> {
        Ok(self.trusted_ring(options)?.ring)
    }

    /// Follows the key ring in this envelope, which must be the one after [`key_ring`](Self::key_ring), and remembers it:
    /// from now on it counts, also when this app is started again. Durable when it returns.
    ///
    /// # Errors
    /// Those of [`KeyRing::follow`], and nothing changed then; [`Busy`](crate::ErrorKind::Busy),
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace).
    pub fn follow_ring(&self, envelope: &[u8], options: &ReleaseOptions) -> Result<KeyRing> {
        let next = self.trusted_ring(options)?.follow(envelope)?;
        self.remember_ring(&next, options)?;
        Ok(next.ring)
    }

    pub(super) fn trusted_ring(&self, options: &ReleaseOptions) -> Result<TrustedRing> {
        let first = TrustedRing::first(options)?;
        let followed = self.persistence.followed_ring()?;
        let remembered = followed.and_then(|followed| TrustedRing::remembered(&first, followed, options));
        let Some(remembered) = remembered else {
            return Ok(first);
        };
        // Whoever wrote it may have died, or failed, before its name was synced; what is done by it must not outlive it.
        let number = remembered.ring.number();
        if self.durable_ring.load(Ordering::Relaxed) != number {
            self.persistence.sync_root()?;
            self.durable_ring.store(number, Ordering::Relaxed);
        }
        Ok(remembered)
    }

    /// Another process may have gone further meanwhile; what it found stays.
    pub(super) fn remember_ring(&self, ring: &TrustedRing, options: &ReleaseOptions) -> Result<()> {
        let _lock = self.lock(self.options.lock_timeout)?;
        if self.trusted_ring(options)?.ring.number() >= ring.ring.number() {
            return Ok(());
        }
        self.persistence.save_ring(&ring.followed)
    }
}

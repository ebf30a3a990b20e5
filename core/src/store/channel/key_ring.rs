//! The key ring that counts: the one the app brings, or a later one that was followed from it.
//!
//! Kept in a file of its own beside the state: it may be large, changes once a year, and must not go with a lost state, or
//! keys that were retired would count again until the rings are walked anew.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::release::KeyRing;
use crate::store::install::ReleaseOptions;
use crate::store::open::Store;
use crate::store::records::{FollowedRing, link};

/// A ring that is trusted, and what to remember of it.
#[derive(Debug, Clone)]
pub(in crate::store) struct TrustedRing {
    pub(in crate::store) ring: KeyRing,
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
    pub(in crate::store) fn follow(&self, envelope: &[u8]) -> Result<Self> {
        let ring = self.ring.follow(envelope)?;
        let mut followed = self.followed.clone();
        followed.chain.push(link(envelope)?);
        followed.envelope = String::from_utf8_lossy(envelope).into_owned();
        Ok(Self { ring, followed })
    }
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

    pub(in crate::store) fn trusted_ring(&self, options: &ReleaseOptions) -> Result<TrustedRing> {
        let first = TrustedRing::first(options)?;
        let followed = self.storage.followed_ring()?;
        let remembered = followed.and_then(|followed| TrustedRing::remembered(&first, followed, options));
        let Some(remembered) = remembered else {
            return Ok(first);
        };
        // Whoever wrote it may have died, or failed, before its name was synced; what is done by it must not outlive it.
        let number = remembered.ring.number();
        if self.durable_ring.load(Ordering::Relaxed) != number {
            self.storage.sync_root()?;
            self.durable_ring.store(number, Ordering::Relaxed);
        }
        Ok(remembered)
    }

    /// Another process may have gone further meanwhile; what it found stays.
    pub(in crate::store) fn remember_ring(&self, ring: &TrustedRing, options: &ReleaseOptions) -> Result<()> {
        let _lock = self.lock(self.options.lock_timeout)?;
        if self.trusted_ring(options)?.ring.number() >= ring.ring.number() {
            return Ok(());
        }
        self.storage.save_ring(&ring.followed)
    }
}

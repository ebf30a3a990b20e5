//! The trusted key ring: the one in the app, or a later one that was followed from it.
//!
//! Kept in a file of its own beside the state: it may be large, changes about once a year, and must not be lost with
//! the state, or retired keys would count again until the rings are followed again.

use std::sync::atomic::Ordering;

use crate::error::Result;
use crate::release::KeyRing;
use crate::store::install::ReleaseOptions;
use crate::store::open::Store;
use crate::store::records::{FollowedRing, link};

/// A trusted ring, and its record.
#[derive(Debug, Clone)]
pub(in crate::store) struct TrustedRing {
    pub(in crate::store) ring: KeyRing,
    followed: FollowedRing,
}

impl TrustedRing {
    /// The ring in the app.
    fn first(options: &ReleaseOptions) -> Result<Self> {
        let ring = KeyRing::trusted(&options.first_ring, &options.app_id)?;
        let followed = FollowedRing {
            chain: vec![link(&options.first_ring)?],
            envelope: String::from_utf8_lossy(&options.first_ring).into_owned(),
        };
        Ok(Self { ring, followed })
    }

    /// The last followed ring, if the ring in the app is part of its chain.
    fn remembered(first: &Self, followed: FollowedRing, options: &ReleaseOptions) -> Option<Self> {
        if !followed.chain.contains(first.followed.chain.last()?) {
            return None;
        }
        // It was trusted when it was recorded. A ring that is not valid by itself was not written by this store.
        let ring = KeyRing::trusted(followed.envelope.as_bytes(), &options.app_id).ok()?;
        Some(Self { ring, followed })
    }

    /// Follows the next ring.
    pub(in crate::store) fn follow(&self, envelope: &[u8]) -> Result<Self> {
        let ring = self.ring.follow(envelope)?;
        let mut followed = self.followed.clone();
        followed.chain.push(link(envelope)?);
        followed.envelope = String::from_utf8_lossy(envelope).into_owned();
        Ok(Self { ring, followed })
    }
}

impl Store {
    /// The trusted key ring: the one in `options`, or the last one that was followed from it.
    ///
    /// # Errors
    /// Those of [`KeyRing::trusted`] if the ring in `options` is invalid; [`Io`](crate::ErrorKind::Io).
    pub fn key_ring(&self, options: &ReleaseOptions) -> Result<KeyRing> {
        Ok(self.trusted_ring(options)?.ring)
    }

    /// Follows the key ring in this envelope, which must be the successor of [`key_ring`](Self::key_ring), and records
    /// it: it is trusted from now on, also after a restart. Durable when it returns.
    ///
    /// # Errors
    /// Those of [`KeyRing::follow`], with nothing changed; [`Busy`](crate::ErrorKind::Busy),
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
        // The process that wrote it may have crashed before its name was synced; nothing that relies on it may be more
        // durable.
        let number = remembered.ring.number();
        if self.durable_ring.load(Ordering::Relaxed) != number {
            self.storage.sync_root()?;
            self.durable_ring.store(number, Ordering::Relaxed);
        }
        Ok(remembered)
    }

    /// Records a ring unless another process recorded the same or a later one.
    pub(in crate::store) fn remember_ring(&self, ring: &TrustedRing, options: &ReleaseOptions) -> Result<()> {
        let _lock = self.lock(self.options.lock_timeout)?;
        if self.trusted_ring(options)?.ring.number() >= ring.ring.number() {
            return Ok(());
        }
        self.storage.save_ring(&ring.followed)
    }
}

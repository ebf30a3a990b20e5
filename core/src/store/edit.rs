//! Changing what comes next, what may come, and what is kept.

use super::delay::ApplyCondition;
use super::state::State;
use super::types::{BundleId, BundleRef, FailedBundle, FailureCause};
use super::{Store, refused, unknown};
use crate::error::{Error, Result};

impl Store {
    /// Serves `slot` from the next launch on whose conditions are met.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if it is not installed, [`NotTrusted`](crate::ErrorKind::NotTrusted) if
    /// it failed or is not newer than the bundle inside the native app, [`Corrupt`](crate::ErrorKind::Corrupt) if its
    /// files are gone, [`Busy`](crate::ErrorKind::Busy) and [`Io`](crate::ErrorKind::Io),
    /// [`NoSpace`](crate::ErrorKind::NoSpace) if the state cannot be changed; so do all that change it.
    pub fn set_next(&self, slot: &BundleRef) -> Result<()> {
        self.require_files(slot)?;
        self.change(|state| self.make_next(state, slot))
    }

    /// The same with conditions that replace those there were, in one step: no crash can part the two.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn set_next_when(&self, slot: &BundleRef, delays: Vec<ApplyCondition>) -> Result<()> {
        self.require_files(slot)?;
        self.change(|state| {
            state.delays.set(delays);
            self.make_next(state, slot)
        })
    }

    pub(super) fn make_next(&self, state: &mut State, slot: &BundleRef) -> Result<()> {
        let record = slot.bundle().and_then(|id| state.bundles.get(id));
        self.require_newer_than_built_in(record.and_then(|record| record.sequence))?;
        state.set_next(slot.clone()).map_err(|refusal| refused(refusal, slot))
    }

    /// Drops what was to come next, and its conditions. Conditions that were set while there was nothing stay: they are for
    /// what comes.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn clear_next(&self) -> Result<()> {
        self.change(|state| {
            state.drop_next();
            Ok(())
        })
    }

    /// Replaces the conditions for [`next`](Self::next); all of them must hold. An empty list is no condition.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn set_delays(&self, delays: Vec<ApplyCondition>) -> Result<()> {
        self.change(|state| {
            state.delays.set(delays);
            Ok(())
        })
    }

    /// Takes a bundle out for good. Its folder is only renamed, so that the caller does not wait; the next
    /// [`sweep`](Self::sweep), [`clean`](Self::clean) or installation removes the files and frees their space.
    ///
    /// # Errors
    /// [`InUse`](crate::ErrorKind::InUse) if it is current, next, fallback or served by a running session;
    /// [`NotFound`](crate::ErrorKind::NotFound); else as [`set_next`](Self::set_next).
    pub fn delete(&self, id: &BundleId) -> Result<()> {
        let served = self.serves(id);
        let kept_failure = self.change_from_reserve(|state| {
            // Under the lock: nobody begins to serve it meanwhile.
            if served || self.is_served_elsewhere(id)? {
                return Err(Error::InUse {
                    id: id.to_string(),
                    role: "served by a running session",
                });
            }
            if state.failed.iter().any(|failed| failed.id == *id) && !state.bundles.contains_key(id) {
                return Ok(true);
            }
            state
                .delete(id)
                .map_err(|refusal| refused(refusal, &BundleRef::Bundle(id.clone())))?;
            Ok(false)
        })?;
        if kept_failure && self.persistence.kind(&self.folder(id))?.is_none() {
            return Err(unknown(id));
        }
        self.set_aside(id)
    }

    /// Says that a bundle does not work, as Capgo's `setBundleError`. It is never taken again; if it was current, the
    /// next launch serves the fallback. Its files go as those of [`delete`](Self::delete).
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn mark_failed(&self, id: &BundleId) -> Result<()> {
        let now = (self.clock)();
        self.change_from_reserve(|state| {
            let failed = state.fail(id, FailureCause::Marked, now);
            failed
                .map(drop)
                .map_err(|refusal| refused(refusal, &BundleRef::Bundle(id.clone())))
        })?;
        // It is failed, whatever becomes of its files.
        self.warn_of(self.set_aside_orphans());
        Ok(())
    }

    /// Lets bundles of this version be taken again. Tells how many failures were forgotten.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn forget_failure(&self, version: &str) -> Result<usize> {
        self.change(|state| Ok(state.forget_failure(version)))
    }

    /// The newest failure, told once, as Capgo's `getFailedUpdate`.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn take_failure(&self) -> Result<Option<FailedBundle>> {
        if self.state()?.unread_failure.is_none() {
            return Ok(None);
        }
        self.change(|state| Ok(state.unread_failure.take()))
    }

    pub(super) fn require_files(&self, slot: &BundleRef) -> Result<()> {
        let BundleRef::Bundle(id) = slot else { return Ok(()) };
        if self.state()?.bundles.contains_key(id) && !self.persistence.is_there(id) {
            let problem = "the files of this bundle are gone; install it again".to_owned();
            return Err(Error::Corrupt {
                path: self.folder(id),
                problem,
            });
        }
        Ok(())
    }
}

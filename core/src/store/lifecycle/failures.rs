//! Bundles that do not work on this device.

use crate::error::Result;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::records::{FailedBundle, FailureCause};

impl Store {
    /// Marks a bundle as failed, as Capgo's `setBundleError`. It is never accepted again; if it is current, the next
    /// launch serves the fallback. Its files are removed as by [`delete`](Self::delete).
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn mark_failed(&self, id: &BundleId) -> Result<()> {
        let now = (self.clock)();
        self.change_from_reserve(|state| {
            let failed = state.fail(id, FailureCause::Marked, now);
            failed
                .map(drop)
                .map_err(|refusal| refusal.into_error(&BundleRef::Bundle(id.clone())))
        })?;
        // The bundle has failed, even if its files cannot be removed.
        self.warn_of(self.set_aside_orphans());
        Ok(())
    }

    /// Clears the failures of this version, so that its bundles are accepted again. Returns how many were cleared.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn forget_failure(&self, version: &str) -> Result<usize> {
        self.change(|state| Ok(state.forget_failure(version)))
    }

    /// The newest failure, returned once, as Capgo's `getFailedUpdate`.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn take_failure(&self) -> Result<Option<FailedBundle>> {
        if self.state()?.unread_failure.is_none() {
            return Ok(None);
        }
        self.change(|state| Ok(state.unread_failure.take()))
    }
}

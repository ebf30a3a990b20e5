//! Bundles that do not work on this device.

use crate::error::Result;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::records::{FailedBundle, FailureCause};

impl Store {
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
                .map_err(|refusal| refusal.into_error(&BundleRef::Bundle(id.clone())))
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
}

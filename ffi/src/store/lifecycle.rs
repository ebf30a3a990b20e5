//! Changing the next bundle, its conditions and statuses. All of it throws `Busy`, `Io` and `NoSpace` if the
//! state cannot be changed.

use super::Store;
use super::records::FailedBundle;
use super::types::{ApplyCondition, BundleRef, NativeApp};
use crate::convert::signed;
use crate::error::Result;

#[uniffi::export]
impl Store {
    /// Serves `bundle` from the next launch that meets the conditions.
    ///
    /// Throws `NotFound` if it is not installed, `NotTrusted` if it failed, `Corrupt` if its files are missing.
    /// Like all calls that change the state, throws `Busy`, `Io`, `NoSpace` if it cannot be changed.
    pub fn set_next(&self, bundle: BundleRef) -> Result<()> {
        self.run("set next", |store| Ok(store.set_next(&bundle.to_core()?)?))
    }

    /// As `setNext`, and replaces the conditions in the same step, so that a crash cannot separate the two.
    pub fn set_next_when(&self, bundle: BundleRef, conditions: Vec<ApplyCondition>) -> Result<()> {
        self.run("set next", |store| {
            Ok(store.set_next_when(&bundle.to_core()?, ApplyCondition::all_to_core(&conditions)?)?)
        })
    }

    /// Clears the next bundle.
    pub fn clear_next(&self) -> Result<()> {
        self.run_core("clear next", capbundle_core::store::Store::clear_next)
    }

    /// Replaces the conditions of `next`; all of them must be met. An empty list means no condition.
    pub fn set_delays(&self, conditions: Vec<ApplyCondition>) -> Result<()> {
        self.run("set delays", |store| {
            Ok(store.set_delays(ApplyCondition::all_to_core(&conditions)?)?)
        })
    }

    /// The app entered the background, or its process starts there; in that case call it before `launch`.
    ///
    /// Until `enteredForeground` nothing counts against a bundle, because the system may freeze or end the
    /// process: no start, no expired time, no launch without a start. Conditions on time in the background
    /// begin to count.
    pub fn entered_background(&self) -> Result<()> {
        self.run_core("entered background", capbundle_core::store::Store::entered_background)
    }

    /// The app returned to the foreground: a bundle on trial whose page started must confirm, and conditions
    /// that are met now stay met.
    pub fn entered_foreground(&self, native: NativeApp) -> Result<()> {
        self.run_core("entered foreground", |store| store.entered_foreground(&native.into()))
    }

    /// Deletes a bundle permanently. Its folder is only renamed, so that the caller does not wait; the next
    /// `sweep`, `clean` or installation removes the files and frees their space.
    ///
    /// Throws `InUse` if it is current, next, fallback or served by a running session; `NotFound`.
    pub fn delete(&self, id: &str) -> Result<()> {
        self.run_core("delete", |store| store.delete(&id.parse()?))?;
        self.log.info(|| format!("deleted {id}"));
        Ok(())
    }

    /// Marks a bundle as failed, as Capgo's `setBundleError`. It is never installed again; if it was current,
    /// the next launch serves the fallback. Its files are removed as by `delete`.
    ///
    /// Throws `NotFound` if it is not installed.
    pub fn mark_failed(&self, id: &str) -> Result<()> {
        self.run_core("mark failed", |store| store.mark_failed(&id.parse()?))?;
        self.log.info(|| format!("marked {id} as failed"));
        Ok(())
    }

    /// Allows bundles of this version again. Returns the number of failures removed.
    pub fn forget_failure(&self, version: &str) -> Result<i64> {
        self.run_core("forget failure", |store| Ok(signed(store.forget_failure(version)?)))
    }

    /// The newest failure, returned once, as Capgo's `getFailedUpdate`.
    pub fn take_failure(&self) -> Result<Option<FailedBundle>> {
        self.run_core("take failure", |store| {
            Ok(store.take_failure()?.map(FailedBundle::from))
        })
    }
}

//! Changing what comes next, what may come, and what is kept. All of it throws `Busy`, `Io` and `NoSpace` if the state cannot
//! be changed.

use super::Store;
use super::records::FailedBundle;
use super::types::{ApplyCondition, BundleRef, NativeApp};
use crate::convert::signed;
use crate::error::Result;

#[uniffi::export]
impl Store {
    /// Serves `bundle` from the next launch on whose conditions are met.
    ///
    /// Throws `NotFound` if it is not installed, `NotTrusted` if it failed, `Corrupt` if its files are gone; `Busy`, `Io`,
    /// `NoSpace` if the state cannot be changed; so do all that change it.
    pub fn set_next(&self, bundle: BundleRef) -> Result<()> {
        self.run("set next", |store| Ok(store.set_next(&bundle.to_core()?)?))
    }

    /// The same with conditions that replace those there were, in one step: no crash can part the two.
    pub fn set_next_when(&self, bundle: BundleRef, conditions: Vec<ApplyCondition>) -> Result<()> {
        self.run("set next", |store| {
            Ok(store.set_next_when(&bundle.to_core()?, ApplyCondition::all_to_core(&conditions)?)?)
        })
    }

    /// Drops what was to come next.
    pub fn clear_next(&self) -> Result<()> {
        self.run_core("clear next", capbundle_core::store::Store::clear_next)
    }

    /// Replaces the conditions for `next`; all of them must hold. An empty list is no condition.
    pub fn set_delays(&self, conditions: Vec<ApplyCondition>) -> Result<()> {
        self.run("set delays", |store| {
            Ok(store.set_delays(ApplyCondition::all_to_core(&conditions)?)?)
        })
    }

    /// The app went to the background, or its process starts there: then call it before `launch`.
    ///
    /// Until `enteredForeground` nothing counts against a bundle, since the system may freeze or end the process: no start, no
    /// expired time, no launch without a start. Conditions that count the time in the background begin to count.
    pub fn entered_background(&self) -> Result<()> {
        self.run_core("entered background", capbundle_core::store::Store::entered_background)
    }

    /// The app came back: a bundle on trial whose page started has to confirm, and conditions that now hold are met for good.
    pub fn entered_foreground(&self, native: NativeApp) -> Result<()> {
        self.run_core("entered foreground", |store| store.entered_foreground(&native.into()))
    }

    /// Takes a bundle out for good. Its folder is only renamed, so that the caller does not wait; the next `sweep`, `clean` or
    /// installation removes the files and frees their space.
    ///
    /// Throws `InUse` if it is current, next, fallback or served by a running session; `NotFound`.
    pub fn delete(&self, id: &str) -> Result<()> {
        self.run_core("delete", |store| store.delete(&id.parse()?))?;
        self.log.info(|| format!("deleted {id}"));
        Ok(())
    }

    /// Says that a bundle does not work, as Capgo's `setBundleError`. It is never taken again; if it was current, the next
    /// launch serves the fallback. Its files go as those of `delete`.
    ///
    /// Throws `NotFound` if it is not installed.
    pub fn mark_failed(&self, id: &str) -> Result<()> {
        self.run_core("mark failed", |store| store.mark_failed(&id.parse()?))?;
        self.log.info(|| format!("marked {id} as failed"));
        Ok(())
    }

    /// Lets bundles of this version be taken again. Tells how many failures were forgotten.
    pub fn forget_failure(&self, version: &str) -> Result<i64> {
        self.run_core("forget failure", |store| Ok(signed(store.forget_failure(version)?)))
    }

    /// The newest failure, told once, as Capgo's `getFailedUpdate`.
    pub fn take_failure(&self) -> Result<Option<FailedBundle>> {
        self.run_core("take failure", |store| {
            Ok(store.take_failure()?.map(FailedBundle::from))
        })
    }
}

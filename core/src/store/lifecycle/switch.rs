//! Selecting the bundle to serve: next, or now.

use crate::error::{Error, Result};
use crate::io::vfs::Lock;
use crate::native::NativeApp;
use crate::store::bundle_id::BundleRef;
use crate::store::lifecycle::apply_condition::ApplyCondition;
use crate::store::lifecycle::launch::StoreFacts;
use crate::store::open::Store;
use crate::store::records::{FailedBundle, is_built_in};
use crate::store::session::{Launch, LaunchReason};
use crate::store::state::{Decision, LostTrial, Refusal, StoreState};

impl Store {
    /// Serves `slot` from the next launch at which its conditions are met.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if it is not installed, [`NotTrusted`](crate::ErrorKind::NotTrusted) if
    /// it failed or is not newer than the built-in bundle, [`Corrupt`](crate::ErrorKind::Corrupt) if its files are
    /// missing; [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io) and
    /// [`NoSpace`](crate::ErrorKind::NoSpace) if the state cannot be changed, as for every method that changes it.
    pub fn set_next(&self, slot: &BundleRef) -> Result<()> {
        self.require_files(slot)?;
        self.change(|state| self.make_next(state, slot))
    }

    /// As [`set_next`](Self::set_next), and replaces the conditions in the same step, which a crash cannot split.
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

    pub(in crate::store) fn make_next(&self, state: &mut StoreState, slot: &BundleRef) -> Result<()> {
        let record = slot.bundle().and_then(|id| state.bundles.get(id));
        self.require_newer_than_built_in(record.and_then(|record| record.sequence))?;
        state.set_next(slot.clone()).map_err(|refusal| refusal.into_error(slot))
    }

    /// Clears the next bundle and its conditions. Conditions that were set without a next bundle stay, since they are
    /// for a later one.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn clear_next(&self) -> Result<()> {
        self.change(|state| {
            state.drop_next();
            Ok(())
        })
    }

    /// Replaces the conditions for [`next`](Self::next), all of which must hold. An empty list removes them.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn set_delays(&self, delays: Vec<ApplyCondition>) -> Result<()> {
        self.change(|state| {
            state.delays.set(delays);
            Ok(())
        })
    }

    /// Makes a bundle current in this session. The host reloads its web view with the returned launch.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) also if it does not run on the native version that launched;
    /// otherwise as [`set_next`](Self::set_next).
    pub fn set_current(&self, slot: &BundleRef) -> Result<Launch> {
        self.require_files(slot)?;
        let lock = self.lock(self.options.lock_timeout)?;
        let launch = self.change_locked(|state| {
            self.require_compatible(state, slot)?;
            let failed = self.settle_trial(state);
            if failed.as_ref().is_some_and(|failed| slot.is(&failed.id)) {
                return Err(Refusal::HasFailed.into_error(slot));
            }
            let set = state.set_current(slot.clone());
            set.map_err(|refusal| refusal.into_error(slot))?;
            Ok(self.switched(state, LaunchReason::SetCurrent, failed))
        })?;
        self.serve(&launch, lock);
        Ok(launch)
    }

    pub(in crate::store) fn require_files(&self, slot: &BundleRef) -> Result<()> {
        let BundleRef::Bundle(id) = slot else { return Ok(()) };
        if self.state()?.bundles.contains_key(id) && !self.storage.is_there(id) {
            let problem = "the files of this bundle are missing; install it again".to_owned();
            return Err(Error::Corrupt {
                path: self.folder(id),
                problem,
            });
        }
        Ok(())
    }

    pub(in crate::store) fn require_compatible(&self, state: &StoreState, slot: &BundleRef) -> Result<()> {
        let Some(record) = slot.bundle().and_then(|id| state.bundles.get(id)) else {
            return Ok(());
        };
        self.require_newer_than_built_in(record.sequence)?;
        match self.session.native() {
            Some(native) if !record.native.contains(&native.version) => {
                let problem = format!("requires another native version than {}", native.version.as_str());
                Err(Error::not_trusted(format!("bundle {slot}"), problem))
            }
            _ => Ok(()),
        }
    }

    /// Requires a sequence above that of the built-in bundle. Other bundles are neither installed nor served.
    pub(in crate::store) fn require_newer_than_built_in(&self, sequence: Option<u64>) -> Result<()> {
        let built_in = self.options.built_in_sequence;
        match (sequence, built_in) {
            (Some(sequence), Some(built_in)) if is_built_in(Some(sequence), Some(built_in)) => {
                let problem =
                    format!("expected a sequence above that of the built-in bundle, {built_in}, found {sequence}");
                Err(Error::not_trusted("bundle", problem))
            }
            _ => Ok(()),
        }
    }

    /// Whether the native app of this session may run it, as far as is known before a launch.
    pub(in crate::store) fn may_run(&self, state: &StoreState, slot: &BundleRef) -> bool {
        self.require_compatible(state, slot).is_ok()
    }

    /// Resets to the built-in bundle or, with `to_last_proven`, to the last one that confirmed. Clears the next bundle.
    /// The built-in bundle is then the fallback of later ones: a withdrawn bundle does not return because its successor
    /// fails. The host reloads its web view with the returned launch.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn reset(&self, to_last_proven: bool) -> Result<Launch> {
        let lock = self.lock(self.options.lock_timeout)?;
        let launch = self.change_locked_from_reserve(&mut |state| {
            let failed = self.settle_trial(state);
            let is_there = state.fallback.bundle().is_none_or(|id| self.storage.is_there(id));
            if to_last_proven && !(is_there && self.may_run(state, &state.fallback)) {
                state.reset_for_now();
            } else {
                state.reset(to_last_proven);
            }
            Ok(self.switched(state, LaunchReason::Reset, failed))
        })?;
        self.serve(&launch, lock);
        Ok(launch)
    }

    /// Applies the next bundle now if its conditions are met. Call it when the app goes to the background or returns,
    /// as Capgo's plugin does. The host reloads its web view with the returned launch, if any. During a
    /// [preview](Self::preview) nothing is applied.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn apply_next(&self, native: &NativeApp) -> Result<Option<Launch>> {
        if self.is_previewing() {
            return Ok(None);
        }
        let facts = StoreFacts::new(self);
        let lock = self.lock(self.options.lock_timeout)?;
        let launch = self.change_locked(|state| {
            let failed = self.settle_trial(state);
            let applied = state.apply_next(&self.world(native, &facts));
            let reason = LaunchReason::NextApplied;
            Ok(applied.map(|serve| self.launch_of(state, Decision { serve, reason, failed })))
        })?;
        if let Some(launch) = &launch {
            self.serve(launch, lock);
        }
        Ok(launch)
    }

    /// Reports that the app went to the background. If its process starts there, call this before
    /// [`launch`](Self::launch).
    ///
    /// Until [`entered_foreground`](Self::entered_foreground) nothing counts against a bundle, since the system may
    /// freeze or end the process: no start, no expired time, no launch without a start. For a bundle on trial this is
    /// durable. Conditions on the time in the background start to count.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace): it
    /// applies to this process, but the next launch does not see it. Call it again.
    pub fn entered_background(&self) -> Result<()> {
        let now = (self.clock)();
        self.note_background();
        let state = self.state()?;
        if !state.has_attempt_of(&self.session.name) && state.delays.are_met() {
            return Ok(());
        }
        self.change_from_reserve(|state| {
            state.entered_background(&self.session.name, now);
            Ok(())
        })?;
        // The trial may continue, and its end needs the reserve again. Without space for the reserve the next trial
        // waits.
        let _ = self.try_keep_reserve();
        Ok(())
    }

    /// Reports that the app returned to the foreground: a bundle on trial whose page started has to confirm, and
    /// conditions that hold now stay met.
    ///
    /// # Errors
    /// As [`set_next`](Self::set_next).
    pub fn entered_foreground(&self, native: &NativeApp) -> Result<()> {
        let now = (self.clock)();
        self.note_foreground();
        let previews = self.is_previewing();
        let state = self.state()?;
        if !state.has_attempt_of(&self.session.name) && state.delays.are_idle() {
            return Ok(());
        }
        self.change(|state| {
            state.entered_foreground(&self.session.name, &native.version, now);
            if previews {
                self.suspend_attempt(state);
            }
            Ok(())
        })
    }

    /// The attempt of an ended session is counted before another replaces it.
    fn settle_trial(&self, state: &mut StoreState) -> Option<FailedBundle> {
        let lost = state.settle_trial(&self.rules(), &StoreFacts::new(self), (self.clock)());
        lost.and_then(LostTrial::failed)
    }

    /// The launch of this session after a change of the current bundle.
    fn switched(&self, state: &mut StoreState, reason: LaunchReason, failed: Option<FailedBundle>) -> Launch {
        state.begin_attempt(&self.session.name, self.start().is_in_background());
        let serve = state.current.clone();
        self.launch_of(state, Decision { serve, reason, failed })
    }

    /// Serves another bundle from now on, and records it while the change still holds the lock: until then other
    /// processes do not see that the files are used, and may delete them.
    ///
    /// The decision is durable by now. If it cannot be recorded, other processes do not see it, but keep the current
    /// bundle and the fallback.
    pub(in crate::store) fn serve(&self, launch: &Launch, lock: Box<dyn Lock>) {
        self.warn_of(self.pin(&launch.bundle));
        // Released first: a launch waits for the lock while it holds `served`.
        drop(lock);
        *self.session.served() = Some(launch.clone());
        *self.session.under_preview() = None;
    }
}

//! Finding out whether what is served works.

use std::time::Duration;

use super::Store;
use super::launch::{Launch, LaunchReason};
use super::state::{Decision, State, TrialEnd};
use super::types::{BundleId, Slot};
use crate::error::Result;

/// What [`Store::confirm`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// The bundle is proven now: it is what later ones fall back to.
    Proven,
    /// It was proven before.
    AlreadyProven,
    /// The built-in bundle needs no proof.
    BuiltIn,
    /// Too late or from another bundle: something else is current, and nothing changed.
    Ignored {
        /// What is current.
        current: Slot,
    },
}

/// What [`Store::trial_expired`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expired {
    /// The attempt counts as failed: serve this now. `failed` says whether the bundle may try again at a later launch.
    FallBack(Box<Launch>),
    /// The bundle is not on trial (any more): go on.
    Ignored,
}

impl Store {
    /// The web view of a bundle on trial started: from now on an end without [`confirm`](Self::confirm) counts against
    /// it. Says whether it is on trial in this session.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace); the
    /// start is not counted then.
    pub fn trial_started(&self, id: &BundleId) -> Result<bool> {
        self.change(|state| Ok(state.trial_started(id, &self.session.name, true)))
    }

    /// The app went to the background before its bundle on trial confirmed. The system may end its process there at any
    /// time, and that is not the bundle's fault: the attempt counts only if
    /// [`trial_started`](Self::trial_started) is called again.
    ///
    /// # Errors
    /// As [`trial_started`](Self::trial_started).
    pub fn trial_suspended(&self, id: &BundleId) -> Result<bool> {
        let on_trial = self.change_from_reserve(|state| Ok(state.trial_started(id, &self.session.name, false)))?;
        // The trial may go on, and its end needs the reserve again. Without room for it the next trial waits.
        let _ = self.make_reserve();
        Ok(on_trial)
    }

    /// The bundle `id` works. From now on it is what later ones fall back to.
    ///
    /// For a page that calls `notifyAppReady()` without arguments pass the id that this session served
    /// ([`served`](Self::served)): a late call of a page that is being replaced must not prove its successor.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace): call it
    /// again then.
    pub fn confirm(&self, id: &Slot) -> Result<Confirmation> {
        let Slot::Bundle(id) = id else {
            return Ok(Confirmation::BuiltIn);
        };
        let now = (self.clock)();
        let served = self.served().map(|launch| launch.bundle).unwrap_or_default();
        let (confirmation, replaced) = self.change_from_reserve(|state| {
            let Some((first, previous)) = state.confirm(id, now) else {
                return Ok((
                    Confirmation::Ignored {
                        current: state.current.clone(),
                    },
                    None,
                ));
            };
            if !first {
                return Ok((Confirmation::AlreadyProven, None));
            }
            if let Some(record) = state.bundles.get(id) {
                self.persistence.withdraw_mark(record)?;
                self.persistence.save_record(record)?;
            }
            Ok((Confirmation::Proven, self.delete_previous(state, previous, &served)?))
        })?;
        if let Some(launch) = self.session.served().as_mut().filter(|launch| launch.bundle.is(id)) {
            launch.on_trial = false;
        }
        match replaced {
            Some(previous) => self.set_aside(&previous).map(|()| confirmation),
            None => Ok(confirmation),
        }
    }

    fn delete_previous(
        &self,
        state: &mut State,
        previous: Option<BundleId>,
        served: &Slot,
    ) -> Result<Option<BundleId>> {
        let Some(previous) = previous.filter(|_| self.options.auto_delete_previous) else {
            return Ok(None);
        };
        if served.is(&previous) || self.is_served_elsewhere(&previous)? {
            return Ok(None);
        }
        // One that has another role stays.
        Ok(state.delete(&previous).ok().map(|record| record.id))
    }

    /// What this session serves; `None` before [`launch`](Self::launch).
    #[must_use]
    pub fn served(&self) -> Option<Launch> {
        self.session.served().clone()
    }

    /// How long the served bundle has to confirm after its web view started; `None` if it need not.
    #[must_use]
    pub fn ready_deadline(&self) -> Option<Duration> {
        self.session
            .served()
            .as_ref()
            .filter(|launch| launch.on_trial)
            .map(|_| self.options.app_ready_timeout)
    }

    /// The time to confirm is over. The attempt counts as failed, and this session serves the fallback from now on.
    ///
    /// # Errors
    /// As [`trial_started`](Self::trial_started).
    pub fn trial_expired(&self, id: &BundleId) -> Result<Expired> {
        let now = (self.clock)();
        let lock = self.lock(self.options.lock_timeout)?;
        let fallback = self.change_locked_from_reserve(&mut |state| {
            let TrialEnd::Counted(failed) = state.trial_expired(id, &self.session.name, &self.rules(), now) else {
                return Ok(None);
            };
            // A fallback that this native app must not run leaves its role at the next launch.
            let serve = Some(&state.fallback).filter(|fallback| self.may_run(state, fallback));
            let serve = serve.cloned().unwrap_or_default();
            let decision = Decision {
                serve,
                reason: LaunchReason::TrialExpired,
                failed,
            };
            Ok(Some(self.launch_of(state, decision)))
        })?;
        let Some(mut launch) = fallback else {
            return Ok(Expired::Ignored);
        };
        if launch.bundle.bundle().is_some_and(|id| !self.persistence.is_there(id)) {
            launch = Launch {
                bundle: Slot::BuiltIn,
                folder: None,
                version: None,
                ..launch
            };
        }
        launch.on_trial = false;
        self.serve(&launch, lock)?;
        self.set_aside_orphans()?;
        Ok(Expired::FallBack(Box::new(launch)))
    }
}

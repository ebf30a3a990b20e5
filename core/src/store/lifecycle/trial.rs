//! The trial of a bundle: start, confirmation, expiry.

use std::time::Duration;

use crate::error::Result;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::session::{Launch, LaunchReason};
use crate::store::state::{Decision, LostTrial, StoreState, TrialEnd};

/// The result of [`Store::confirm`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// The bundle is proven now, and is the fallback of later ones.
    Proven,
    /// It was proven before.
    AlreadyProven,
    /// The built-in bundle needs no proof.
    BuiltIn,
    /// Nothing changed: another bundle is current, the page of this one did not start in this session
    /// ([`trial_started`](Store::trial_started)), or a [preview](Store::preview) is served.
    Ignored {
        /// The current bundle.
        current: BundleRef,
    },
}

/// The result of [`Store::trial_expired`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expired {
    /// The attempt counts as failed; serve this launch now. `failed` is set if the bundle used up its attempts.
    FallBack(Box<Launch>),
    /// Nothing expired: the bundle is not on trial (any more), the app is in the background, or a
    /// [preview](Store::preview) is served. Keep the page, or [leave](Store::leave_preview) the preview.
    Ignored,
}

impl Store {
    /// Reports that the page of this bundle started: the web view committed to it and no longer shows the previous
    /// page. From now on it can [`confirm`](Self::confirm), and an end without that counts against it, except in the
    /// background. Returns whether it is on trial in this session.
    ///
    /// Call it for every page that starts, with the bundle that the page was loaded from. For a proven bundle it
    /// records the start in a small file, which remains if the process ends: see
    /// [`StoreOptions::silent_starts`](crate::store::StoreOptions).
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace): the
    /// start is not counted, and the page cannot confirm. Call it again.
    pub fn trial_started(&self, id: &BundleId) -> Result<bool> {
        if self.is_previewing() {
            self.note_suspended(false);
            return Ok(false);
        }
        let in_background = self.start().is_in_background();
        let serves = self.serves(id);
        let (on_trial, is_proven) = self.change(|state| {
            let on_trial = state.trial_started(id, &self.session.name, in_background);
            Ok((on_trial, state.trial.is_none() && state.current.is(id)))
        })?;
        self.note_suspended(false);
        if is_proven && serves && self.options.silent_starts > 0 {
            self.note_page(id);
        }
        Ok(on_trial)
    }

    /// Reports that the app went to the background before its bundle on trial confirmed. The system may end its process
    /// there at any time, which is not the bundle's fault: the attempt counts again only after
    /// [`trial_started`](Self::trial_started) or [`entered_foreground`](Self::entered_foreground). A host that calls
    /// [`entered_background`](Self::entered_background) need not call this.
    ///
    /// # Errors
    /// As [`trial_started`](Self::trial_started).
    pub fn trial_suspended(&self, id: &BundleId) -> Result<bool> {
        let on_trial = self.change_from_reserve(|state| Ok(state.trial_suspended(id, &self.session.name)))?;
        self.note_suspended(true);
        // The trial may continue, and its end needs the reserve again. Without space for the reserve the next trial
        // waits.
        let _ = self.try_keep_reserve();
        Ok(on_trial)
    }

    /// Confirms that the bundle `id` works. From now on it is the fallback of later ones.
    ///
    /// `id` is the bundle that the calling page was loaded from: for a page that calls `notifyAppReady()` without
    /// arguments, the bundle that the host last passed to [`trial_started`](Self::trial_started). The served bundle
    /// ([`served`](Self::served)) may already be its successor, whose page has not started. A bundle on trial whose
    /// page did not start in this session is not proven by any confirmation.
    ///
    /// The confirmation is durable when this returns. Removing the files of a bundle that is no longer needed may fail
    /// after that, which is a [warning](Self::take_warnings).
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace): nothing
    /// is confirmed. Call it again.
    pub fn confirm(&self, id: &BundleRef) -> Result<Confirmation> {
        let BundleRef::Bundle(id) = id else {
            return Ok(Confirmation::BuiltIn);
        };
        if self.is_previewing() {
            let current = self.current()?;
            return Ok(Confirmation::Ignored { current });
        }
        let now = (self.clock)();
        let served = self.served().map(|launch| launch.bundle).unwrap_or_default();
        let counts = self.start().awaits(id);
        let (confirmation, superseded) = self.change_from_reserve(|state| {
            let Some(confirmed) = state.confirm(id, &self.session.name, counts, &self.rules(), now) else {
                return Ok((
                    Confirmation::Ignored {
                        current: state.current.clone(),
                    },
                    Vec::new(),
                ));
            };
            let superseded = self.delete_superseded(state, confirmed.superseded, &served);
            if !confirmed.first {
                return Ok((Confirmation::AlreadyProven, superseded));
            }
            if let Some(record) = state.bundles.get(id) {
                self.storage.withdraw_mark(record)?;
                self.storage.save_record(record)?;
            }
            Ok((Confirmation::Proven, superseded))
        })?;
        let is_ignored = matches!(confirmation, Confirmation::Ignored { .. });
        if let Some(launch) = self.session.served().as_mut()
            && launch.bundle.is(id)
            && !is_ignored
        {
            launch.on_trial = false;
        }
        if !is_ignored && (counts || confirmation == Confirmation::Proven) {
            self.note_confirmed();
        }
        for id in &superseded {
            self.warn_of(self.set_aside(id));
        }
        Ok(confirmation)
    }

    /// Removes bundles that are no longer needed from the state. A bundle that is served, or may be, waits for the next
    /// confirmation.
    fn delete_superseded(
        &self,
        state: &mut StoreState,
        superseded: Vec<BundleId>,
        served: &BundleRef,
    ) -> Vec<BundleId> {
        if !self.options.auto_delete_previous {
            return Vec::new();
        }
        let mut deleted = Vec::new();
        for id in superseded {
            let is_served = served.is(&id)
                || self.is_served_elsewhere(&id).unwrap_or_else(|error| {
                    self.warn(error);
                    true
                });
            if is_served {
                state.superseded.push(id);
            } else if state.delete(&id).is_ok() {
                deleted.push(id);
            }
        }
        deleted
    }

    /// The launch that this session serves; `None` before [`launch`](Self::launch).
    #[must_use]
    pub fn served(&self) -> Option<Launch> {
        self.session.served().clone()
    }

    /// How long the served bundle has to confirm after its page started; `None` if it need not, and while the app is in
    /// the background.
    #[must_use]
    pub fn ready_deadline(&self) -> Option<Duration> {
        if self.start().is_paused() {
            return None;
        }
        self.session
            .served()
            .as_ref()
            .filter(|launch| launch.on_trial)
            .map(|_| self.options.app_ready_timeout)
    }

    /// Reports that the time to confirm is over. The attempt counts as failed, and this session serves the fallback
    /// from now on. Nothing expires in the background, where a page may be frozen.
    ///
    /// The decision is durable when this returns. Removing files may fail after that, which is a
    /// [warning](Self::take_warnings).
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace): this
    /// session still serves the bundle. Call it again.
    pub fn trial_expired(&self, id: &BundleId) -> Result<Expired> {
        if self.start().is_in_background() || self.is_previewing() {
            return Ok(Expired::Ignored);
        }
        let now = (self.clock)();
        // An earlier call may have decided this and failed to make it durable.
        let is_again = self.session.expiring().replace(id.clone()).as_ref() == Some(id);
        let lock = self.lock(self.options.lock_timeout)?;
        let fallback = self.change_locked_from_reserve(&mut |state| {
            let failed = match state.trial_expired(id, &self.session.name, &self.rules(), now) {
                TrialEnd::Counted(lost) => lost.and_then(LostTrial::failed),
                TrialEnd::NotOnTrial if is_again && state.has_expired(id, &self.session.name) => {
                    state.failed.iter().find(|failed| failed.id == *id).cloned()
                }
                TrialEnd::NotOnTrial => return Ok(None),
            };
            // A fallback that this native app must not run loses its role at the next launch.
            let serve = Some(&state.fallback).filter(|fallback| self.may_run(state, fallback));
            let serve = serve.cloned().unwrap_or_default();
            let decision = Decision {
                serve,
                reason: LaunchReason::TrialExpired,
                failed,
            };
            Ok(Some(self.launch_of(state, decision)))
        })?;
        *self.session.expiring() = None;
        let Some(mut launch) = fallback else {
            return Ok(Expired::Ignored);
        };
        if launch.bundle.bundle().is_some_and(|id| !self.storage.is_there(id)) {
            launch = Launch {
                bundle: BundleRef::BuiltIn,
                folder: None,
                version: None,
                ..launch
            };
        }
        launch.on_trial = false;
        self.serve(&launch, lock);
        self.warn_of(self.set_aside_orphans());
        Ok(Expired::FallBack(Box::new(launch)))
    }
}

//! The decision at app start which bundle to serve.

use super::trial::{Attempt, MAX_UNSTARTED};
use super::{FailureCause, State, Trial};
use crate::store::LaunchReason;
use crate::store::types::{BundleId, Failed, Misfit, NativeApp, Slot, Timestamp};

/// What the host configured.
#[derive(Debug, Clone)]
pub(in crate::store) struct Rules {
    pub(in crate::store) attempts: u32,
    pub(in crate::store) reset_when_native_changes: bool,
}

/// What the state machine needs to know about the world to decide.
pub(in crate::store) struct World<'a> {
    pub(in crate::store) native: &'a NativeApp,
    /// The sequence of the release that is built into it, if the host states one.
    pub(in crate::store) built_in_sequence: Option<u64>,
    pub(in crate::store) now: Timestamp,
    /// The session that asks.
    pub(in crate::store) session: &'a str,
    pub(in crate::store) facts: &'a dyn Facts,
}

/// What only a look outside can tell.
pub(in crate::store) trait Facts {
    /// Whether a session still runs.
    fn is_alive(&self, session: &str) -> bool;
    /// Whether a bundle is on the disk with its `index.html`.
    fn is_there(&self, id: &BundleId) -> bool;
}

/// What to serve, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Decision {
    pub(in crate::store) serve: Slot,
    pub(in crate::store) reason: LaunchReason,
    /// A failure that this decision found out.
    pub(in crate::store) failed: Option<Failed>,
}

/// What became of a trial whose time ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum TrialEnd {
    NotOnTrial,
    /// The attempt counts; with the last one the bundle failed.
    Counted(Option<Failed>),
}

impl State {
    /// Decides what a new session serves, in the order of design §7; the first rule that applies wins.
    ///
    /// The caller makes the changed state durable before it serves a bundle on trial, and serves the fallback if it
    /// cannot.
    pub(in crate::store) fn launch(&mut self, rules: &Rules, world: &World<'_>) -> Decision {
        self.bound_failures();
        let native_changed = self.take_native_build(rules, &world.native.build);
        self.forget_missing(world);
        self.delays.launched(&world.native.version, world.now);
        if native_changed && rules.reset_when_native_changes {
            return Decision {
                serve: Slot::BuiltIn,
                reason: LaunchReason::NativeChanged,
                failed: None,
            };
        }
        let failed = self.settle_trial(rules, world.facts, world.now);
        let mut reason = if failed.is_some() {
            LaunchReason::TrialFailed
        } else {
            self.give_up_or_take_next(world)
        };
        if let Some(misfit) = self.misfit(&self.current, world) {
            reason = misfit.into();
            self.trial = None;
            self.current = if self.fits(&self.fallback, world) {
                self.fallback.clone()
            } else {
                Slot::BuiltIn
            };
        }
        // The attempt of another session that still runs stays; a bundle that was next has none yet.
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.attempt.is_none()) {
            trial.begin(world.session);
        }
        Decision {
            serve: self.current.clone(),
            reason,
            failed,
        }
    }

    /// Counts the last attempt of the trial, which ended unconfirmed if its session is over. With the last that it had the
    /// bundle failed.
    pub(in crate::store) fn settle_trial(
        &mut self,
        rules: &Rules,
        facts: &dyn Facts,
        now: Timestamp,
    ) -> Option<Failed> {
        let trial = self.trial.as_mut()?;
        let is_running = |attempt: &Attempt| facts.is_alive(&attempt.session);
        if !trial.attempt.as_ref().is_some_and(is_running) {
            trial.settle();
        }
        if trial.failed_starts < rules.attempts {
            return None;
        }
        let id = self.current.bundle()?.clone();
        // The bundle is current, so it is known.
        self.fail(&id, FailureCause::NeverConfirmed, now).ok()
    }

    fn give_up_or_take_next(&mut self, world: &World<'_>) -> LaunchReason {
        if self
            .trial
            .as_ref()
            .is_some_and(|trial| trial.unstarted >= MAX_UNSTARTED)
        {
            self.fall_back();
            return LaunchReason::TrialNeverStarted;
        }
        match self.take_next(world) {
            Some(_) => LaunchReason::NextApplied,
            None => LaunchReason::Current,
        }
    }

    /// Makes the next bundle current if there is one and its conditions are met.
    fn take_next(&mut self, world: &World<'_>) -> Option<Slot> {
        let next = self
            .next
            .clone()
            .filter(|next| self.delays.are_met() && self.fits(next, world))?;
        self.drop_next();
        self.make_current(next.clone());
        Some(next)
    }

    /// Applies the next bundle within a session, if there is one and its conditions are met.
    pub(in crate::store) fn apply_next(&mut self, world: &World<'_>) -> Option<Slot> {
        self.forget_missing(world);
        self.delays.satisfy_conditions(&world.native.version, world.now);
        let next = self.take_next(world)?;
        self.begin_attempt(world.session);
        Some(next)
    }

    pub(in crate::store) fn begin_attempt(&mut self, session: &str) {
        if let Some(trial) = &mut self.trial {
            trial.begin(session);
        }
    }

    /// The web view of a bundle on trial started (or, with `false`, went to the background before it was ready, where
    /// its process may end for reasons of the system). Says whether it is on trial in this session.
    pub(in crate::store) fn trial_started(&mut self, id: &BundleId, session: &str, started: bool) -> bool {
        let is_current = self.current.is(id);
        let attempt = self.trial.as_mut().and_then(|trial| trial.attempt.as_mut());
        match attempt.filter(|attempt| is_current && attempt.session == session) {
            Some(attempt) => {
                attempt.started = started;
                true
            }
            None => false,
        }
    }

    /// The trial's time is over without a confirmation: this attempt failed, and with the last one the bundle.
    ///
    /// Only the attempt of `session` can end so, and only once: two timers of one launch (an activity made twice), or
    /// another process that shows the same trial, are no second attempt.
    pub(in crate::store) fn trial_expired(
        &mut self,
        id: &BundleId,
        session: &str,
        rules: &Rules,
        now: Timestamp,
    ) -> TrialEnd {
        let is_ours = |trial: &Trial| trial.attempt.as_ref().is_some_and(|attempt| attempt.session == session);
        let Some(trial) = self
            .trial
            .as_mut()
            .filter(|trial| self.current.is(id) && is_ours(trial))
        else {
            return TrialEnd::NotOnTrial;
        };
        trial.attempt = None;
        trial.unstarted = 0;
        trial.failed_starts += 1;
        if trial.failed_starts < rules.attempts {
            return TrialEnd::Counted(None);
        }
        TrialEnd::Counted(self.fail(id, FailureCause::NeverConfirmed, now).ok())
    }

    /// Notes the native build that launched. Says whether it is another than before: then what was installed for that one
    /// goes, or must prove itself anew.
    pub(in crate::store) fn take_native_build(&mut self, rules: &Rules, build: &str) -> bool {
        let previous = self.native_build.replace(build.to_owned());
        let changed = previous.is_some_and(|previous| previous != build);
        if changed {
            // Failures of another build lapse: the native side may have been the cause.
            self.failed
                .retain(|failed| failed.native_build.as_deref() == Some(build));
            if rules.reset_when_native_changes {
                self.start_over();
            } else {
                self.prove_anew();
            }
        }
        changed
    }

    /// A new native app brings its own bundle, newer than everything that was installed for the old one.
    fn start_over(&mut self) {
        self.current = Slot::BuiltIn;
        self.fallback = Slot::BuiltIn;
        self.drop_next();
        self.trial = None;
        self.bundles.clear();
    }

    /// What one native build proved may crash with the next, so the current bundle must confirm once more.
    fn prove_anew(&mut self) {
        self.fallback = Slot::BuiltIn;
        self.trial = self.current.bundle().map(|_| Trial::default());
    }

    /// Bundles that are gone (a restored backup, a purged folder) leave every role they had.
    fn forget_missing(&mut self, world: &World<'_>) {
        let roles = [Some(&self.current), self.next.as_ref(), Some(&self.fallback)];
        let gone: Vec<BundleId> = roles
            .into_iter()
            .flatten()
            .filter_map(Slot::bundle)
            .filter(|id| !self.bundles.contains_key(id) || !world.facts.is_there(id))
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.forget_bundles(&gone);
        }
    }

    fn fits(&self, slot: &Slot, world: &World<'_>) -> bool {
        self.misfit(slot, world).is_none()
    }

    /// Why this native app must not run it.
    fn misfit(&self, slot: &Slot, world: &World<'_>) -> Option<Misfit> {
        let Slot::Bundle(id) = slot else { return None };
        match self.bundles.get(id) {
            Some(record) => record.misfit(&world.native.version, world.built_in_sequence),
            None => Some(Misfit::OutOfNativeRange),
        }
    }

    /// What is served when a trial cannot be made durable, or the lock is not to be had: nothing that needs a change.
    pub(in crate::store) fn without_change(&self, world: &World<'_>) -> Slot {
        // With another native build everything must prove itself anew, and no attempt of it can be counted now.
        let native_changed = self
            .native_build
            .as_ref()
            .is_some_and(|build| *build != world.native.build);
        if native_changed {
            return Slot::BuiltIn;
        }
        let candidates = match self.trial {
            // Its attempt is already durable if this session began it; else it may not run.
            Some(Trial { .. }) => [Some(&self.fallback), None],
            None => [Some(&self.current), Some(&self.fallback)],
        };
        let usable = |slot: &&Slot| self.fits(slot, world) && slot.bundle().is_none_or(|id| world.facts.is_there(id));
        candidates
            .into_iter()
            .flatten()
            .find(usable)
            .cloned()
            .unwrap_or_default()
    }
}

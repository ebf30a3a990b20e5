//! The decision at launch which bundle to serve.

use super::decision::{Decision, Facts, LostTrial, Rules, TrialEnd, World};
use super::machine::{SilentStarts, StoreState};
use super::trial::{Attempt, MAX_UNSTARTED, Trial};
use crate::native::{NativeApp, NativeVersion, is_same_native};
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::records::{FailureCause, Incompatibility};
use crate::store::session::LaunchReason;
use crate::time::Timestamp;

impl StoreState {
    /// Decides which bundle a new session serves. The first rule that applies wins, in the order of
    /// `docs/launch-protocol.md`.
    ///
    /// The caller makes the changed state durable before it serves a bundle on trial, and serves the fallback if it
    /// cannot.
    pub(in crate::store) fn launch(&mut self, rules: &Rules, world: &World<'_>) -> Decision {
        self.bound_failures();
        let native_changed = self.take_native(rules, world.native);
        self.remove_missing(world);
        self.delays.launched(&world.native.version, world.now);
        if native_changed && rules.reset_when_native_changes {
            return Decision {
                serve: BundleRef::BuiltIn,
                reason: LaunchReason::NativeChanged,
                failed: None,
            };
        }
        self.count_silent_starts(rules, world);
        let lost = self.settle_trial(rules, world.facts, world.now);
        let mut reason = match lost {
            Some(LostTrial::Failed(_)) => LaunchReason::TrialFailed,
            Some(LostTrial::SetAside) => LaunchReason::SetAside,
            None => self.give_up_or_take_next(world),
        };
        if let Some(incompatibility) = self.incompatibility(&self.current, world) {
            reason = incompatibility.into();
            self.trial = None;
            self.current = if self.fits(&self.fallback, world) {
                self.fallback.clone()
            } else {
                BundleRef::BuiltIn
            };
        }
        // The attempt of another running session stays; a bundle that was next has none yet.
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.attempt.is_none()) {
            trial.begin(world.session, world.in_background);
        }
        Decision {
            serve: self.current.clone(),
            reason,
            failed: lost.and_then(LostTrial::failed),
        }
    }

    /// Counts the silent starts of a proven bundle, those whose process ended in the foreground without a confirmation.
    /// After the configured number in a row the bundle goes on trial again, with its predecessor as fallback.
    fn count_silent_starts(&mut self, rules: &Rules, world: &World<'_>) {
        let BundleRef::Bundle(id) = &self.current else { return };
        if self.trial.is_some() || rules.silent_starts == 0 {
            self.silent = None;
            return;
        }
        let sessions = world.facts.silent_sessions(id);
        if sessions.is_empty() {
            return;
        }
        let known = self.silent.take().filter(|silent| silent.bundle == *id);
        let mut silent = known.unwrap_or_else(|| SilentStarts::of(id.clone()));
        for session in sessions {
            // A crash between this count and the removal of the record must not count it twice.
            if !silent.sessions.contains(&session) {
                silent.sessions.push(session);
            }
        }
        if silent.sessions.len() < rules.silent_starts as usize {
            self.silent = Some(silent);
        } else {
            self.fallback = self.predecessor();
            self.trial = Some(Trial::default());
        }
    }

    /// Counts the last attempt of the trial, which ended without a confirmation if its session has ended. The last one
    /// loses the trial.
    pub(in crate::store) fn settle_trial(
        &mut self,
        rules: &Rules,
        facts: &dyn Facts,
        now: Timestamp,
    ) -> Option<LostTrial> {
        let trial = self.trial.as_mut()?;
        let is_running = |attempt: &Attempt| facts.is_alive(&attempt.session);
        if !trial.attempt.as_ref().is_some_and(is_running) {
            trial.settle();
        }
        if trial.failed_starts < rules.attempts {
            return None;
        }
        self.lose_trial(now)
    }

    /// The bundle on trial used up its attempts.
    fn lose_trial(&mut self, now: Timestamp) -> Option<LostTrial> {
        let id = self.current.bundle()?.clone();
        if self.proved_here(&id) {
            self.set_aside(&id, now);
            return Some(LostTrial::SetAside);
        }
        // The bundle is current, so it has a record.
        self.fail(&id, FailureCause::NeverConfirmed, now)
            .ok()
            .map(LostTrial::Failed)
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
    fn take_next(&mut self, world: &World<'_>) -> Option<BundleRef> {
        let next = self
            .next
            .clone()
            .filter(|next| self.delays.are_met() && self.fits(next, world))?;
        self.drop_next();
        self.make_current(next.clone());
        Some(next)
    }

    /// Applies the next bundle within a session, if there is one and its conditions are met.
    pub(in crate::store) fn apply_next(&mut self, world: &World<'_>) -> Option<BundleRef> {
        self.remove_missing(world);
        self.delays.satisfy_conditions(&world.native.version, world.now);
        let next = self.take_next(world)?;
        self.begin_attempt(world.session, world.in_background);
        Some(next)
    }

    pub(in crate::store) fn begin_attempt(&mut self, session: &str, in_background: bool) {
        if let Some(trial) = &mut self.trial {
            trial.begin(session, in_background);
        }
    }

    /// Records that the page of a bundle started. Returns whether it is on trial in this session.
    pub(in crate::store) fn trial_started(&mut self, id: &BundleId, session: &str, in_background: bool) -> bool {
        let Some(attempt) = self.attempt_with(id, session) else {
            return false;
        };
        attempt.page_started = true;
        attempt.in_background = in_background;
        attempt.started = !in_background;
        true
    }

    /// Records that the app went to the background before its bundle on trial confirmed. Returns whether it is on trial
    /// in this session.
    pub(in crate::store) fn trial_suspended(&mut self, id: &BundleId, session: &str) -> bool {
        match self.attempt_with(id, session) {
            Some(attempt) => {
                attempt.started = false;
                attempt.in_background = true;
                true
            }
            None => false,
        }
    }

    fn attempt_with(&mut self, id: &BundleId, session: &str) -> Option<&mut Attempt> {
        let is_current = self.current.is(id);
        let trial = self.trial.as_mut().filter(|_| is_current)?;
        trial.attempt_of(session)
    }

    /// Whether an attempt of this session is running.
    pub(in crate::store) fn has_attempt_of(&self, session: &str) -> bool {
        self.attempt().is_some_and(|(_, of)| of == session)
    }

    /// Records that the app of this session went to the background, where its attempt does not count.
    pub(in crate::store) fn entered_background(&mut self, session: &str, now: Timestamp) {
        if !self.delays.are_met() {
            self.delays.entered_background(now);
        }
        if let Some(attempt) = self.trial.as_mut().and_then(|trial| trial.attempt_of(session)) {
            attempt.started = false;
            attempt.in_background = true;
        }
    }

    /// Records that the app of this session returned: an attempt whose page started counts again.
    pub(in crate::store) fn entered_foreground(&mut self, session: &str, native: &NativeVersion, now: Timestamp) {
        self.delays.entered_foreground(native, now);
        if let Some(attempt) = self.trial.as_mut().and_then(|trial| trial.attempt_of(session)) {
            attempt.in_background = false;
            attempt.started = attempt.page_started;
        }
    }

    /// Ends an attempt whose time to confirm is over. The last attempt loses the trial.
    ///
    /// Only the attempt of `session` can expire, and only once: two timers of one launch (a recreated activity), or
    /// another process that shows the same trial, do not count again. Nothing expires in the background.
    pub(in crate::store) fn trial_expired(
        &mut self,
        id: &BundleId,
        session: &str,
        rules: &Rules,
        now: Timestamp,
    ) -> TrialEnd {
        let is_ours = |trial: &Trial| {
            let attempt = trial.attempt.as_ref();
            attempt.is_some_and(|attempt| attempt.session == session && !attempt.in_background)
        };
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
        TrialEnd::Counted(self.lose_trial(now))
    }

    /// Whether an expiry of this session was decided before: the bundle is no longer current, or waits for another
    /// attempt.
    pub(in crate::store) fn has_expired(&self, id: &BundleId, session: &str) -> bool {
        !self.current.is(id) || (self.trial.is_some() && !self.has_attempt_of(session))
    }

    /// Records the native app that launched. Returns whether its version or build changed: bundles installed for the
    /// previous one are then removed, or must confirm again.
    pub(in crate::store) fn take_native(&mut self, rules: &Rules, native: &NativeApp) -> bool {
        let changed = self.is_another_native(native);
        self.native_build = Some(native.build.clone());
        self.native_version = Some(native.version.clone());
        if changed {
            // Failures with another native app lapse, since the native side may have been the cause.
            self.set_aside.clear();
            self.failed.retain(|failed| {
                is_same_native(failed.native_build.as_deref(), failed.native_version.as_ref(), native)
            });
            if rules.reset_when_native_changes {
                self.reset_to_built_in();
            } else {
                self.require_new_proof();
            }
        }
        changed
    }

    /// Whether the last launch was by another native app, as far as that is known.
    fn is_another_native(&self, native: &NativeApp) -> bool {
        let (build, version) = (self.native_build.as_deref(), self.native_version.as_ref());
        build.is_some() && !is_same_native(build, version, native)
    }

    /// A new native app contains its own bundle, newer than everything installed for the old one.
    fn reset_to_built_in(&mut self) {
        self.current = BundleRef::BuiltIn;
        self.fallback = BundleRef::BuiltIn;
        self.drop_next();
        self.trial = None;
        self.bundles.clear();
        self.previous = None;
        self.superseded.clear();
        self.silent = None;
    }

    /// A bundle proven with one native app may crash with the next, so the current bundle must confirm again.
    fn require_new_proof(&mut self) {
        self.supersede_fallback();
        self.fallback = BundleRef::BuiltIn;
        self.silent = None;
        self.trial = self.current.bundle().map(|_| Trial::default());
    }

    /// Removes missing bundles (after a restored backup, or a purged folder) from every role.
    fn remove_missing(&mut self, world: &World<'_>) {
        let roles = [Some(&self.current), self.next.as_ref(), Some(&self.fallback)];
        let roles = roles.into_iter().flatten().filter_map(BundleRef::bundle);
        let gone: Vec<BundleId> = roles
            .chain(&self.previous)
            .filter(|id| !self.bundles.contains_key(id) || !world.facts.is_there(id))
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.remove_bundles(&gone);
        }
    }

    fn fits(&self, slot: &BundleRef, world: &World<'_>) -> bool {
        self.incompatibility(slot, world).is_none()
    }

    /// Why this native app must not run the bundle.
    fn incompatibility(&self, slot: &BundleRef, world: &World<'_>) -> Option<Incompatibility> {
        let BundleRef::Bundle(id) = slot else { return None };
        match self.bundles.get(id) {
            Some(record) => record.incompatibility(&world.native.version, world.built_in_sequence),
            None => Some(Incompatibility::OutOfNativeRange),
        }
    }

    /// The bundle to serve when a trial cannot be made durable or the lock cannot be acquired: one that requires no
    /// change.
    pub(in crate::store) fn without_change(&self, world: &World<'_>) -> BundleRef {
        // With another native app every bundle must confirm again, and its attempt cannot be counted now.
        if self.is_another_native(world.native) {
            return BundleRef::BuiltIn;
        }
        let candidates = match self.trial {
            // Its attempt is durable already if this session began it; otherwise it must not run.
            Some(Trial { .. }) => [Some(&self.fallback), None],
            None => [Some(&self.current), Some(&self.fallback)],
        };
        let usable =
            |slot: &&BundleRef| self.fits(slot, world) && slot.bundle().is_none_or(|id| world.facts.is_there(id));
        candidates
            .into_iter()
            .flatten()
            .find(usable)
            .cloned()
            .unwrap_or_default()
    }
}

//! Conditions that hold after every event.

use super::*;

impl Simulation {
    /// Drops the counts of a trial that ended.
    pub(super) fn follow_trial(&mut self) {
        let trial_of = self
            .state
            .trial
            .as_ref()
            .and_then(|_| self.state.current.bundle().cloned());
        if trial_of != self.seen.trial_of {
            self.seen.trial_of = trial_of;
            self.seen.blamed = 0;
            self.seen.ended_after_start = false;
            for session in &mut self.sessions {
                (session.started, session.page_started) = (false, false);
            }
        }
    }

    /// A proven bundle goes on trial again after the configured number of silent starts, and not before.
    pub(super) fn check_silence(
        &mut self,
        before: &StoreState,
        decision: &Decision,
        is_silent: bool,
    ) -> Result<(), String> {
        let BundleRef::Bundle(id) = &before.current else {
            return Ok(());
        };
        let is_served_as_before = decision.serve.is(id) && before.trial.is_none();
        let same_native = is_same_native(
            before.native_build.as_deref(),
            before.native_version.as_ref(),
            &self.native,
        );
        if is_silent {
            self.reached.insert("on trial again".to_owned());
            ensure!(
                !is_served_as_before || self.state.trial.is_some(),
                "{id} is served without a trial after {:?} silent starts",
                self.seen.silent
            );
            self.seen.silent = None;
        } else if is_served_as_before && same_native {
            ensure!(
                self.state.trial.is_none(),
                "{id} is on trial again after {:?} silent starts of {}",
                self.seen.silent,
                self.rules.silent_starts
            );
        }
        Ok(())
    }

    /// A bundle proven with this native app is set aside and may return; all others fail.
    pub(super) fn check_lost(&self, lost: Option<&LostTrial>) -> Result<(), String> {
        match lost {
            Some(LostTrial::Failed(failed)) => {
                let proven = self.seen.proved_here.get(&failed.id);
                let noted = (self.state.native_build.as_ref(), self.state.native_version.as_ref());
                let is_same = proven.is_some_and(|native| noted == (Some(&native.build), Some(&native.version)));
                ensure!(!is_same, "{failed:?}, though it proved itself with this native app");
            }
            Some(LostTrial::SetAside) => {
                let aside = self.state.set_aside.last();
                ensure!(
                    aside.is_some_and(|aside| aside.at == self.now),
                    "set aside, and not remembered: {aside:?}"
                );
            }
            None => {}
        }
        Ok(())
    }

    /// A trial fails when it used up its attempts, and not before.
    pub(super) fn check_blame(&mut self, decision: &Decision) -> Result<(), String> {
        let (seen, limit) = (&mut self.seen, self.rules.attempts);
        let Some(failed) = &decision.failed else {
            let is_set_aside = decision.reason == LaunchReason::SetAside;
            ensure!(
                !is_set_aside || seen.blamed == limit,
                "set aside after {} starts of {limit}",
                seen.blamed
            );
            let goes_on = self.state.trial.is_some() && self.state.current.bundle() == seen.trial_of.as_ref();
            ensure!(
                !goes_on || seen.blamed < limit,
                "{:?} is served after {} starts of {limit}",
                seen.trial_of,
                seen.blamed
            );
            return Ok(());
        };
        ensure!(
            seen.trial_of.as_ref() == Some(&failed.id),
            "{failed:?} failed, but {:?} was on trial",
            seen.trial_of
        );
        ensure!(
            seen.blamed == limit,
            "{} failed after {} starts of {limit}",
            failed.id,
            seen.blamed
        );
        ensure!(failed.cause == FailureCause::NeverConfirmed, "{failed:?}");
        // If the fallback does not run on this native app, that is the reason for the served bundle.
        let reasons = [
            LaunchReason::TrialFailed,
            LaunchReason::OutOfNativeRange,
            LaunchReason::BuiltInIsNewer,
        ];
        ensure!(reasons.contains(&decision.reason), "{:?}", decision.reason);
        seen.failed.push(failed.clone());
        self.check_lost(Some(&LostTrial::Failed(failed.clone())))
    }

    /// The bundle given to a web view.
    pub(super) fn check_served(&self, serve: &BundleRef, session: usize, durable: bool) -> Result<(), String> {
        let BundleRef::Bundle(id) = serve else { return Ok(()) };
        let Some(record) = self.state.bundles.get(id) else {
            return Err(format!("{id} is served and not installed"));
        };
        ensure!(self.on_disk.contains(id), "{id} is served and not on the disk");
        ensure!(
            record.native.contains(&self.native.version),
            "{id} is served and does not run on {:?}",
            self.native
        );
        ensure!(
            !is_built_in(record.sequence, self.built_in_sequence),
            "{id} is served and not newer than the built-in bundle: {:?}",
            self.built_in_sequence
        );
        let on_trial = self.state.trial.is_some() && self.state.current == *serve;
        if on_trial {
            ensure!(durable, "the trial of {id} is served without a durable attempt");
            let attempt = self.state.trial.as_ref().and_then(|trial| trial.attempt.as_ref());
            let Some(attempt) = attempt else {
                return Err(format!("the trial of {id} is served and not counted"));
            };
            let name = &self.sessions[session].name;
            let is_known = self.sessions.iter().any(|session| session.name == attempt.session);
            ensure!(
                is_known,
                "the attempt of {id} belongs to {} and {name} serves it",
                attempt.session
            );
        } else {
            let proven = self.seen.confirmed.get(id);
            // A store whose very first launch could not be written does not know with which build a bundle was proven.
            let is_known = self
                .state
                .bundles
                .get(id)
                .is_some_and(|record| record.proven_build.is_some());
            ensure!(proven.is_some(), "{id} is served without a trial and never confirmed");
            ensure!(
                !is_known || proven == Some(&self.native),
                "{id} is served without a trial; it last confirmed with {proven:?}"
            );
        }
        Ok(())
    }

    pub(super) fn check(&mut self) -> Result<(), String> {
        // Only consecutive silent starts of the current, proven bundle count.
        let is_proven = |id: &BundleId| self.state.current.is(id) && self.state.trial.is_none();
        if self.seen.silent.as_ref().is_some_and(|(id, _)| !is_proven(id)) {
            self.seen.silent = None;
        }
        for failed in self.seen.failed.iter().rev().take(MAX_FAILED) {
            let same = |known: &FailedBundle| known.version == failed.version && known.digest == failed.digest;
            ensure!(self.state.failed.iter().any(same), "it was forgotten that {failed:?}");
        }
        self.state.check_invariants()?;
        self.check_memory()?;
        if let BundleRef::Bundle(id) = &self.state.fallback {
            ensure!(
                self.seen.confirmed.contains_key(id),
                "2: the fallback {id} never confirmed"
            );
            ensure!(
                !self.seen.withdrawn.contains(id),
                "the fallback {id} was given up for the built-in bundle"
            );
        }
        Ok(())
    }
}

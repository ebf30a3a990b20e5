//! Events in a running app, and the observations from them.

use super::*;

impl Simulation {
    pub(super) fn launch(&mut self, session: u8, how: Saving) -> Result<(), String> {
        let Some(session) = self.session(session) else {
            return Ok(());
        };
        if self.sessions[session].served.is_some() {
            return Ok(());
        }
        let before = (self.state.clone(), self.seen.clone(), self.sessions.clone());
        if how == Saving::Busy {
            let serve = self.with_world(session, |state, _, world| state.without_change(world));
            self.check_served(&serve, session, false)?;
            self.serve(session, serve, false);
            return Ok(());
        }
        let silent = self.see_launch();
        let decision = self.with_world(session, StoreState::launch);
        self.reached.insert(format!("{:?}", decision.reason));
        self.check_silence(&before.0, &decision, silent)?;
        self.check_blame(&decision)?;
        self.see_withdrawal(decision.reason == LaunchReason::NextApplied && decision.serve == BundleRef::BuiltIn)?;
        self.follow_trial();
        if how == Saving::Works || self.state == before.0 {
            self.silent.clear();
            self.check_served(&decision.serve, session, true)?;
            let on_trial = self.state.trial.is_some();
            self.serve(session, decision.serve, on_trial);
            return Ok(());
        }
        // As `Store::launch`: a bundle that needs no trial is served all the same, a trial is not.
        let needs_trial = self.state.trial.is_some();
        (self.state, self.seen, self.sessions) = before;
        self.reached.insert("not durable".to_owned());
        let serve = if needs_trial {
            self.with_world(session, |state, _, world| state.without_change(world))
        } else {
            decision.serve
        };
        self.check_served(&serve, session, false)?;
        self.serve(session, serve, false);
        Ok(())
    }

    pub(super) fn serve(&mut self, session: usize, serve: BundleRef, on_trial: bool) {
        let session = &mut self.sessions[session];
        session.served = Some(serve);
        session.on_trial = on_trial;
        session.started = false;
        session.page_started = false;
    }

    /// The findings of a launch that can write: a changed native app, the end of the last attempt, and whether the
    /// current bundle used up its silent starts.
    pub(super) fn see_launch(&mut self) -> bool {
        let (seen, native) = (&mut self.seen, &self.native);
        if seen.native.as_ref().is_some_and(|last| last != native) {
            seen.failed.retain(|failed| {
                is_same_native(failed.native_build.as_deref(), failed.native_version.as_ref(), native)
            });
            seen.blamed = 0;
            seen.ended_after_start = false;
            seen.silent = None;
        }
        seen.native = Some(native.clone());
        seen.blamed += u32::from(std::mem::take(&mut seen.ended_after_start));
        self.see_silence()
    }

    fn see_silence(&mut self) -> bool {
        let BundleRef::Bundle(id) = &self.state.current else {
            return false;
        };
        let lost = !self.on_disk.contains(id) || !self.state.bundles.contains_key(id);
        if self.state.trial.is_some() || self.rules.silent_starts == 0 || lost {
            return false;
        }
        let ended = self.silent.iter().filter(|(_, shown)| shown == id).count();
        let before = self.seen.silent.take().filter(|(bundle, _)| bundle == id);
        let count = before.map_or(0, |(_, count)| count) + u32::try_from(ended).unwrap();
        self.seen.silent = Some((id.clone(), count));
        count >= self.rules.silent_starts
    }

    pub(super) fn switch(
        &mut self,
        session: u8,
        withdraws: bool,
        change: impl FnOnce(&mut StoreState) -> bool,
    ) -> Result<(), String> {
        let Some(session) = self.launched_session(session) else {
            return Ok(());
        };
        let before = (self.state.clone(), self.seen.clone());
        self.settle()?;
        if !change(&mut self.state) {
            // As `Store::change`: a refused event changes nothing.
            (self.state, self.seen) = before;
            return Ok(());
        }
        let (name, in_background) = (
            self.sessions[session].name.clone(),
            self.sessions[session].in_background,
        );
        self.state.begin_attempt(&name, in_background);
        self.served_anew(session);
        self.see_withdrawal(withdraws)
    }

    /// Selecting the built-in bundle withdraws all others.
    pub(super) fn see_withdrawal(&mut self, withdraws: bool) -> Result<(), String> {
        if withdraws {
            self.reached.insert("withdrawn".to_owned());
            self.seen.withdrawn.extend(self.seen.confirmed.keys().cloned());
            ensure!(
                self.state.fallback == BundleRef::BuiltIn && self.state.previous.is_none(),
                "the built-in bundle is current, and {} or {:?} would be fallen back to",
                self.state.fallback,
                self.state.previous
            );
        }
        Ok(())
    }

    /// The finding of every change that begins another attempt: the last one ended.
    fn settle(&mut self) -> Result<(), String> {
        let facts = Outside {
            alive: self.sessions.iter().map(|session| session.name.as_str()).collect(),
            on_disk: &self.on_disk,
            silent: &self.silent,
        };
        let lost = self.state.settle_trial(&self.rules, &facts, self.now);
        let (seen, limit) = (&mut self.seen, self.rules.attempts);
        seen.blamed += u32::from(std::mem::take(&mut seen.ended_after_start));
        ensure!(
            lost.is_some() == (seen.blamed >= limit),
            "settled after {} starts of {limit}: {lost:?}",
            seen.blamed
        );
        self.check_lost(lost.as_ref())?;
        let seen = &mut self.seen;
        if let Some(failed) = lost.and_then(LostTrial::failed) {
            self.reached.insert("failed in a switch".to_owned());
            ensure!(
                seen.trial_of.as_ref() == Some(&failed.id),
                "{failed:?} was not on trial"
            );
            seen.failed.push(failed);
        }
        self.follow_trial();
        Ok(())
    }

    pub(super) fn apply_next(&mut self, session: u8) -> Result<(), String> {
        let Some(session) = self.launched_session(session) else {
            return Ok(());
        };
        let (build, version) = (self.state.native_build.clone(), self.state.native_version.clone());
        self.settle()?;
        let applied = self.with_world(session, |state, _, world| state.apply_next(world));
        if let Some(slot) = applied {
            self.served_anew(session);
            self.see_withdrawal(slot == BundleRef::BuiltIn)?;
            ensure!(
                slot == self.state.current,
                "apply_next says {slot} and made {} current",
                self.state.current
            );
            // Only a launch finds out which native app it is.
            if is_same_native(build.as_deref(), version.as_ref(), &self.native) {
                self.check_served(&slot, session, true)?;
            }
        }
        Ok(())
    }

    /// The session serves the current bundle, with a new attempt regardless of the previous one.
    pub(super) fn served_anew(&mut self, session: usize) {
        self.follow_trial();
        if self.state.trial.is_some() {
            for other in &mut self.sessions {
                (other.started, other.page_started) = (false, false);
            }
            self.seen.ended_after_start = false;
        }
        self.serve(session, self.state.current.clone(), self.state.trial.is_some());
    }

    /// As `Store::trial_started` for the served bundle.
    pub(super) fn report_start(&mut self, session: u8) -> Result<(), String> {
        let Some(number) = self.session(session) else {
            return Ok(());
        };
        let Session {
            name,
            served: Some(BundleRef::Bundle(id)),
            in_background,
            ..
        } = self.sessions[number].clone()
        else {
            return Ok(());
        };
        let is_on_trial = self.state.trial.is_some() && self.state.current.is(&id);
        let is_counted = self.state.trial_started(&id, &name, in_background);
        ensure!(!is_counted || is_on_trial, "{id} started and is not on trial");
        let session = &mut self.sessions[number];
        if is_counted {
            (session.started, session.page_started) = (!in_background, true);
        } else if !is_on_trial && self.state.current.is(&id) && !session.confirmed {
            session.awaits = Some(id);
        }
        Ok(())
    }

    pub(super) fn report_suspension(&mut self, session: u8) {
        let Some(number) = self.session(session) else { return };
        let Session { name, served, .. } = self.sessions[number].clone();
        if let Some(BundleRef::Bundle(id)) = served
            && self.state.trial_suspended(&id, &name)
        {
            self.sessions[number].started = false;
        }
    }

    pub(super) fn background(&mut self, session: u8) {
        let Some(number) = self.session(session) else { return };
        let session = &mut self.sessions[number];
        (session.in_background, session.was_in_background) = (true, true);
        session.started = false;
        self.state.entered_background(&session.name, self.now);
    }

    pub(super) fn foreground(&mut self, session: u8) {
        let Some(number) = self.session(session) else { return };
        let session = &mut self.sessions[number];
        session.in_background = false;
        self.state
            .entered_foreground(&session.name, &self.native.version, self.now);
        session.started = session.page_started && self.state.has_attempt_of(&session.name);
    }

    pub(super) fn confirm(&mut self, session: usize, id: &BundleId) -> Result<(), String> {
        let before = self.state.clone();
        let Session {
            name,
            page_started,
            awaits,
            ..
        } = self.sessions[session].clone();
        let counts = awaits.as_ref() == Some(id);
        let is_on_trial = before.trial.is_some() && before.current.is(id);
        let (rules, now) = (self.rules.clone(), self.now);
        let Some(confirmed) = self.state.confirm(id, &name, counts, &rules, now) else {
            ensure!(
                !before.current.is(id) || is_on_trial && !page_started,
                "the confirmation of the current bundle {id} was ignored"
            );
            ensure!(
                self.state == before,
                "an ignored confirmation of {id} changed the state"
            );
            if is_on_trial {
                self.reached.insert("confirmed without a start".to_owned());
            }
            return Ok(());
        };
        self.reached.insert(format!("confirmed, first: {}", confirmed.first));
        ensure!(
            before.current.is(id),
            "the confirmation of {id} proved {}",
            before.current
        );
        ensure!(
            !is_on_trial || page_started,
            "{id} was proved by {name}, where its page did not start"
        );
        if confirmed.first {
            self.seen.confirmed.insert(id.clone(), self.native.clone());
            self.seen.proved_here.remove(id);
            if self.state.native_build.as_ref() == Some(&self.native.build) {
                self.seen.proved_here.insert(id.clone(), self.native.clone());
            }
            self.seen.withdrawn.remove(id);
            if let (BundleRef::Bundle(replaced), true) = (&before.fallback, rules.silent_starts > 0) {
                ensure!(
                    self.state.previous.as_ref() == Some(replaced),
                    "{id} replaced {replaced}, which is not kept"
                );
            }
        }
        if confirmed.first || counts {
            self.seen.silent = None;
            self.sessions[session].awaits = None;
            self.sessions[session].confirmed = true;
        }
        if before.previous.is_some() && !confirmed.first && self.state.previous.is_none() {
            self.reached.insert("the predecessor went".to_owned());
        }
        // As `auto_delete_previous`.
        for superseded in confirmed.superseded {
            let serves = |session: &Session| session.served.as_ref().is_some_and(|slot| slot.is(&superseded));
            if self.sessions.iter().any(serves) {
                self.state.superseded.push(superseded);
            } else if self.state.delete(&superseded).is_ok() {
                self.on_disk.remove(&superseded);
            }
        }
        self.follow_trial();
        Ok(())
    }

    pub(super) fn expire(&mut self, session: u8) -> Result<(), String> {
        let Some(number) = self.session(session) else {
            return Ok(());
        };
        let Session {
            name,
            served: Some(BundleRef::Bundle(id)),
            ..
        } = self.sessions[number].clone()
        else {
            return Ok(());
        };
        let owns_attempt = self.state.current.is(&id)
            && self
                .state
                .trial
                .as_ref()
                .and_then(|trial| trial.attempt.as_ref())
                .is_some_and(|attempt| attempt.session == name && !attempt.in_background);
        match self.state.trial_expired(&id, &name, &self.rules, self.now) {
            TrialEnd::NotOnTrial => ensure!(!owns_attempt, "the attempt of {name} expired and was not counted"),
            TrialEnd::Counted(lost) => {
                ensure!(
                    !self.sessions[number].in_background,
                    "an attempt expired in the background"
                );
                ensure!(
                    owns_attempt,
                    "an attempt of another session, or none, was counted when {name} expired"
                );
                self.serve(number, self.state.fallback.clone(), false);
                self.reached.insert("expired".to_owned());
                self.seen.blamed += 1;
                let (blamed, limit) = (self.seen.blamed, self.rules.attempts);
                ensure!(
                    lost.is_some() == (blamed >= limit),
                    "expired, {blamed} of {limit} starts: {lost:?}"
                );
                self.check_lost(lost.as_ref())?;
                self.seen.failed.extend(lost.and_then(LostTrial::failed));
            }
        }
        self.follow_trial();
        Ok(())
    }

    pub(super) fn end(&mut self, session: u8) {
        let Some(number) = self.session(session) else { return };
        let session = self.sessions.remove(number);
        self.seen.ended_after_start |= session.started;
        if session.in_background && session.page_started {
            self.reached.insert("ended in the background".to_owned());
        }
        let silent = session.awaits.filter(|_| !session.was_in_background);
        self.silent.extend(silent.map(|id| (session.name, id)));
    }

    pub(super) fn delete(&mut self, slot: u8) -> Result<(), String> {
        let BundleRef::Bundle(id) = self.slot(slot) else {
            return Ok(());
        };
        if self
            .sessions
            .iter()
            .any(|session| session.served.as_ref().is_some_and(|slot| slot.is(&id)))
        {
            return Ok(());
        }
        let role = self.state.role(&id);
        match self.state.delete(&id) {
            Ok(_) => {
                self.reached.insert("deleted".to_owned());
                ensure!(role.is_none(), "{id} was deleted, though it is {role:?}");
                self.on_disk.remove(&id);
            }
            Err(Refusal::InUse(refused)) => ensure!(role == Some(refused), "{id} is {role:?}, not {refused}"),
            Err(Refusal::Unknown) => ensure!(!self.state.bundles.contains_key(&id), "{id} is known"),
            Err(Refusal::HasFailed) => return Err(format!("a failed bundle {id} could not be deleted")),
        }
        Ok(())
    }

    pub(super) fn mark_failed(&mut self, slot: u8) -> Result<(), String> {
        let BundleRef::Bundle(id) = self.slot(slot) else {
            return Ok(());
        };
        if let Ok(failed) = self.state.fail(&id, FailureCause::Marked, self.now) {
            ensure!(
                self.state.unread_failure.as_ref() == Some(&failed),
                "the failure of {id} cannot be asked for"
            );
            self.reached.insert("marked as failed".to_owned());
            self.seen.failed.push(failed);
        }
        self.follow_trial();
        Ok(())
    }
}

//! What happens in a running app, and what is known of it afterwards.

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
        self.see_launch();
        let decision = self.with_world(session, State::launch);
        self.reached.insert(format!("{:?}", decision.reason));
        self.check_blame(&decision)?;
        self.follow_trial();
        if how == Saving::Works || self.state == before.0 {
            self.check_served(&decision.serve, session, true)?;
            let on_trial = self.state.trial.is_some();
            self.serve(session, decision.serve, on_trial);
            return Ok(());
        }
        // As `Store::launch`: what needs no trial is served all the same, a trial is not.
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

    pub(super) fn serve(&mut self, session: usize, serve: Slot, on_trial: bool) {
        let session = &mut self.sessions[session];
        session.served = Some(serve);
        session.on_trial = on_trial;
        session.started = false;
    }

    /// What a launch that can write finds out: a changed build, and that the last attempt is over.
    pub(super) fn see_launch(&mut self) {
        let (seen, build) = (&mut self.seen, &self.native.build);
        if seen.native_build.as_ref().is_some_and(|last| last != build) {
            seen.failed.retain(|failed| failed.native_build.as_ref() == Some(build));
            seen.blamed = 0;
            seen.ended_after_start = false;
        }
        seen.native_build = Some(build.clone());
        seen.blamed += u32::from(std::mem::take(&mut seen.ended_after_start));
    }

    pub(super) fn switch(&mut self, session: u8, change: impl FnOnce(&mut State) -> bool) -> Result<(), String> {
        let Some(session) = self.launched_session(session) else {
            return Ok(());
        };
        let before = (self.state.clone(), self.seen.clone());
        self.settle()?;
        if !change(&mut self.state) {
            // As `Store::change`: what is refused changes nothing.
            (self.state, self.seen) = before;
            return Ok(());
        }
        let name = self.sessions[session].name.clone();
        self.state.begin_attempt(&name);
        self.served_anew(session);
        Ok(())
    }

    /// What every change finds out that begins another attempt: the last one is over.
    fn settle(&mut self) -> Result<(), String> {
        let facts = Outside {
            alive: self.sessions.iter().map(|session| session.name.as_str()).collect(),
            on_disk: &self.on_disk,
        };
        let failed = self.state.settle_trial(&self.rules, &facts, self.now);
        let (seen, limit) = (&mut self.seen, self.rules.attempts);
        seen.blamed += u32::from(std::mem::take(&mut seen.ended_after_start));
        ensure!(
            failed.is_some() == (seen.blamed >= limit),
            "settled after {} starts of {limit}: {failed:?}",
            seen.blamed
        );
        if let Some(failed) = failed {
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
        let noted = self.state.native_build.clone();
        self.settle()?;
        let applied = self.with_world(session, |state, _, world| state.apply_next(world));
        if let Some(slot) = applied {
            self.served_anew(session);
            ensure!(
                slot == self.state.current,
                "apply_next says {slot} and made {} current",
                self.state.current
            );
            // Which build it is, only a launch finds out.
            if noted.as_ref() == Some(&self.native.build) {
                self.check_served(&slot, session, true)?;
            }
        }
        Ok(())
    }

    /// The session serves what is current now; an attempt begins, whoever made the one before it.
    pub(super) fn served_anew(&mut self, session: usize) {
        self.follow_trial();
        if self.state.trial.is_some() {
            self.sessions.iter_mut().for_each(|other| other.started = false);
            self.seen.ended_after_start = false;
        }
        self.serve(session, self.state.current.clone(), self.state.trial.is_some());
    }

    pub(super) fn report_start(&mut self, session: u8, started: bool) {
        let Some(number) = self.session(session) else { return };
        let Session { name, served, .. } = self.sessions[number].clone();
        if let Some(Slot::Bundle(id)) = served
            && self.state.trial_started(&id, &name, started)
        {
            self.sessions[number].started = started;
        }
    }

    pub(super) fn confirm(&mut self, id: &BundleId) -> Result<(), String> {
        let before = self.state.clone();
        match self.state.confirm(id, self.now) {
            None => {
                ensure!(
                    !before.current.is(id),
                    "the confirmation of the current bundle {id} was ignored"
                );
                ensure!(
                    self.state == before,
                    "an ignored confirmation of {id} changed the state"
                );
            }
            Some((first, previous)) => {
                self.reached.insert(format!("confirmed, first: {first}"));
                ensure!(
                    before.current.is(id),
                    "the confirmation of {id} proved {}",
                    before.current
                );
                self.seen.confirmed.insert(id.clone(), self.native.build.clone());
                let serves = |id: &BundleId| {
                    self.sessions
                        .iter()
                        .any(|session| session.served.as_ref().is_some_and(|slot| slot.is(id)))
                };
                // As `auto_delete_previous`.
                if let Some(previous) = previous.filter(|previous| !serves(previous))
                    && self.state.delete(&previous).is_ok()
                {
                    self.on_disk.remove(&previous);
                }
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
            served: Some(Slot::Bundle(id)),
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
                .is_some_and(|attempt| attempt.session == name);
        match self.state.trial_expired(&id, &name, &self.rules, self.now) {
            TrialEnd::NotOnTrial => ensure!(!owns_attempt, "the attempt of {name} expired and was not counted"),
            TrialEnd::Counted(failed) => {
                ensure!(
                    owns_attempt,
                    "an attempt of another session, or none, was counted when {name} expired"
                );
                self.serve(number, self.state.fallback.clone(), false);
                self.reached.insert("expired".to_owned());
                self.seen.blamed += 1;
                let (blamed, limit) = (self.seen.blamed, self.rules.attempts);
                ensure!(
                    failed.is_some() == (blamed >= limit),
                    "expired, {blamed} of {limit} starts: {failed:?}"
                );
                self.seen.failed.extend(failed);
            }
        }
        self.follow_trial();
        Ok(())
    }

    pub(super) fn end(&mut self, session: u8) {
        let Some(number) = self.session(session) else { return };
        let session = self.sessions.remove(number);
        self.seen.ended_after_start |= session.started;
    }

    pub(super) fn delete(&mut self, slot: u8) -> Result<(), String> {
        let Slot::Bundle(id) = self.slot(slot) else {
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
        let Slot::Bundle(id) = self.slot(slot) else {
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

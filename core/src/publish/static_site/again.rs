//! New releases of bundles that were released before: the way back, and a longer life.

use std::time::Duration;

use super::channel::keep;
use super::publish::{sequence, template};
use super::signing::{Signed, Signing};
use super::state::State;
use super::steps::{self, Decision, Run, Step};
use super::{Note, Outcome, Publisher};
use crate::error::{Error, Result};
use crate::progress::Control;
use crate::release::site;
use crate::release::{Candidate, KeyRing, NewRelease, Release};
use crate::store::Timestamp;

/// A release whose end is that near to what a renewal would give it was renewed already.
const NO_GAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// As many releases are proposed to whoever must say which one to go back to.
const PROPOSED: usize = 5;

/// How releases are made in one run.
#[derive(Clone, Copy)]
struct Making<'a> {
    signing: &'a Signing<'a>,
    ring: &'a KeyRing,
    /// Nothing is signed.
    dry_run: bool,
}

impl Publisher<'_> {
    /// Goes back to the bundle of an older release: a new release of it, with a higher sequence, for everybody, at once. Its
    /// archive and file list are used again. A candidate ends.
    ///
    /// Without a sequence the bundle that is stable, for when the candidate is the bad one. What was stable before is written
    /// nowhere, so with no candidate the sequence must be said.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) where it is not clear what to go back to, with the releases that
    /// there are; else as of [`publish`](Self::publish).
    pub fn rollback(&self, to: Option<u64>, signing: &Signing<'_>, run: &mut Run<'_>) -> Outcome {
        let dry_run = run.dry_run;
        steps::carry_out(self.storage, run, |control| {
            let state = self.state(control)?;
            let target = match (to, state.channel.candidate, state.channel.stable) {
                (Some(sequence), ..) => sequence,
                (None, Some(_), Some(stable)) => stable,
                (None, None, Some(stable)) if self.is_way_back(&state, stable, control)? => {
                    return Ok(Decision::already_done(state.channel));
                }
                _ => return Err(self.which(&state, control)),
            };
            let (_, target) = self.release(target, control)?;
            if let (None, Some(stable)) = (state.channel.candidate, state.channel.stable) {
                let (_, stable) = self.release(stable, control)?;
                let same = stable.release().archive == target.release().archive;
                if same && stable.release().expires_at > self.now {
                    return Ok(Decision::already_done(state.channel));
                }
            }
            let mut decision = Decision::default();
            let ring = signing.ring(self, &[], &mut decision.notes, control)?;
            let making = Making {
                signing,
                ring: &ring,
                dry_run,
            };
            let wanted = self.again(template(&target), signing, sequence(signing, &state)?);
            let sequence = self.take_up_or_make(&mut decision, &state, &wanted, &making, control)?;
            let mut next = state.channel.clone();
            next.stable = Some(sequence);
            if let Some(candidate) = next.candidate.take() {
                decision.notes.push(Note::CandidateEnds(candidate.sequence));
            }
            self.then_offer(&mut decision, &state, next)?;
            Ok(decision)
        })
    }

    /// The same bundles for longer: new releases of what the channel offers, stable and candidate, so that the candidate
    /// stays above what is stable. With `within`, only if one of them expires within this time.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the channel offers nothing, or a sequence is asked for; else as of
    /// [`publish`](Self::publish).
    pub fn renew(&self, within: Option<Duration>, signing: &Signing<'_>, run: &mut Run<'_>) -> Outcome {
        let dry_run = run.dry_run;
        steps::carry_out(self.storage, run, |control| {
            if signing.sequence.is_some() {
                let problem = "a renewal may make two releases: leave the sequence out";
                return Err(Error::invalid_input("sequence", problem));
            }
            let state = self.state(control)?;
            let mut offered = Vec::new();
            for sequence in state.channel.sequences() {
                offered.push(self.release(sequence, control)?.1);
            }
            if offered.is_empty() {
                let problem = "it offers no release that could be renewed";
                return Err(Error::invalid_input(format!("channel {}", self.channel), problem));
            }
            let (gained, due) = (signing.expiry(self.now), within.map(|within| self.later(within)));
            let needs = |release: &Release| {
                due.is_none_or(|due| release.expires_at <= due) && gained.since(release.expires_at) >= NO_GAIN
            };
            if !offered.iter().any(|signed| needs(signed.release())) {
                return Ok(Decision::already_done(state.channel));
            }
            let mut decision = Decision::default();
            let ring = signing.ring(self, &[], &mut decision.notes, control)?;
            let making = Making {
                signing,
                ring: &ring,
                dry_run,
            };
            let mut state = state;
            let before = state.channel.clone();
            let mut next = before.clone();
            for signed in &offered {
                let wanted = self.again(template(signed), signing, state.next_sequence());
                let sequence = self.take_up_or_make(&mut decision, &state, &wanted, &making, control)?;
                state.take(sequence);
                if before.stable == Some(signed.release().sequence) {
                    next.stable = Some(sequence);
                } else {
                    let candidate = before.candidate.map(|candidate| Candidate { sequence, ..candidate });
                    next.candidate = candidate;
                }
            }
            self.then_offer(&mut decision, &state, next)?;
            Ok(decision)
        })
    }

    /// The same release, from now on.
    fn again(&self, mut template: NewRelease, signing: &Signing<'_>, sequence: u64) -> NewRelease {
        template.sequence = sequence;
        template.created_at = self.now;
        template.expires_at = signing.expiry(self.now);
        template
    }

    fn take_up_or_make(
        &self,
        decision: &mut Decision,
        state: &State,
        wanted: &NewRelease,
        making: &Making<'_>,
        control: &Control,
    ) -> Result<u64> {
        let Making { signing, ring, dry_run } = *making;
        if let Some(begun) = self.begun(state, wanted, signing, ring, control)?
            && begun.sealed == wanted.sealed
        {
            decision.notes.push(Note::WentOn(begun.sequence));
            decision.steps.extend(keep(&begun));
            decision.sequences.push(begun.sequence);
            return Ok(begun.sequence);
        }
        let sequence = wanted.sequence;
        if state.own.contains(&sequence) {
            return Err(self.taken(sequence));
        }
        decision.sequences.push(sequence);
        let path = site::release_path(self.channel, sequence);
        if dry_run {
            decision.steps.push(Step::Told(format!("sign and write {path}")));
            return Ok(sequence);
        }
        let Signed { envelope, release } = signing.sign(self, ring, wanted, &[])?;
        decision.steps.extend(keep(&release));
        decision.steps.push(Step::New { path, bytes: envelope });
        Ok(sequence)
    }

    fn later(&self, by: Duration) -> Timestamp {
        Timestamp(self.now.0.saturating_add(by.as_secs()))
    }

    /// Whether the stable release brought back a bundle over another one.
    fn is_way_back(&self, state: &State, stable: u64, control: &Control) -> Result<bool> {
        let (_, current) = self.release(stable, control)?;
        let mut over_another = false;
        for &sequence in state.own.range(..stable).rev() {
            let (_, older) = self.release(sequence, control)?;
            match older.release().archive == current.release().archive {
                true if over_another => return Ok(true),
                true => {}
                false => over_another = true,
            }
        }
        Ok(false)
    }

    fn which(&self, state: &State, control: &Control) -> Error {
        let mut known = Vec::new();
        for &sequence in state.own.iter().rev().take(PROPOSED) {
            match self.release(sequence, control) {
                Ok((_, signed)) => known.push(format!("{sequence} (version {})", signed.release().version)),
                Err(_) => known.push(format!("{sequence} (cannot be read)")),
            }
        }
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let problem = format!(
            "which release to go back to? What was stable before is written nowhere: name its sequence. The newest are {known}"
        );
        Error::invalid_input(format!("channel {}", self.channel), problem)
    }
}

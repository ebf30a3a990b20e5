//! New releases of earlier bundles or of the bundle inside the native app: rollback and renewal.

use std::time::Duration;

use super::channel::keep;
use super::plan::{Decision, ExecutionOptions, Step};
use super::publish::{ReleaseMetadata, sequence};
use super::signing::{self, Signed, Signing};
use super::state::SiteState;
use super::{Outcome, Publisher, SiteNote};
use crate::error::{Error, Result};
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{Candidate, KeyRing, Release, ReleaseTarget};
use capbundle::time::Timestamp;

/// A release that expires this close to the renewed expiry is not renewed again.
const MIN_GAIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How many releases an error proposes as targets of a rollback.
const PROPOSED: usize = 5;

/// How releases are signed in one run.
#[derive(Clone, Copy)]
struct Making<'a> {
    signing: &'a Signing<'a>,
    ring: &'a KeyRing,
    /// Do not sign.
    dry_run: bool,
}

impl Publisher<'_> {
    /// Rolls back to the bundle of an older release: publishes a new release of it with a higher sequence, stable for all devices at
    /// once. Its archive and file list are reused. A candidate ends.
    ///
    /// Without `to`, rolls back from the candidate to the stable bundle. The channel keeps no history; without a candidate, pass
    /// `to`.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound) for a site or channel that does not exist;
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if the target is not clear, with the available
    /// releases; [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a release that the newest ring does not trust, and, with
    /// a ring from the site, one that not all of these keys signed; otherwise as for [`publish`](Self::publish).
    pub fn rollback(&self, to: Option<u64>, signing: &Signing<'_>, run: &mut ExecutionOptions<'_>) -> Outcome {
        let dry_run = run.dry_run;
        self.change(run, |control| {
            let mut state = self.state(control)?;
            let mut decision = Decision::default();
            let rings = signing.rings(self, &[], &mut decision.notes, control)?;
            self.count(&mut state, &rings, &mut decision.notes, control)?;
            let offered = match state.channel.stable {
                Some(stable) if state.channel.candidate.is_none() => {
                    self.if_proved(stable, &rings, signing, control)?
                }
                _ => None,
            };
            let target = match (to, state.channel.candidate, state.channel.stable) {
                (Some(sequence), ..) => sequence,
                (None, Some(_), Some(stable)) => stable,
                (None, None, Some(_)) if self.is_rollback(&state, offered.as_ref(), control)? => {
                    return Ok(Decision::already_done(state.channel));
                }
                _ => return Err(self.unclear_target(&state, control)),
            };
            let target = self.proved(target, &rings, signing, control)?;
            let is_offered = |offered: &TrustedRelease| {
                is_same_bundle(offered.release(), target.release()) && offered.release().expires_at > self.now
            };
            if offered.as_ref().is_some_and(is_offered) {
                return Ok(Decision::already_done(state.channel));
            }
            let making = Making {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            let wanted = self.renewed(target.release(), signing, sequence(signing, &state)?);
            self.make_stable(&mut decision, &state, &wanted, &making, control)?;
            Ok(decision)
        })
    }

    /// Rolls back to the bundle inside the native app, for all devices at once: the only rollback from the first release of a
    /// channel. A candidate ends.
    ///
    /// Devices outside the native range of `details` keep their bundle. If the channel already offers such a release and it has not
    /// expired, nothing changes.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound) for a site or channel that does not exist;
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if the channel has no release to roll back from; otherwise as for
    /// [`publish`](Self::publish).
    pub fn rollback_to_built_in(
        &self,
        details: &ReleaseMetadata,
        signing: &Signing<'_>,
        run: &mut ExecutionOptions<'_>,
    ) -> Outcome {
        let dry_run = run.dry_run;
        self.change(run, |control| {
            let mut state = self.state(control)?;
            if state.before.is_none() && state.own.is_empty() {
                let problem = format!(
                    "{} has no release of this channel to roll back from",
                    self.storage.place()
                );
                return Err(Error::invalid_input(format!("channel {}", self.channel), problem));
            }
            let mut decision = Decision::default();
            let rings = signing.rings(self, &[], &mut decision.notes, control)?;
            self.count(&mut state, &rings, &mut decision.notes, control)?;
            let sequence = sequence(signing, &state)?;
            let wanted = Release::new(self.app.clone(), self.channel.clone(), sequence, ReleaseTarget::BuiltIn)
                .with_version(&details.version)
                .with_validity(self.now, signing.expiry(self.now))
                .with_native(details.native.clone())
                .with_link(details.link.clone())
                .with_comment(details.comment.clone());
            if let (Some(stable), None) = (state.channel.stable, state.channel.candidate)
                && let Some(offered) = self.if_proved(stable, &rings, signing, control)?
                && signing::is_same(offered.release(), &wanted)
                && offered.release().expires_at > self.now
            {
                return Ok(Decision::already_done(state.channel));
            }
            let making = Making {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            self.make_stable(&mut decision, &state, &wanted, &making, control)?;
            Ok(decision)
        })
    }

    /// Makes the release stable; a candidate ends.
    fn make_stable(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        wanted: &Release,
        making: &Making<'_>,
        control: &Control,
    ) -> Result<()> {
        let sequence = self.resume_or_make(decision, state, wanted, making, control)?;
        let mut next = state.channel.clone();
        next.stable = Some(sequence);
        if let Some(candidate) = next.candidate.take() {
            decision.notes.push(SiteNote::CandidateEnds(candidate.sequence));
        }
        self.then_offer(decision, state, next)
    }

    /// Extends the lifetime of the offered releases: publishes new releases of the stable bundle and the candidate, so that the
    /// candidate keeps the higher sequence. With `within`, only if one of them expires within this time or lacks the signature
    /// of one of these keys.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound) for a site or channel that does not exist;
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if the channel offers nothing, or `signing` has a sequence;
    /// [`NotTrusted`](capbundle::ErrorKind::NotTrusted) as for [`rollback`](Self::rollback); otherwise as for [`publish`](Self::publish).
    pub fn renew(&self, within: Option<Duration>, signing: &Signing<'_>, run: &mut ExecutionOptions<'_>) -> Outcome {
        let dry_run = run.dry_run;
        self.change(run, |control| {
            if signing.sequence.is_some() {
                let problem = "a renewal may publish two releases: omit the sequence";
                return Err(Error::invalid_input("sequence", problem));
            }
            let mut state = self.state(control)?;
            let mut decision = Decision::default();
            let rings = signing.rings(self, &[], &mut decision.notes, control)?;
            self.count(&mut state, &rings, &mut decision.notes, control)?;
            let mut offered = Vec::new();
            for sequence in state.channel.sequences() {
                offered.push(self.proved(sequence, &rings, signing, control)?);
            }
            if offered.is_empty() {
                let problem = "the channel offers no release to renew";
                return Err(Error::invalid_input(format!("channel {}", self.channel), problem));
            }
            let (gained, due) = (signing.expiry(self.now), within.map(|within| self.later(within)));
            let needs = |trusted: &TrustedRelease| {
                let expires_at = trusted.release().expires_at;
                let is_due = due.is_none_or(|due| expires_at <= due) && gained.since(expires_at) >= MIN_GAIN;
                is_due || !is_signed_by_all(trusted, signing)
            };
            if !offered.iter().any(needs) {
                return Ok(Decision::already_done(state.channel));
            }
            let making = Making {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            let before = state.channel.clone();
            let mut next = before.clone();
            for signed in &offered {
                let wanted = self.renewed(signed.release(), signing, state.next_sequence()?);
                let sequence = self.resume_or_make(&mut decision, &state, &wanted, &making, control)?;
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

    /// The same release with a new sequence and lifetime.
    fn renewed(&self, release: &Release, signing: &Signing<'_>, sequence: u64) -> Release {
        let mut template = release.clone();
        template.sequence = sequence;
        template.created_at = self.now;
        template.expires_at = signing.expiry(self.now);
        template
    }

    fn resume_or_make(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        wanted: &Release,
        making: &Making<'_>,
        control: &Control,
    ) -> Result<u64> {
        let Making { signing, ring, dry_run } = *making;
        if let Some(begun) = self.begun(state, wanted, signing, ring, control)?
            && begun.target == wanted.target
        {
            decision.notes.push(SiteNote::Resumed(begun.sequence));
            decision.steps.extend(keep(&begun));
            decision.sequences.push(begun.sequence);
            return Ok(begun.sequence);
        }
        let sequence = wanted.sequence;
        if state.own.contains(&sequence) {
            return Err(self.taken(sequence));
        }
        decision.sequences.push(sequence);
        let path = paths::release_path(self.channel, sequence);
        if dry_run {
            decision.steps.push(Step::Preview(format!("sign and write {path}")));
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

    /// Whether the stable release is itself a rollback: its bundle was published before another one.
    fn is_rollback(&self, state: &SiteState, stable: Option<&TrustedRelease>, control: &Control) -> Result<bool> {
        let Some(stable) = stable.map(TrustedRelease::release) else {
            return Ok(false);
        };
        let mut replaced_another = false;
        for &sequence in state.own.range(..stable.sequence).rev() {
            let Some((_, older)) = self.readable(sequence, control)? else {
                continue;
            };
            match is_same_bundle(older.release(), stable) {
                true if replaced_another => return Ok(true),
                true => {}
                false => replaced_another = true,
            }
        }
        Ok(false)
    }

    fn unclear_target(&self, state: &SiteState, control: &Control) -> Error {
        let mut known = Vec::new();
        for &sequence in state.own.iter().rev().take(PROPOSED) {
            match self.release(sequence, control) {
                Ok((_, signed)) => known.push(format!("{sequence} (version {})", signed.release().version)),
                Err(_) => known.push(format!("{sequence} (unreadable)")),
            }
        }
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let problem = format!(
            "the channel keeps no history: pass the sequence of a release, or roll back to the built-in bundle. The newest releases \
             are {known}"
        );
        Error::invalid_input(format!("channel {}", self.channel), problem)
    }
}

/// Whether both have the same plain archive, however it is sealed.
fn is_same_bundle(one: &Release, other: &Release) -> bool {
    one.bundle().map(|bundle| bundle.archive) == other.bundle().map(|bundle| bundle.archive)
}

fn is_signed_by_all(trusted: &TrustedRelease, signing: &Signing<'_>) -> bool {
    let mut ids = signing.keys.iter().map(|key| key.verifying_key().id());
    ids.all(|id| trusted.keys().contains(&id))
}

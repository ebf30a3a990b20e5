//! Rollback: a new release of an earlier bundle, or of the bundle inside the native app.

use super::patches::{self, NewSide};
use super::plan::{Decision, ExecutionOptions};
use super::publish::{ReleaseMetadata, sequence};
use super::ring::Rings;
use super::signing::{self, Signing, SigningContext};
use super::state::SiteState;
use super::{Outcome, Publisher, SiteNote};
use crate::error::{Error, Result};
use capbundle::progress::Control;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{MAX_PATCHES, Release, ReleaseTarget};

/// How many releases an error proposes as targets of a rollback.
const PROPOSED: usize = 5;

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
            let authority = SigningContext {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            let mut wanted = self.renewed(target.release(), signing, sequence(signing, &state)?);
            wanted.patches = patches::existing(self.storage, &wanted.patches, control)?;
            let begun = self.begun(&state, &wanted, &authority, control)?;
            if !dry_run && begun.is_none_or(|begun| begun.target != wanted.target) {
                self.patch_back(&mut decision, &state, &rings, (&target, &mut wanted), control)?;
            }
            self.make_stable(&mut decision, &state, &wanted, &authority, control)?;
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
            let authority = SigningContext {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            self.make_stable(&mut decision, &state, &wanted, &authority, control)?;
            Ok(decision)
        })
    }

    /// Adds patches from the offered bundles to `wanted`, a new release of the bundle of `target`.
    fn patch_back(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        rings: &Rings,
        (target, wanted): (&TrustedRelease, &mut Release),
        control: &Control,
    ) -> Result<()> {
        let Some(bundle) = wanted.bundle().copied() else {
            return Ok(());
        };
        let mut offered = self.with_offered(state, rings, wanted, Vec::new(), control)?;
        offered.retain(|old| {
            let from = old.release().bundle().map(|bundle| bundle.files_digest);
            wanted.patches.iter().all(|patch| Some(patch.from) != from)
        });
        let made = self.make_patches(&offered, &bundle, &NewSide::Release(target), control)?;
        wanted.patches.splice(0..0, made.patches);
        wanted.patches.truncate(MAX_PATCHES);
        decision.steps.extend(made.steps);
        decision.costs = made.costs;
        decision.notes.extend(made.notes);
        Ok(())
    }

    /// Makes the release stable; a candidate ends.
    fn make_stable(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        wanted: &Release,
        authority: &SigningContext<'_>,
        control: &Control,
    ) -> Result<()> {
        let sequence = self.resume_or_make(decision, state, wanted, authority, control)?;
        let mut next = state.channel.clone();
        next.stable = Some(sequence);
        if let Some(candidate) = next.candidate.take() {
            decision.notes.push(SiteNote::CandidateEnds(candidate.sequence));
        }
        self.then_offer(decision, state, next)
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

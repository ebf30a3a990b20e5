//! Renewal: new releases of the offered bundles, with a later expiry.

use std::time::Duration;

use super::channel::keep;
use super::patches;
use super::plan::{Decision, ExecutionOptions, Step};
use super::signing::{Signed, Signing, SigningContext};
use super::state::SiteState;
use super::{Outcome, Publisher, SiteNote};
use crate::error::{Error, Result};
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{Candidate, Release};
use capbundle::time::Timestamp;

/// A release that expires this close to the renewed expiry is not renewed again.
const MIN_GAIN: Duration = Duration::from_secs(24 * 60 * 60);

impl Publisher<'_> {
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
            let authority = SigningContext {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            let before = state.channel.clone();
            let mut next = before.clone();
            for signed in &offered {
                let mut wanted = self.renewed(signed.release(), signing, state.next_sequence()?);
                wanted.patches = patches::existing(self.storage, &wanted.patches, control)?;
                let sequence = self.resume_or_make(&mut decision, &state, &wanted, &authority, control)?;
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
    pub(super) fn renewed(&self, release: &Release, signing: &Signing<'_>, sequence: u64) -> Release {
        let mut template = release.clone();
        template.sequence = sequence;
        template.created_at = self.now;
        template.expires_at = signing.expiry(self.now);
        template
    }

    pub(super) fn resume_or_make(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        wanted: &Release,
        authority: &SigningContext<'_>,
        control: &Control,
    ) -> Result<u64> {
        let &SigningContext { signing, ring, dry_run } = authority;
        if let Some(begun) = self.begun(state, wanted, authority, control)?
            && begun.target == wanted.target
            && patches::existing(self.storage, &begun.patches, control)? == begun.patches
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
}

fn is_signed_by_all(trusted: &TrustedRelease, signing: &Signing<'_>) -> bool {
    let mut ids = signing.keys.iter().map(|key| key.verifying_key().id());
    ids.all(|id| trusted.keys().contains(&id))
}

//! Changes to a channel without a new release.

use super::plan::{Decision, ExecutionOptions, Step};
use super::state::SiteState;
use super::{Outcome, Publisher, SiteNote};
use crate::error::{Error, Result};
use capbundle::release::paths;
use capbundle::release::{ALL_DEVICES, Candidate, ChannelFile, Release};

impl Publisher<'_> {
    /// Makes the candidate the stable release. With a sequence, only if that is the candidate. If it is already stable, nothing
    /// changes.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound) for a site or channel that does not exist;
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if the channel has no such candidate; [`NotTrusted`](capbundle::ErrorKind::NotTrusted)
    /// if it has expired; see [`PublishError`](super::PublishError).
    pub fn promote(&self, sequence: Option<u64>, run: &mut ExecutionOptions<'_>) -> Outcome {
        self.change(run, |control| {
            let state = self.state(control)?;
            let channel = &state.channel;
            let candidate = match (channel.candidate, sequence) {
                (_, Some(wanted)) if channel.stable == Some(wanted) => {
                    return Ok(Decision::already_done(state.channel));
                }
                (Some(candidate), None) => candidate,
                (Some(candidate), Some(wanted)) if candidate.sequence == wanted => candidate,
                _ => return Err(self.no_candidate(channel, sequence)),
            };
            let (_, signed) = self.release(candidate.sequence, control)?;
            self.require_unexpired(signed.release())?;
            let mut next = channel.clone();
            next.stable = Some(candidate.sequence);
            next.candidate = None;
            let mut decision = Decision {
                steps: keep(signed.release()),
                sequences: vec![candidate.sequence],
                ..Decision::default()
            };
            self.then_offer(&mut decision, &state, next)?;
            Ok(decision)
        })
    }

    /// Offers the candidate to `share_bps` of 10,000 devices. Raising the share only adds devices. Lowering it does not take the
    /// release from devices that have it, so it requires `may_lower`.
    ///
    /// # Errors
    /// The errors of [`promote`](Self::promote); [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a lower share without
    /// `may_lower`, and one above 10,000.
    pub fn rollout(&self, share_bps: u16, may_lower: bool, run: &mut ExecutionOptions<'_>) -> Outcome {
        self.change(run, |control| {
            require_share(share_bps)?;
            let state = self.state(control)?;
            let Some(candidate) = state.channel.candidate else {
                return Err(self.no_candidate(&state.channel, None));
            };
            if candidate.rollout_bps == share_bps {
                return Ok(Decision::already_done(state.channel));
            }
            let lowers = share_bps < candidate.rollout_bps;
            if lowers && !may_lower {
                return Err(lowering(candidate, share_bps));
            }
            let (_, signed) = self.release(candidate.sequence, control)?;
            let mut decision = Decision {
                steps: if lowers { Vec::new() } else { keep(signed.release()) },
                sequences: vec![candidate.sequence],
                notes: if lowers {
                    vec![SiteNote::LoweringTakesNothingBack]
                } else {
                    Vec::new()
                },
                ..Decision::default()
            };
            let mut next = state.channel.clone();
            next.candidate = Some(Candidate {
                rollout_bps: share_bps,
                ..candidate
            });
            self.then_offer(&mut decision, &state, next)?;
            Ok(decision)
        })
    }

    /// Stops offering the candidate. Reads nothing else of the site, so that nothing else can make it fail.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound) for a site or channel that does not exist; see
    /// [`PublishError`](super::PublishError).
    pub fn pause(&self, run: &mut ExecutionOptions<'_>) -> Outcome {
        self.change(run, |control| {
            let state = self.state(control)?;
            let Some(candidate) = state.channel.candidate else {
                return Ok(Decision::already_done(state.channel));
            };
            let mut decision = Decision {
                sequences: vec![candidate.sequence],
                notes: vec![SiteNote::CandidateEnds(candidate.sequence)],
                ..Decision::default()
            };
            let mut next = state.channel.clone();
            next.candidate = None;
            self.then_offer(&mut decision, &state, next)?;
            Ok(decision)
        })
    }

    /// Completes a decision with the channel file.
    pub(super) fn then_offer(&self, decision: &mut Decision, state: &SiteState, next: ChannelFile) -> Result<()> {
        if next.stable.is_none() {
            decision.notes.push(SiteNote::NothingForTheOthers);
        }
        let left = state
            .channel
            .sequences()
            .filter(|before| next.sequences().all(|after| after != *before));
        decision.steps.extend(left.map(|sequence| Step::Leave {
            path: paths::release_path(self.channel, sequence),
        }));
        decision.steps.push(Step::Channel {
            path: paths::channel_path(self.channel),
            bytes: next.to_json()?,
            before: state.before.clone(),
            says: describe(&next),
        });
        decision.channel = Some(next);
        Ok(())
    }

    pub(super) fn require_unexpired(&self, release: &Release) -> Result<()> {
        if release.expires_at > self.now {
            return Ok(());
        }
        let problem = format!(
            "expired {} seconds ago, so no device accepts it: renew it, or publish it again",
            self.now.since(release.expires_at).as_secs()
        );
        Err(Error::not_trusted(format!("release {}", release.sequence), problem))
    }

    fn no_candidate(&self, channel: &ChannelFile, sequence: Option<u64>) -> Error {
        let wanted = sequence.map_or("a candidate".to_owned(), |sequence| format!("candidate {sequence}"));
        let problem = format!("expected {wanted}, found {}", describe(channel));
        Error::invalid_input(format!("channel {}", self.channel), problem)
    }
}

/// Keeps the files that a release needs. A release of the built-in bundle needs none.
pub(super) fn keep(release: &Release) -> Vec<Step> {
    let Some(bundle) = release.bundle() else {
        return Vec::new();
    };
    let (archive, size) = paths::archive_of(bundle);
    let mut steps = vec![Step::Keep {
        path: archive,
        size: Some(size),
    }];
    // A missing patch costs devices a larger download, so it stops no operation.
    steps.extend(release.patches.iter().map(|patch| Step::Leave {
        path: paths::patch_of(patch).0,
    }));
    steps.push(Step::Keep {
        path: paths::file_list_path(&bundle.files_digest),
        size: None,
    });
    steps
}

pub(super) fn require_share(share_bps: u16) -> Result<()> {
    if share_bps <= ALL_DEVICES {
        return Ok(());
    }
    let problem = format!("expected 0 to {ALL_DEVICES} of 10,000 devices, found {share_bps}");
    Err(Error::invalid_input("rollout", problem))
}

pub(super) fn lowering(candidate: Candidate, share_bps: u16) -> Error {
    let problem = format!(
        "candidate {} is offered to {}; lowering that to {} does not take it from devices that have it: allow lowering, or pause \
         the candidate",
        candidate.sequence,
        percent(candidate.rollout_bps),
        percent(share_bps)
    );
    Error::invalid_input("rollout", problem)
}

/// `5 %`, `0.25 %`.
pub(super) fn percent(bps: u16) -> String {
    let (whole, rest) = (bps / 100, bps % 100);
    match rest {
        0 => format!("{whole} %"),
        rest if rest % 10 == 0 => format!("{whole}.{} %", rest / 10),
        rest => format!("{whole}.{rest:02} %"),
    }
}

fn describe(channel: &ChannelFile) -> String {
    let stable = channel.stable.map_or("no stable release".to_owned(), |sequence| {
        format!("{sequence} is stable")
    });
    match channel.candidate {
        None => stable,
        Some(candidate) => format!(
            "{stable}, {} is the candidate for {}",
            candidate.sequence,
            percent(candidate.rollout_bps)
        ),
    }
}

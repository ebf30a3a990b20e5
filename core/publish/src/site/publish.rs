//! A new release of a bundle.

use std::time::Duration;

use super::bundle::{Bundle, MAX_HEADER_LEN};
use super::channel::{keep, lowering, require_share};
use super::patches::{self, NewSide};
use super::plan;
use super::plan::{Decision, ExecutionOptions, Step};
use super::signing::{self, Signed, Signing, SigningContext};
use super::state::SiteState;
use super::{Outcome, Publisher, SiteNote};
use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::keys::{KeyId, PublicContentKey};
use capbundle::native::NativeRange;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{BundleIdentity, Candidate, Release, ReleaseTarget};
use capbundle::sealed;
use capbundle::size;
use capbundle::time::Timestamp;

/// An unfinished release older than this is not resumed.
const UNFINISHED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The metadata of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseMetadata {
    /// The version for people, 1 to 256 bytes.
    pub version: String,
    /// The native versions it runs on.
    pub native: NativeRange,
    /// A link for people, at most 2,048 bytes.
    pub link: Option<String>,
    /// A comment for people, at most 4,096 bytes.
    pub comment: Option<String>,
}

impl ReleaseMetadata {
    /// A release of this version, for every native app.
    #[must_use]
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            ..Self::default()
        }
    }

    setters! {
        with_native(native: NativeRange);
        with_link(link: impl Into<Option<String>>);
        with_comment(comment: impl Into<Option<String>>);
    }
}

/// Which devices a release is offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All devices. An existing candidate ends, since its sequence is lower.
    Stable,
    /// A share of the devices, each of which decides by itself whether it belongs to it. The others get the stable release.
    Candidate {
        /// The share in basis points, 0 to 10,000.
        rollout_bps: u16,
    },
}

/// A release to create.
#[derive(Debug, Clone, Copy)]
pub struct NewRelease<'a> {
    /// The bundle of the release.
    pub bundle: &'a Bundle,
    /// The metadata of the release.
    pub metadata: &'a ReleaseMetadata,
    /// The devices it is offered to.
    pub audience: Audience,
}

impl Publisher<'_> {
    /// Publishes a bundle: archive, file list, release, and last the channel file, which makes it visible to devices.
    ///
    /// If the channel already offers an equal release with more than half of its lifetime left, nothing changes. After a crash,
    /// run it again: an equal release begun within the last day is resumed.
    ///
    /// # Errors
    /// [`KeyInvalid`](capbundle::ErrorKind::KeyInvalid) for a key that is not in the newest ring, is retired, or is
    /// also a content key; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for too few keys, and a sequence that is in use;
    /// [`Busy`](capbundle::ErrorKind::Busy) if another publisher is active; errors of sealing, signing and storing. See
    /// [`PublishError`](super::PublishError).
    pub fn publish(&self, new: &NewRelease<'_>, signing: &Signing<'_>, run: &mut ExecutionOptions<'_>) -> Outcome {
        let &NewRelease {
            bundle,
            metadata,
            audience,
        } = new;
        let dry_run = run.dry_run;
        plan::carry_out(self.storage, run, |control| {
            if let Audience::Candidate { rollout_bps } = audience {
                require_share(rollout_bps)?;
            }
            let mut state = self.state(control)?;
            let mut notes = Vec::new();
            let rings = signing.rings(self, &bundle.recipients, &mut notes, control)?;
            self.count(&mut state, &rings, &mut notes, control)?;
            let authority = &SigningContext {
                signing,
                ring: rings.newest(),
                dry_run,
            };
            let wanted = self.wanted(bundle, metadata, signing, &state)?;
            if let Some(options) = self.patches.filter(|_| !dry_run) {
                options.remember(bundle.zip(), &bundle.archive, control)?;
            }
            let mut decision = Decision {
                notes,
                ..Decision::default()
            };
            if let Some(offered) = self.offered(&state, &wanted, authority, bundle, control)? {
                decision.costs = self.costs(&state, &rings, bundle, &offered, &mut decision.notes, control)?;
                return self.offer_again(&offered, &state, audience, decision);
            }
            let sequence = match self.unfinished(&state, &wanted, authority, bundle, control)? {
                Some(release) => {
                    decision.notes.push(SiteNote::Resumed(release.sequence));
                    decision.steps = keep(&release);
                    decision.costs = self.costs(&state, &rings, bundle, &release, &mut decision.notes, control)?;
                    release.sequence
                }
                None if state.own.contains(&wanted.sequence) => return Err(self.taken(wanted.sequence)),
                None if dry_run => {
                    decision.costs = self.costs(&state, &rings, bundle, &wanted, &mut decision.notes, control)?;
                    preview(&mut decision, bundle, &wanted);
                    wanted.sequence
                }
                None => {
                    let earlier = self.earlier(&state, &rings, &wanted, &mut decision.notes, control)?;
                    self.make(&mut decision, bundle, wanted, authority, &earlier, control)?
                }
            };
            decision.sequences.push(sequence);
            self.offer(&mut decision, &state, sequence, audience)?;
            Ok(decision)
        })
    }

    fn wanted(
        &self,
        bundle: &Bundle,
        metadata: &ReleaseMetadata,
        signing: &Signing<'_>,
        state: &SiteState,
    ) -> Result<Release> {
        let target = ReleaseTarget::Bundle(bundle.identity(bundle.is_sealed().then(signing::to_be_sealed)));
        let sequence = sequence(signing, state)?;
        let new = Release::new(self.app.clone(), self.channel.clone(), sequence, target)
            .with_version(&metadata.version)
            .with_validity(self.now, signing.expiry(self.now))
            .with_native(metadata.native.clone())
            .with_link(metadata.link.clone())
            .with_comment(metadata.comment.clone());
        // Validates it before a large archive is sealed.
        capbundle::release::create(&new)?;
        Ok(new)
    }

    /// The offered release, if it equals the wanted one and does not expire soon.
    fn offered(
        &self,
        state: &SiteState,
        wanted: &Release,
        authority: &SigningContext<'_>,
        bundle: &Bundle,
        control: &Control,
    ) -> Result<Option<Release>> {
        let &SigningContext { signing, ring, .. } = authority;
        let good_until = Timestamp(self.now.0.saturating_add(signing.lifetime.as_secs() / 2));
        for sequence in state.channel.sequences() {
            // A damaged release is replaced by a new one.
            let Some((content, signed)) = self.readable(sequence, control)? else {
                continue;
            };
            let release = signed.release();
            if signing.sequence.is_none_or(|requested| requested == sequence)
                && signing::is_same(release, wanted)
                && release.expires_at > good_until
                && signing::require_trusted(self, ring, &content.bytes).is_ok()
                && self.is_complete(release, &bundle.recipients, control)?
            {
                return Ok(Some(release.clone()));
            }
        }
        Ok(None)
    }

    pub(super) fn offer_again(
        &self,
        offered: &Release,
        state: &SiteState,
        audience: Audience,
        mut decision: Decision,
    ) -> Result<Decision> {
        let sequence = offered.sequence;
        decision.sequences.push(sequence);
        let is_stable = state.channel.stable == Some(sequence);
        match (audience, state.channel.candidate) {
            (Audience::Candidate { rollout_bps }, Some(candidate))
                if candidate.sequence == sequence && candidate.rollout_bps != rollout_bps =>
            {
                if rollout_bps < candidate.rollout_bps {
                    return Err(lowering(candidate, rollout_bps));
                }
            }
            (Audience::Stable, _) if !is_stable => {}
            _ => {
                if decision.steps.is_empty() {
                    decision.notes.push(SiteNote::AlreadyDone);
                }
                decision.channel = Some(state.channel.clone());
                return Ok(decision);
            }
        }
        decision.steps.extend(keep(offered));
        self.offer(&mut decision, state, sequence, audience)?;
        Ok(decision)
    }

    /// A complete release of an earlier run that no device has seen.
    fn unfinished(
        &self,
        state: &SiteState,
        wanted: &Release,
        authority: &SigningContext<'_>,
        bundle: &Bundle,
        control: &Control,
    ) -> Result<Option<Release>> {
        let found = self.begun(state, wanted, authority, control)?;
        match found {
            Some(release) if self.is_complete(&release, &bundle.recipients, control)? => Ok(Some(release)),
            _ => Ok(None),
        }
    }

    /// The same without checking its files, for a release that reuses the archive of another.
    pub(super) fn begun(
        &self,
        state: &SiteState,
        wanted: &Release,
        authority: &SigningContext<'_>,
        control: &Control,
    ) -> Result<Option<Release>> {
        let Some(sequence) = state.newest_own() else {
            return Ok(None);
        };
        let &SigningContext { signing, ring, .. } = authority;
        let is_requested = signing.sequence.is_none_or(|requested| requested == sequence);
        if sequence <= state.highest_used() || !is_requested {
            return Ok(None);
        }
        let Some((content, signed)) = self.readable(sequence, control)? else {
            return Ok(None);
        };
        let release = signed.release();
        let lifetime = release.expires_at.since(release.created_at);
        let fits = signing::is_same(release, wanted)
            && lifetime == signing.lifetime
            && release.created_at <= self.now
            && self.now.since(release.created_at) < UNFINISHED_FOR
            && signing::require_trusted(self, ring, &content.bytes).is_ok();
        Ok(fits.then(|| release.clone()))
    }

    /// Whether all files of a release exist, sealed for these recipients.
    fn is_complete(&self, release: &Release, recipients: &[PublicContentKey], control: &Control) -> Result<bool> {
        let Some(bundle) = release.bundle() else {
            return Ok(true);
        };
        let (archive, size) = paths::archive_of(bundle);
        let Some(found) = self.storage.head(&archive, control)? else {
            return Ok(false);
        };
        let files = paths::file_list_path(&bundle.files_digest);
        if found.size != size || self.storage.head(&files, control)?.is_none() {
            return Ok(false);
        }
        if patches::existing(self.storage, &release.patches, control)? != release.patches {
            return Ok(false);
        }
        if bundle.sealed.is_none() {
            return Ok(true);
        }
        let Some(start) = self.storage.read_start(&archive, MAX_HEADER_LEN, control)? else {
            return Ok(false);
        };
        let Ok(header) = sealed::Header::parse(&start) else {
            return Ok(false);
        };
        let mut wanted: Vec<KeyId> = recipients.iter().map(PublicContentKey::id).collect();
        wanted.sort_unstable();
        wanted.dedup();
        Ok(header.recipients().eq(wanted))
    }

    fn make(
        &self,
        decision: &mut Decision,
        bundle: &Bundle,
        mut wanted: Release,
        authority: &SigningContext<'_>,
        earlier: &[TrustedRelease],
        control: &Control,
    ) -> Result<u64> {
        let outgoing = bundle.outgoing(control)?;
        let identity = bundle.identity(outgoing.sealed);
        wanted.target = ReleaseTarget::Bundle(identity);
        let new = NewSide::Zip(bundle.zip(), &bundle.recipients);
        let made = self.make_patches(earlier, &identity, &new, control)?;
        wanted.patches = made.patches;
        decision.costs = made.costs;
        decision.notes.extend(made.notes);
        let Signed { envelope, release } = authority
            .signing
            .sign(self, authority.ring, &wanted, &bundle.recipients)?;
        let (path, size) = paths::archive_of(&identity);
        decision.steps.push(Step::File {
            path,
            file: outgoing.file,
            size,
            temporary: outgoing.temporary,
        });
        decision.steps.extend(made.steps);
        decision.steps.push(files_step(&identity, &bundle.files));
        decision.steps.push(Step::New {
            path: paths::release_path(self.channel, release.sequence),
            bytes: envelope,
        });
        Ok(release.sequence)
    }

    pub(super) fn taken(&self, sequence: u64) -> Error {
        let problem = format!(
            "{} already has another release {sequence} of channel {}: use a higher sequence",
            self.storage.place(),
            self.channel
        );
        Error::invalid_input("sequence", problem)
    }

    pub(super) fn offer(
        &self,
        decision: &mut Decision,
        state: &SiteState,
        sequence: u64,
        audience: Audience,
    ) -> Result<()> {
        let mut next = state.channel.clone();
        let before = next.candidate.take();
        match audience {
            Audience::Stable => next.stable = Some(sequence),
            Audience::Candidate { rollout_bps } => {
                next.candidate = Some(Candidate { sequence, rollout_bps });
            }
        }
        if let Some(before) = before.filter(|before| before.sequence != sequence) {
            decision.notes.push(SiteNote::CandidateEnds(before.sequence));
        }
        self.then_offer(decision, state, next)
    }
}

/// The requested sequence, or the next.
pub(super) fn sequence(signing: &Signing<'_>, state: &SiteState) -> Result<u64> {
    match signing.sequence {
        None => state.next_sequence(),
        // Whether it is free is checked later: an unfinished release may have it.
        Some(sequence) => require_above(sequence, state).map(|()| sequence),
    }
}

fn preview(decision: &mut Decision, bundle: &Bundle, wanted: &Release) {
    if bundle.is_sealed() {
        let recipients = bundle.recipients.len();
        decision.steps.push(Step::Preview(format!(
            "seal {} for {recipients} content keys and upload it to archives/<digest of the header>.sealed",
            size::text(bundle.archive.size)
        )));
    } else {
        let path = paths::plain_archive_path(&bundle.archive.digest);
        decision.steps.push(Step::Preview(format!(
            "upload {} to {path}",
            size::text(bundle.archive.size)
        )));
    }
    for cost in &decision.costs {
        let what = format!(
            "make a patch from release {}, if it saves enough, and upload it",
            cost.from
        );
        decision.steps.push(Step::Preview(what));
    }
    let files = paths::file_list_path(&bundle.files_digest);
    decision.steps.push(Step::Preview(format!("write {files}")));
    let release = paths::release_path(&wanted.channel, wanted.sequence);
    decision.steps.push(Step::Preview(format!("sign and write {release}")));
}

pub(super) fn files_step(bundle: &BundleIdentity, files: &[u8]) -> Step {
    Step::New {
        path: paths::file_list_path(&bundle.files_digest),
        bytes: files.to_vec(),
    }
}

/// Devices that accepted the offered release refuse any sequence that is not higher.
pub(super) fn require_above(sequence: u64, state: &SiteState) -> Result<()> {
    let named = state.highest_named();
    if sequence > named || (sequence == named && named > 0) {
        return Ok(());
    }
    let problem =
        format!("expected a sequence above {named}, which the channel offers: devices refuse {sequence} as a replay");
    Err(Error::invalid_input("sequence", problem))
}

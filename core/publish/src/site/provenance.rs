//! What of a site is believed. Whoever can write there can write anything: only what enough keys signed is signed again, and
//! only numbers that devices may have accepted are counted on from.

use super::ring::Rings;
use super::signing::{self, Signing};
use super::state::{State, read_release};
use super::storage::Content;
use super::{Note, Publisher};
use crate::error::{Error, Result};
use capbundle::ChannelName;
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{MAX_ENVELOPE_BYTES, SignedRelease, paths};
use capbundle::time::Timestamp;

/// How far above the highest signed sequence a number is still counted although nothing proves it. A release that was damaged
/// after devices took it must not have its number given away again, so what is near counts; what is far would leave too few
/// numbers if somebody wrote it there on purpose. As many as a century has seconds, for whoever takes the time for a sequence,
/// and less than a millionth of all.
const NEAR: u64 = 1 << 32;

impl Publisher<'_> {
    /// A release that is on the site and may be signed again: enough keys of the newest ring vouch for it. That it has expired
    /// does not matter.
    ///
    /// A ring that comes from the site proves nothing, since whoever wrote the release could write that as well. Then every
    /// key that signs now must have signed before.
    pub(super) fn proved(
        &self,
        sequence: u64,
        rings: &Rings,
        signing: &Signing<'_>,
        control: &Control,
    ) -> Result<TrustedRelease> {
        let (content, _) = self.release(sequence, control)?;
        let refuse = |problem: String| {
            let problem = format!(
                "{problem}; what lies on a site is signed again only if it is proved: publish the bundle itself instead"
            );
            Error::not_trusted(format!("release {sequence} of {}", self.storage.place()), problem)
        };
        let trusted = signing::trusted(self, self.channel, rings.newest(), &content.bytes, Timestamp(0));
        let trusted = trusted.map_err(|error| refuse(error.to_string()))?;
        if rings.are_from_site() {
            let ids = signing.keys.iter().map(|key| key.verifying_key().id());
            if let Some(id) = ids.into_iter().find(|id| !trusted.keys().contains(id)) {
                return Err(refuse(format!(
                    "the key {id} has not signed it, and the key ring comes from the site too, where whoever wrote the \
                     release may have put it (give the ring that is in the app)"
                )));
            }
        }
        Ok(trusted)
    }

    /// The same, `None` for a release that is not proved.
    pub(super) fn if_proved(
        &self,
        sequence: u64,
        rings: &Rings,
        signing: &Signing<'_>,
        control: &Control,
    ) -> Result<Option<TrustedRelease>> {
        unless_unreadable(self.proved(sequence, rings, signing, control))
    }

    /// A release of this channel; `None` if there is none that can be read.
    pub(super) fn readable(&self, sequence: u64, control: &Control) -> Result<Option<(Content, SignedRelease)>> {
        unless_unreadable(read_release(self.storage, self.channel, sequence, control)).map(Option::flatten)
    }

    /// Finds out above which number new releases must be. Numbers that nothing proves and that are far above all others are
    /// left out, and told.
    pub(super) fn count(
        &self,
        state: &mut State,
        rings: &Rings,
        notes: &mut Vec<Note>,
        control: &Control,
    ) -> Result<()> {
        let mut signed = 0;
        for (sequence, channel) in state.releases.iter().rev() {
            if self.was_signed(*sequence, channel, rings, control)? {
                signed = *sequence;
                break;
            }
        }
        if let Some(far) = state.believe(signed.saturating_add(NEAR)) {
            notes.push(Note::NotCounted(far));
        }
        Ok(())
    }

    /// Whether devices may have accepted this release, at some time: one of the rings vouches for it.
    fn was_signed(&self, sequence: u64, channel: &ChannelName, rings: &Rings, control: &Control) -> Result<bool> {
        let path = paths::release_path(channel, sequence);
        let found = unless_unreadable(self.storage.read(&path, MAX_ENVELOPE_BYTES as u64, control))?;
        let Some(content) = found.flatten() else {
            return Ok(false);
        };
        let vouches = |ring| {
            signing::trusted(self, channel, ring, &content.bytes, Timestamp(0))
                .is_ok_and(|trusted| trusted.release().sequence == sequence)
        };
        Ok(rings.all().any(vouches))
    }
}

/// `None` for a document that is missing, damaged or not proved; the error where that is not known.
fn unless_unreadable<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if is_of_document(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether a document is at fault, and not the way to it.
pub(super) fn is_of_document(error: &Error) -> bool {
    use ErrorKind::{Corrupt, InvalidInput, LimitExceeded, NotTrusted, Unsupported};
    matches!(
        error.kind(),
        Corrupt | InvalidInput | LimitExceeded | NotTrusted | Unsupported
    )
}

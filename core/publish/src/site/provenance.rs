//! Which files of a site are trusted. An attacker with write access can write anything there: only releases signed by enough keys
//! are signed again, and only sequences that devices may have accepted count.

use super::ring::Rings;
use super::signing::{self, Signing};
use super::state::{SiteState, read_release};
use super::storage::Content;
use super::{Publisher, SiteNote};
use crate::error::{Error, Result};
use capbundle::ChannelName;
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::release::policy::TrustedRelease;
use capbundle::release::{MAX_ENVELOPE_BYTES, SignedRelease, paths};
use capbundle::time::Timestamp;

/// How far above the highest signed sequence an unproved one still counts. The sequence of a release that was damaged after devices
/// accepted it must not be reused, so a near one counts. A far one, written on purpose, would exhaust the sequences. This is
/// more than a century in seconds, for publishers that use the time as the sequence, and less than a millionth of all.
const NEAR: u64 = 1 << 32;

impl Publisher<'_> {
    /// A release of the site that may be signed again, because enough keys of the newest ring signed it. It may have expired.
    ///
    /// A ring from the site proves nothing, since an attacker could have written it with the release. Then every key that signs now
    /// must have signed the release before.
    pub(super) fn proved(
        &self,
        sequence: u64,
        rings: &Rings,
        signing: &Signing<'_>,
        control: &Control,
    ) -> Result<TrustedRelease> {
        let (content, _) = self.release(sequence, control)?;
        let refuse = |problem: String| {
            let problem =
                format!("{problem}; only trusted releases are signed again: publish the bundle itself instead");
            Error::not_trusted(format!("release {sequence} of {}", self.storage.place()), problem)
        };
        let trusted = signing::trusted(self, self.channel, rings.newest(), &content.bytes, Timestamp(0));
        let trusted = trusted.map_err(|error| refuse(error.to_string()))?;
        if rings.are_from_site() {
            let ids = signing.keys.iter().map(|key| key.verifying_key().id());
            if let Some(id) = ids.into_iter().find(|id| !trusted.keys().contains(id)) {
                return Err(refuse(format!(
                    "key {id} did not sign it, and the key ring comes from the site too, where an attacker may have written both \
                     (pass the key ring of the app)"
                )));
            }
        }
        Ok(trusted)
    }

    /// The same; `None` for an untrusted release.
    pub(super) fn if_proved(
        &self,
        sequence: u64,
        rings: &Rings,
        signing: &Signing<'_>,
        control: &Control,
    ) -> Result<Option<TrustedRelease>> {
        unless_unreadable(self.proved(sequence, rings, signing, control))
    }

    /// A release of this channel; `None` if it is missing or unreadable.
    pub(super) fn readable(&self, sequence: u64, control: &Control) -> Result<Option<(Content, SignedRelease)>> {
        unless_unreadable(read_release(self.storage, self.channel, sequence, control)).map(Option::flatten)
    }

    /// Finds the sequence above which new releases must be. Unproved sequences far above all others are ignored, with a note.
    pub(super) fn count(
        &self,
        state: &mut SiteState,
        rings: &Rings,
        notes: &mut Vec<SiteNote>,
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
            notes.push(SiteNote::IgnoredSequences(far));
        }
        Ok(())
    }

    /// Whether devices may have accepted this release at some time: one of the rings trusts it.
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

/// `None` for a document that is damaged or untrusted; other errors are returned.
fn unless_unreadable<T>(found: Result<T>) -> Result<Option<T>> {
    match found {
        Err(error) if is_of_document(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether the document caused the error, rather than the storage or the network.
pub(super) fn is_of_document(error: &Error) -> bool {
    use ErrorKind::{Corrupt, InvalidInput, LimitExceeded, NotTrusted, Unsupported};
    matches!(
        error.kind(),
        Corrupt | InvalidInput | LimitExceeded | NotTrusted | Unsupported
    )
}

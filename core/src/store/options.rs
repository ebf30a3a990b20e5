//! What the host decides, and no server can change.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::keys::KeyId;
use crate::limits::Limits;
use crate::verified::Proof;

/// Capgo's own least, below which a slow phone cannot even start its web view.
const MIN_READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The least proof a store takes an archive with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RequiredProof {
    /// A digest that the host got over a channel it trusts, or any signature.
    #[default]
    Digest,
    /// A Capgo v2 signature by this key.
    CapgoSigned(KeyId),
    /// A signed release, and nothing else: what is said of a bundle is then signed as well, and nobody can give this device
    /// an older one. See [`Store::install_release`](crate::store::Store::install_release).
    Release,
}

impl RequiredProof {
    pub(super) fn check(self, proof: &Proof) -> Result<()> {
        let refuse = |problem: String| Err(Error::not_trusted("archive", problem));
        match (self, proof) {
            (Self::Digest, Proof::Digest | Proof::CapgoSigned(_) | Proof::Release { .. })
            | (Self::Release, Proof::Release { .. }) => Ok(()),
            (Self::Release, _) => {
                refuse("this store takes signed releases only, and none says that this archive may run".to_owned())
            }
            (Self::CapgoSigned(required), Proof::Release { .. }) => refuse(format!(
                "it comes with a release, and this store takes what is signed for Capgo by the key {required} only"
            )),
            (Self::CapgoSigned(required), Proof::CapgoSigned(key)) if required == *key => Ok(()),
            (Self::CapgoSigned(required), Proof::CapgoSigned(key)) => refuse(format!(
                "it is signed by the key {key}, and this store takes bundles of {required} only"
            )),
            (Self::CapgoSigned(_), _) => {
                refuse("this store takes signed archives only, and this one is not".to_owned())
            }
            (Self::Digest, Proof::Assumed) => {
                refuse("nothing proves it: its digest was compared with nothing".to_owned())
            }
        }
    }
}

/// How a [`Store`](crate::store::Store) behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Where bundles are unpacked, if the host serves from a fixed place. It must exist or have an existing parent, on
    /// the same file system as the store. The default is `bundles` in the store's folder.
    pub bundles: Option<PathBuf>,
    /// The least proof an archive must come with.
    pub required_proof: RequiredProof,
    /// Starts without confirmation after which a bundle is failed. 2: one crash may have another cause.
    pub attempts: u32,
    /// Silent starts in a row after which a proven bundle goes on trial again: its page started, and the process ended in the
    /// foreground before it confirmed. Also the number of later starts that a bundle must confirm before the one it replaced
    /// may go. 3: a user who closes the app before it is ready does so once or twice. 0 turns both off.
    pub silent_starts: u32,
    /// How long a page has to confirm, told to the host by [`ready_deadline`](crate::store::Store::ready_deadline). 10 s as in
    /// Capgo's plugin, at least 1 s.
    pub app_ready_timeout: Duration,
    /// Start over with the built-in bundle when the native app changes, by version or build, as Capgo's `resetWhenUpdate`. If
    /// not, the current bundle goes on trial again, since another native app may break it.
    pub reset_when_native_changes: bool,
    /// Remove the files of a bundle that failed, as Capgo's `autoDeleteFailed`. It stays failed either way.
    pub auto_delete_failed: bool,
    /// Remove the bundle that a confirmed one replaces, as Capgo's `autoDeletePrevious`, once
    /// [`silent_starts`](Self::silent_starts) later starts were confirmed.
    pub auto_delete_previous: bool,
    /// The sequence of the release that is built into the native app. Nothing with this sequence or a lower one is
    /// installed or served, so that an update from an app store is never undone over the air. `None`: not looked at, as
    /// for bundles of no sequence.
    pub built_in_sequence: Option<u64>,
    /// What an archive may unpack to.
    pub limits: Limits,
    /// Threads that unpack; `None` for one a core, four at most.
    pub unpack_threads: Option<NonZeroUsize>,
    /// How long a change waits for another process or thread, and a download for another of the same file, before it gives
    /// up with [`Busy`](crate::ErrorKind::Busy). [`launch`](crate::store::Store::launch) never waits longer than 200 ms.
    pub lock_timeout: Duration,
    /// Space that must stay free beside what an installation takes. 32 MiB: a phone without it misbehaves.
    pub space_margin: u64,
    /// Compare files with the digests recorded at installation before a launch, for at most this long. `None`: not.
    pub verify_at_launch: Option<Duration>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            bundles: None,
            required_proof: RequiredProof::default(),
            attempts: 2,
            silent_starts: 3,
            app_ready_timeout: Duration::from_secs(10),
            reset_when_native_changes: true,
            auto_delete_failed: true,
            auto_delete_previous: true,
            built_in_sequence: None,
            limits: Limits::default(),
            unpack_threads: None,
            lock_timeout: Duration::from_secs(10),
            space_margin: 32 << 20,
            verify_at_launch: None,
        }
    }
}

impl StoreOptions {
    pub(super) fn validate(&self) -> Result<()> {
        if self.attempts == 0 {
            return Err(Error::invalid_input(
                "attempts",
                "expected 1 or more: with 0 every bundle would fail unseen",
            ));
        }
        if self.app_ready_timeout < MIN_READY_TIMEOUT {
            return Err(Error::invalid_input("app_ready_timeout", "expected 1 s or more"));
        }
        Ok(())
    }
}

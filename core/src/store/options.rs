//! Settings of the host, which no server can change.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::keys::KeyIds;
use crate::limits::Limits;
use crate::setters::setters;
use crate::store::assemble::BuiltInFiles;
use crate::store::records::{ProofKind, RecordedProof};
use crate::verified::Proof;

/// Capgo's minimum, below which a slow phone cannot even start its web view.
const MIN_READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The weakest proof that a store accepts for an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RequiredProof {
    /// A digest that the host received over a trusted channel, or any signature. If the host says so for an archive,
    /// nothing but TLS: [`ExpectedProof::UnverifiedHttps`](crate::ExpectedProof::UnverifiedHttps).
    #[default]
    Digest,
    /// A Capgo v2 signature by one of these keys. Without a key that an earlier version of the app had, nothing signed
    /// by it is installed any more; bundles that are installed are still served. See
    /// [`capgo_signed`](Self::capgo_signed).
    CapgoSigned(KeyIds),
    /// A signed release only. The metadata of a bundle is then signed as well, and an attacker cannot serve an older
    /// release. See [`Store::install_release`](crate::store::Store::install_release).
    Release,
}

impl RequiredProof {
    /// A Capgo v2 signature by this key, or by one of these: a [`KeyId`](crate::keys::KeyId), a
    /// [`&VerifyingKey`](crate::VerifyingKey) or [`&VerifyingKeys`](crate::VerifyingKeys).
    #[must_use]
    pub fn capgo_signed(keys: impl Into<KeyIds>) -> Self {
        Self::CapgoSigned(keys.into())
    }

    /// Whether a bundle that was verified like this when it was installed would be accepted now.
    pub(super) fn is_met_by(self, proof: Option<&RecordedProof>) -> bool {
        proof.is_some_and(|proof| match (self, proof.kind) {
            (Self::Digest, kind) => kind != ProofKind::Assumed,
            (Self::Release, kind) => kind == ProofKind::Release,
            (Self::CapgoSigned(required), ProofKind::CapgoSigned) => {
                proof.keys.iter().any(|key| required.contains(key))
            }
            (Self::CapgoSigned(_), _) => false,
        })
    }

    pub(super) fn check(self, proof: &Proof) -> Result<()> {
        let refuse = |problem: String| Err(Error::not_trusted("archive", problem));
        match (self, proof) {
            (Self::Digest, Proof::UnverifiedHttps | Proof::Digest | Proof::CapgoSigned(_) | Proof::Release { .. })
            | (Self::Release, Proof::Release { .. }) => Ok(()),
            (Self::Release, _) => {
                refuse("this store accepts signed releases only, and the archive comes without one".to_owned())
            }
            (Self::CapgoSigned(required), Proof::Release { .. }) => refuse(format!(
                "the archive comes with a release, and this store accepts only Capgo signatures by {}",
                required.in_words()
            )),
            (Self::CapgoSigned(required), Proof::CapgoSigned(key)) if required.contains(key) => Ok(()),
            (Self::CapgoSigned(required), Proof::CapgoSigned(key)) => {
                refuse(format!("signed by the key {key}, expected {}", required.in_words()))
            }
            (Self::CapgoSigned(_), _) => {
                refuse("this store accepts signed archives only, and the archive is not signed".to_owned())
            }
            (Self::Digest, Proof::Assumed) => refuse("the digest was not compared with a trusted one".to_owned()),
        }
    }
}

/// Options of a [`Store`](crate::store::Store).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoreOptions {
    /// The folder that bundles are unpacked into, if the host serves from a fixed folder. It or its parent must exist,
    /// on the same file system as the store. The default is `bundles` in the store's folder.
    pub bundles: Option<PathBuf>,
    /// The weakest proof that an archive may come with.
    pub required_proof: RequiredProof,
    /// Starts without confirmation after which a bundle fails. The default is 2, since one crash may have another
    /// cause.
    pub attempts: u32,
    /// Consecutive silent starts after which a proven bundle goes on trial again. A start is silent if its page started
    /// and the process ended in the foreground before it confirmed. Also the number of later starts that a bundle must
    /// confirm before its predecessor may be removed. The default is 3, since users close an app before it is ready
    /// once or twice in a row. 0 disables both.
    pub silent_starts: u32,
    /// How long a page has to confirm, see [`ready_deadline`](crate::store::Store::ready_deadline). The default is 10 s
    /// as in Capgo's plugin, the minimum 1 s.
    pub app_ready_timeout: Duration,
    /// Reset to the built-in bundle when the native app changes, by version or build, as Capgo's `resetWhenUpdate`.
    /// Otherwise the current bundle goes on trial again, since another native app may break it.
    pub reset_when_native_changes: bool,
    /// Remove the files of a failed bundle, as Capgo's `autoDeleteFailed`. It stays failed in either case.
    pub auto_delete_failed: bool,
    /// Remove the predecessor of a confirmed bundle, as Capgo's `autoDeletePrevious`, after
    /// [`silent_starts`](Self::silent_starts) later starts were confirmed.
    pub auto_delete_previous: bool,
    /// The sequence of the release that is built into the native app. Bundles with this sequence or a lower one are
    /// neither installed nor served, so that an app store update is never undone over the air. `None` disables the
    /// check; bundles without a sequence are not checked.
    pub built_in_sequence: Option<u64>,
    /// The files inside the native app, from which updates are assembled as well. `None`: only those of bundles. They are read
    /// once for each version of the native app, in the first update after it.
    pub built_in_files: Option<Arc<dyn BuiltInFiles>>,
    /// Limits on the content of an archive.
    pub limits: Limits,
    /// Threads that unpack. `None`: one for each core, at most four.
    pub unpack_threads: Option<NonZeroUsize>,
    /// How long a change waits for another process or thread, and a download for another one of the same file, before
    /// it fails with [`Busy`](crate::ErrorKind::Busy). [`launch`](crate::store::Store::launch) never waits longer than
    /// 200 ms.
    pub lock_timeout: Duration,
    /// Space that must stay free after an installation. The default is 32 MiB, since phones misbehave with less.
    pub space_margin: u64,
    /// Compare files with the digests recorded at installation before a launch, for at most this long. `None` disables
    /// it.
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
            built_in_files: None,
            limits: Limits::default(),
            unpack_threads: None,
            lock_timeout: Duration::from_secs(10),
            space_margin: 32 << 20,
            verify_at_launch: None,
        }
    }
}

impl StoreOptions {
    setters! {
        with_bundles(bundles: impl Into<Option<PathBuf>>);
        with_required_proof(required_proof: RequiredProof);
        with_attempts(attempts: u32);
        with_silent_starts(silent_starts: u32);
        with_app_ready_timeout(app_ready_timeout: Duration);
        with_reset_when_native_changes(reset_when_native_changes: bool);
        with_auto_delete_failed(auto_delete_failed: bool);
        with_auto_delete_previous(auto_delete_previous: bool);
        with_built_in_sequence(built_in_sequence: impl Into<Option<u64>>);
        with_built_in_files(built_in_files: impl Into<Option<Arc<dyn BuiltInFiles>>>);
        with_limits(limits: Limits);
        with_unpack_threads(unpack_threads: impl Into<Option<NonZeroUsize>>);
        with_lock_timeout(lock_timeout: Duration);
        with_space_margin(space_margin: u64);
        with_verify_at_launch(verify_at_launch: impl Into<Option<Duration>>);
    }

    pub(super) fn validate(&self) -> Result<()> {
        if self.attempts == 0 {
            return Err(Error::invalid_input(
                "attempts",
                "expected 1 or more, found 0: every bundle would fail before its first start",
            ));
        }
        if self.app_ready_timeout < MIN_READY_TIMEOUT {
            return Err(Error::invalid_input("app_ready_timeout", "expected 1 s or more"));
        }
        Ok(())
    }
}

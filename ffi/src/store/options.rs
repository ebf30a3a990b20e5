//! Options that the host decides and no server can change.

use std::path::PathBuf;
use std::sync::Arc;

use capbundle_core::keys::VerifyingKeys;
use capbundle_core::store as core;

use crate::archive::threads;
use crate::convert::{milliseconds, unsigned};
use crate::error::Result;
use crate::limits::Limits;

/// The minimum proof with which a store accepts an archive.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum RequiredProof {
    /// A digest that the host received over a trusted channel, or any signature.
    Digest,
    /// A Capgo v2 signature by this key, or by one of several while the signing key is replaced.
    CapgoSigned {
        /// The public key, as PEM text; or several, up to four, one PEM block after the other.
        public_key: String,
    },
    /// A signed release only: the metadata of a bundle is then signed as well, and an older bundle cannot be
    /// forced on this device. See `installRelease` and `updateFromChannel`.
    Release,
}

impl RequiredProof {
    fn to_core(&self) -> Result<core::RequiredProof> {
        Ok(match self {
            Self::Digest => core::RequiredProof::Digest,
            Self::CapgoSigned { public_key } => {
                core::RequiredProof::capgo_signed(&VerifyingKeys::from_pem(public_key)?)
            }
            Self::Release => core::RequiredProof::Release,
        })
    }
}

/// Options of a store. `requiredProof` has no default, because the security of the app depends on it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StoreOptions {
    /// The minimum proof of an archive.
    pub required_proof: RequiredProof,
    /// Where bundles are unpacked, if the host serves from a fixed folder (`versions` on Android,
    /// `ionic_built_snapshots` on iOS). It or its parent must exist, on the same file system as the store. The
    /// default is `bundles` in the store's folder.
    #[uniffi(default = None)]
    pub bundles: Option<String>,
    /// Starts without confirmation after which a bundle has failed: 1 or more. The default is 2, because one
    /// crash may have another cause.
    #[uniffi(default = 2)]
    pub attempts: i64,
    /// Consecutive silent starts after which a proven bundle goes on trial again. A start is silent if the page
    /// started and the process ended in the foreground before it confirmed. Also the number of later starts
    /// that a bundle must confirm before the bundle it replaced is deleted. 0 turns both off.
    #[uniffi(default = 3)]
    pub silent_starts: i64,
    /// Milliseconds that a page has to confirm, returned by `readyDeadlineMs`: 1000 or more.
    #[uniffi(default = 10000)]
    pub app_ready_timeout_ms: i64,
    /// Start over with the built-in bundle when the native app changes, by version or build, as Capgo's
    /// `resetWhenUpdate`. Otherwise the current bundle goes on trial again.
    #[uniffi(default = true)]
    pub reset_when_native_changes: bool,
    /// Delete the files of a failed bundle, as Capgo's `autoDeleteFailed`. The bundle stays failed either way.
    #[uniffi(default = true)]
    pub auto_delete_failed: bool,
    /// Delete the bundle that a confirmed one replaces, as Capgo's `autoDeletePrevious`, once `silentStarts`
    /// later starts were confirmed.
    #[uniffi(default = true)]
    pub auto_delete_previous: bool,
    /// Limits on what an archive may unpack to. The default is that of `Limits`.
    #[uniffi(default = None)]
    pub limits: Option<Limits>,
    /// Threads that unpack. The default is one per core, at most four.
    #[uniffi(default = None)]
    pub unpack_threads: Option<i64>,
    /// Milliseconds that a change waits for another process or thread before it fails with `Busy`. `launch`
    /// never waits longer than 200.
    #[uniffi(default = 10000)]
    pub lock_timeout_ms: i64,
    /// Bytes that must stay free after an installation: 32 MiB.
    #[uniffi(default = 33554432)]
    pub space_margin: i64,
    /// Verify a sample of the installed files before each launch, for at most this many milliseconds. The
    /// default is not to.
    #[uniffi(default = None)]
    pub verify_at_launch_ms: Option<i64>,
    /// The sequence of the release built into the native app. Nothing with this sequence or a lower one is
    /// installed or served, so that an update from an app store is never reverted over the air. Not checked by
    /// default, nor for bundles without a sequence.
    #[uniffi(default = None)]
    pub built_in_sequence: Option<i64>,
    /// The folder with the web part inside the native app, such as `public` in the resources of an iOS app: an
    /// update from a static channel does not download the files that are there. They are hashed once for each
    /// native app.
    #[uniffi(default = None)]
    pub built_in_folder: Option<String>,
}

impl StoreOptions {
    pub(super) fn to_core(&self) -> Result<core::StoreOptions> {
        // More attempts than fit mean no limit.
        let starts =
            |name: &str, starts| -> Result<u32> { Ok(u32::try_from(unsigned(name, starts)?).unwrap_or(u32::MAX)) };
        let budget = self.verify_at_launch_ms;
        let sequence = self.built_in_sequence;
        let built_in = self.built_in_folder.as_ref();
        let built_in = built_in.map(|folder| Arc::new(core::BuiltInFolder::new(folder)) as Arc<dyn core::BuiltInFiles>);
        Ok(core::StoreOptions::default()
            .with_required_proof(self.required_proof.to_core()?)
            .with_bundles(self.bundles.as_ref().map(PathBuf::from))
            .with_attempts(starts("attempts", self.attempts)?)
            .with_silent_starts(starts("silentStarts", self.silent_starts)?)
            .with_app_ready_timeout(milliseconds("appReadyTimeoutMs", self.app_ready_timeout_ms)?)
            .with_reset_when_native_changes(self.reset_when_native_changes)
            .with_auto_delete_failed(self.auto_delete_failed)
            .with_auto_delete_previous(self.auto_delete_previous)
            .with_limits(Limits::to_core(self.limits.as_ref())?)
            .with_unpack_threads(threads(self.unpack_threads)?)
            .with_lock_timeout(milliseconds("lockTimeoutMs", self.lock_timeout_ms)?)
            .with_space_margin(unsigned("spaceMargin", self.space_margin)?)
            .with_verify_at_launch(budget.map(|time| milliseconds("verifyAtLaunchMs", time)).transpose()?)
            .with_built_in_sequence(sequence.map(|number| unsigned("builtInSequence", number)).transpose()?)
            .with_built_in_files(built_in))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

    use super::*;
    use crate::error::ErrorKind;

    const OLD: &str = include_str!("../../../tests/vectors/keys/test-signer.public.pem");
    const NEW: &str = include_str!("../../../tests/vectors/keys/test-other.public.pem");

    fn required(public_key: String) -> Result<core::RequiredProof> {
        RequiredProof::CapgoSigned { public_key }.to_core()
    }

    #[test]
    fn a_public_key_may_be_several_pem_blocks() {
        for text in [OLD.to_owned(), [NEW, OLD].concat()] {
            let core::RequiredProof::CapgoSigned(ids) = required(text.clone()).unwrap() else {
                panic!("{text}")
            };
            assert_eq!(ids, VerifyingKeys::from_pem(&text).unwrap().ids());
        }
        let error = required([OLD, OLD].concat()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KeyInvalid);
    }
}

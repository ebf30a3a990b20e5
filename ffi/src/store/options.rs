//! What the host decides, and no server can change.

use std::path::PathBuf;

use capbundle_core::keys::VerifyingKey;
use capbundle_core::store as core;

use crate::archive::threads;
use crate::convert::{milliseconds, unsigned};
use crate::error::Result;
use crate::limits::Limits;

/// The least proof a store takes an archive with.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum RequiredProof {
    /// A digest that the host got over a channel it trusts, or any signature.
    Digest,
    /// A Capgo v2 signature by this key.
    CapgoSigned {
        /// The public key, as PEM text.
        public_key: String,
    },
    /// A signed release, and nothing else: what is said of a bundle is then signed as well, and nobody can give this device an
    /// older one. See `installRelease` and `updateFromChannel`.
    Release,
}

impl RequiredProof {
    fn to_core(&self) -> Result<core::RequiredProof> {
        Ok(match self {
            Self::Digest => core::RequiredProof::Digest,
            Self::CapgoSigned { public_key } => {
                core::RequiredProof::CapgoSigned(VerifyingKey::from_pem(public_key)?.id())
            }
            Self::Release => core::RequiredProof::Release,
        })
    }
}

/// How a store behaves. The required proof has no default: it is what the whole of an app's security hangs on.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct StoreOptions {
    /// The least proof an archive must come with.
    pub required_proof: RequiredProof,
    /// Where bundles are unpacked, if the host serves from a fixed place (`versions` on Android, `ionic_built_snapshots` on
    /// iOS). It must exist or have an existing parent, on the same file system as the store. Else `bundles` in its folder.
    #[uniffi(default = None)]
    pub bundles: Option<String>,
    /// Starts without confirmation after which a bundle is failed: 1 or more. One crash may have another cause.
    #[uniffi(default = 2)]
    pub attempts: i64,
    /// Silent starts in a row after which a proven bundle goes on trial again: its page started, and the process ended in the
    /// foreground before it confirmed. Also the number of later starts that a bundle must confirm before the one it replaced
    /// may go. 0 turns both off.
    #[uniffi(default = 3)]
    pub silent_starts: i64,
    /// How long a page has to confirm, in milliseconds, told by `readyDeadlineMs`: 1000 or more.
    #[uniffi(default = 10000)]
    pub app_ready_timeout_ms: i64,
    /// Start over with the built-in bundle when the native app changes, by version or build, as Capgo's `resetWhenUpdate`. If
    /// not, the current bundle goes on trial again.
    #[uniffi(default = true)]
    pub reset_when_native_changes: bool,
    /// Remove the files of a bundle that failed, as Capgo's `autoDeleteFailed`. It stays failed either way.
    #[uniffi(default = true)]
    pub auto_delete_failed: bool,
    /// Remove the bundle that a confirmed one replaces, as Capgo's `autoDeletePrevious`, once `silentStarts` later starts were
    /// confirmed.
    #[uniffi(default = true)]
    pub auto_delete_previous: bool,
    /// What an archive may unpack to; the defaults of `Limits` if left out.
    #[uniffi(default = None)]
    pub limits: Option<Limits>,
    /// Threads that unpack; one a core if left out, four at most.
    #[uniffi(default = None)]
    pub unpack_threads: Option<i64>,
    /// Milliseconds that a change waits for another process or thread before it fails with `Busy`. `launch` never waits
    /// longer than 200.
    #[uniffi(default = 10000)]
    pub lock_timeout_ms: i64,
    /// Bytes that must stay free beside what an installation takes: 32 MiB.
    #[uniffi(default = 33554432)]
    pub space_margin: i64,
    /// Compare a sample of the files with what was installed before each launch, for at most so many milliseconds. Not at
    /// all if left out.
    #[uniffi(default = None)]
    pub verify_at_launch_ms: Option<i64>,
    /// The sequence of the release that is built into the native app. Nothing with this sequence or a lower one is installed
    /// or served, so that an update from an app store is never undone over the air. Not looked at if left out, as for bundles
    /// of no sequence.
    #[uniffi(default = None)]
    pub built_in_sequence: Option<i64>,
}

impl StoreOptions {
    pub(super) fn to_core(&self) -> Result<core::StoreOptions> {
        let mut options = core::StoreOptions::default();
        options.required_proof = self.required_proof.to_core()?;
        options.bundles = self.bundles.as_ref().map(PathBuf::from);
        // More attempts than fit are as good as no limit.
        options.attempts = u32::try_from(unsigned("attempts", self.attempts)?).unwrap_or(u32::MAX);
        options.silent_starts = u32::try_from(unsigned("silentStarts", self.silent_starts)?).unwrap_or(u32::MAX);
        options.app_ready_timeout = milliseconds("appReadyTimeoutMs", self.app_ready_timeout_ms)?;
        options.reset_when_native_changes = self.reset_when_native_changes;
        options.auto_delete_failed = self.auto_delete_failed;
        options.auto_delete_previous = self.auto_delete_previous;
        options.limits = Limits::to_core(self.limits.as_ref())?;
        options.unpack_threads = threads(self.unpack_threads)?;
        options.lock_timeout = milliseconds("lockTimeoutMs", self.lock_timeout_ms)?;
        options.space_margin = unsigned("spaceMargin", self.space_margin)?;
        let budget = self.verify_at_launch_ms;
        options.verify_at_launch = budget.map(|time| milliseconds("verifyAtLaunchMs", time)).transpose()?;
        let sequence = self.built_in_sequence;
        options.built_in_sequence = sequence.map(|number| unsigned("builtInSequence", number)).transpose()?;
        Ok(options)
    }
}

//! The bundle that a session serves, and why.

use std::path::PathBuf;

use crate::store::bundle_id::BundleRef;
use crate::store::records::{FailedBundle, Incompatibility};

/// The bundle to serve in this session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Launch {
    /// The bundle.
    pub bundle: BundleRef,
    /// The folder with its files; `None` for the built-in bundle, whose location only the host knows.
    pub folder: Option<PathBuf>,
    /// Its version; `None` for the built-in bundle.
    pub version: Option<String>,
    /// Whether it must confirm.
    pub on_trial: bool,
    /// Why it was chosen.
    pub reason: LaunchReason,
    /// The bundle that this launch found to have failed, if any.
    pub failed: Option<FailedBundle>,
}

/// Why a [`Launch`] serves its bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LaunchReason {
    /// It was current before.
    Current,
    /// It was next, and its conditions are met.
    NextApplied,
    /// The host made it current in this session.
    SetCurrent,
    /// The host reset to it in this session.
    Reset,
    /// It was served by this session before its store was closed; see [`Store::resume`](crate::store::Store::resume).
    Resumed,
    /// The bundle on trial used up its starts and never confirmed. It failed, and this is the fallback.
    TrialFailed,
    /// The time to confirm ran out in this session: this is the fallback.
    TrialExpired,
    /// The bundle on trial was launched several times and its page never started. It is given up but has not failed.
    TrialNeverStarted,
    /// The bundle on trial was proven before and used up its starts without a confirmation. The cause may be another,
    /// so it has not failed. This is the fallback; the bundle is offered again after a day, or by a new release.
    SetAside,
    /// The native app changed, by version or build, and contains its own bundle.
    NativeChanged,
    /// The current bundle does not run on this native version.
    OutOfNativeRange,
    /// The native app contains a bundle that is as new as the current one or newer; see
    /// [`StoreOptions::built_in_sequence`](crate::store::StoreOptions).
    BuiltInIsNewer,
    /// Files of the current bundle were missing or changed.
    Damaged,
    /// The host previews it in this session.
    Preview,
    /// It was served by this session before a preview, which ended.
    PreviewEnded,
    /// The change that the launch requires could not be made durable (see the reason); this bundle requires none.
    NotDurable(NotDurable),
}

impl LaunchReason {
    /// The reason as a stable word in snake case, for logs and machine-readable output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::NextApplied => "next_applied",
            Self::SetCurrent => "set_current",
            Self::Reset => "reset",
            Self::Resumed => "resumed",
            Self::TrialFailed => "trial_failed",
            Self::TrialExpired => "trial_expired",
            Self::TrialNeverStarted => "trial_never_started",
            Self::SetAside => "set_aside",
            Self::NativeChanged => "native_changed",
            Self::OutOfNativeRange => "out_of_native_range",
            Self::BuiltInIsNewer => "built_in_is_newer",
            Self::Damaged => "damaged",
            Self::Preview => "preview",
            Self::PreviewEnded => "preview_ended",
            Self::NotDurable(_) => "not_durable",
        }
    }
}

impl From<Incompatibility> for LaunchReason {
    fn from(incompatibility: Incompatibility) -> Self {
        match incompatibility {
            Incompatibility::OutOfNativeRange => Self::OutOfNativeRange,
            Incompatibility::BuiltInIsNewer => Self::BuiltInIsNewer,
        }
    }
}

/// Why nothing could be written at launch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotDurable {
    /// Another process or thread held the lock for 200 ms.
    Busy,
    /// The state could not be read: no permission yet, or an I/O error.
    Unreadable(String),
    /// The state could not be written, for example because the disk is full.
    Unwritable(String),
}

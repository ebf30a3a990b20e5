//! What the state machine decides by, and what it decides.

use crate::native::NativeApp;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::records::FailedBundle;
use crate::store::session::LaunchReason;
use crate::time::Timestamp;

/// What the host configured.
#[derive(Debug, Clone)]
pub(in crate::store) struct Rules {
    pub(in crate::store) attempts: u32,
    pub(in crate::store) reset_when_native_changes: bool,
    /// Silent starts in a row after which a proven bundle goes on trial again; 0 for never.
    pub(in crate::store) silent_starts: u32,
}

/// What the state machine needs to know about the world to decide.
pub(in crate::store) struct World<'a> {
    pub(in crate::store) native: &'a NativeApp,
    /// The sequence of the release that is built into it, if the host states one.
    pub(in crate::store) built_in_sequence: Option<u64>,
    pub(in crate::store) now: Timestamp,
    /// The session that asks.
    pub(in crate::store) session: &'a str,
    /// Whether the app of that session is in the background.
    pub(in crate::store) in_background: bool,
    pub(in crate::store) facts: &'a dyn Facts,
}

/// What only a look outside can tell.
pub(in crate::store) trait Facts {
    /// Whether a session still runs.
    fn is_alive(&self, session: &str) -> bool;
    /// Whether a bundle is on the disk with its `index.html`.
    fn is_there(&self, id: &BundleId) -> bool;
    /// The sessions whose process ended in the foreground after the page of this bundle started, unconfirmed.
    fn silent_sessions(&self, id: &BundleId) -> Vec<String>;
}

/// What to serve, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Decision {
    pub(in crate::store) serve: BundleRef,
    pub(in crate::store) reason: LaunchReason,
    /// A failure that this decision found out.
    pub(in crate::store) failed: Option<FailedBundle>,
}

/// What became of a trial whose time ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum TrialEnd {
    NotOnTrial,
    /// The attempt counts; with the last one the trial is lost.
    Counted(Option<Lost>),
}

/// What becomes of a bundle that used up the attempts of its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Lost {
    /// It never proved itself with this native app: it is not taken again.
    Failed(FailedBundle),
    /// It did, so something else may be the cause (a server that is down): it is not failed, and is taken again later.
    SetAside,
}

impl Lost {
    pub(in crate::store) fn failed(self) -> Option<FailedBundle> {
        match self {
            Self::Failed(failed) => Some(failed),
            Self::SetAside => None,
        }
    }
}

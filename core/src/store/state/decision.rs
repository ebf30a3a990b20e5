//! Inputs and results of the state machine.

use crate::native::NativeApp;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::records::FailedBundle;
use crate::store::session::LaunchReason;
use crate::time::Timestamp;

/// Settings of the host.
#[derive(Debug, Clone)]
pub(in crate::store) struct Rules {
    pub(in crate::store) attempts: u32,
    pub(in crate::store) reset_when_native_changes: bool,
    /// Consecutive silent starts after which a proven bundle goes on trial again; 0 disables it.
    pub(in crate::store) silent_starts: u32,
}

/// The facts about the outside world that a decision depends on.
pub(in crate::store) struct World<'a> {
    pub(in crate::store) native: &'a NativeApp,
    /// The sequence of the built-in release, if the host states one.
    pub(in crate::store) built_in_sequence: Option<u64>,
    pub(in crate::store) now: Timestamp,
    /// The session that launches.
    pub(in crate::store) session: &'a str,
    /// Whether the app of that session is in the background.
    pub(in crate::store) in_background: bool,
    pub(in crate::store) facts: &'a dyn Facts,
}

/// Facts that need I/O.
pub(in crate::store) trait Facts {
    /// Whether a session still runs.
    fn is_alive(&self, session: &str) -> bool;
    /// Whether a bundle is on the disk with its `index.html`.
    fn is_there(&self, id: &BundleId) -> bool;
    /// The sessions whose process ended in the foreground after the page of this bundle started and before it
    /// confirmed.
    fn silent_sessions(&self, id: &BundleId) -> Vec<String>;
}

/// The bundle to serve, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Decision {
    pub(in crate::store) serve: BundleRef,
    pub(in crate::store) reason: LaunchReason,
    /// A failure found by this decision.
    pub(in crate::store) failed: Option<FailedBundle>,
}

/// The result of a trial whose time ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum TrialEnd {
    NotOnTrial,
    /// The attempt counts. The last one loses the trial.
    Counted(Option<LostTrial>),
}

/// The consequence for a bundle that used up the attempts of its trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum LostTrial {
    /// It was never proven with this native app: it has failed.
    Failed(FailedBundle),
    /// It was proven with this native app, so the cause may be another (a server that is down): it has not failed, and
    /// is offered again later.
    SetAside,
}

impl LostTrial {
    pub(in crate::store) fn failed(self) -> Option<FailedBundle> {
        match self {
            Self::Failed(failed) => Some(failed),
            Self::SetAside => None,
        }
    }
}

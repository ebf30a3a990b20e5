//! What the policy asks for: its output.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::event::{CallId, CheckAnswer, LoadId, OperationId, Timer};
use crate::error::Error;
use crate::native::NativeApp;
use crate::store::{ApplyCondition, BundleId, BundleRef, Launch, LaunchReason};
use crate::time::Timestamp;
use crate::update::protocol::ReportAction;

/// Something to do. Actions are carried out in their order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Carry out an operation of the store, and pass its outcome on as
    /// [`Completed`](super::HostEvent::Completed).
    Store {
        /// Names it in its outcome.
        id: OperationId,
        /// The operation.
        operation: StoreOperation,
    },
    /// Check for an update, download and install it, on a background thread, and pass the outcome on as
    /// [`Completed`](super::HostEvent::Completed). There is never a second one before the first has an outcome.
    Update(OperationId),
    /// Load this in the web view.
    Load(Load),
    /// Start a timer, or restart it.
    StartTimer {
        /// Which one.
        timer: Timer,
        /// When it ends.
        after: Duration,
    },
    /// Stop a timer, if it runs.
    StopTimer(Timer),
    /// Show the splash screen or hide it.
    ShowSplash(bool),
    /// Emit an event to the listeners in JavaScript.
    Notify(Announcement),
    /// Add a report for the server.
    Report(Report),
    /// Send the reports, when the network allows.
    SendReports,
    /// Reply to a call.
    Reply {
        /// The call.
        call: CallId,
        /// The reply.
        reply: Result<Reply, Arc<Error>>,
    },
}

/// An operation of a [`Store`](crate::store::Store).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreOperation {
    /// [`launch`](crate::store::Store::launch): [`Outcome::Serve`](super::Outcome::Serve).
    Launch(NativeApp),
    /// [`trial_started`](crate::store::Store::trial_started), then
    /// [`ready_deadline`](crate::store::Store::ready_deadline): [`Outcome::Deadline`](super::Outcome::Deadline).
    StartTrial(BundleId),
    /// [`confirm`](crate::store::Store::confirm): [`Outcome::Confirmed`](super::Outcome::Confirmed).
    Confirm(BundleRef),
    /// [`trial_expired`](crate::store::Store::trial_expired): [`Outcome::ServeIfAny`](super::Outcome::ServeIfAny).
    ExpireTrial {
        /// The bundle on trial.
        bundle: BundleId,
        /// The process of its page ended; otherwise its time to confirm is over.
        has_crashed: bool,
    },
    /// [`entered_background`](crate::store::Store::entered_background): [`Outcome::Done`](super::Outcome::Done).
    EnterBackground,
    /// [`entered_foreground`](crate::store::Store::entered_foreground), then
    /// [`ready_deadline`](crate::store::Store::ready_deadline): [`Outcome::Deadline`](super::Outcome::Deadline).
    EnterForeground(NativeApp),
    /// [`apply_next`](crate::store::Store::apply_next): [`Outcome::ServeIfAny`](super::Outcome::ServeIfAny).
    ApplyNext(NativeApp),
    /// [`set_next`](crate::store::Store::set_next): [`Outcome::Done`](super::Outcome::Done).
    SetNext(BundleRef),
    /// [`set_current`](crate::store::Store::set_current): [`Outcome::Serve`](super::Outcome::Serve).
    SetCurrent(BundleRef),
    /// [`set_current`](crate::store::Store::set_current), for the built-in bundle [`reset`](crate::store::Store::reset); or
    /// [`set_next`](crate::store::Store::set_next) while conditions wait or a preview is served:
    /// [`Outcome::ServeIfAny`](super::Outcome::ServeIfAny).
    ApplyUnlessDelayed(BundleRef),
    /// [`reset`](crate::store::Store::reset): [`Outcome::Serve`](super::Outcome::Serve).
    Reset {
        /// To the last bundle that confirmed.
        to_last_proven: bool,
    },
    /// [`preview`](crate::store::Store::preview): [`Outcome::Serve`](super::Outcome::Serve).
    StartPreview(BundleRef),
    /// [`leave_preview`](crate::store::Store::leave_preview): [`Outcome::Serve`](super::Outcome::Serve).
    LeavePreview(PreviewEnd),
    /// [`set_delays`](crate::store::Store::set_delays): [`Outcome::Done`](super::Outcome::Done).
    SetDelays(Vec<ApplyCondition>),
    /// [`mark_failed`](crate::store::Store::mark_failed): [`Outcome::Done`](super::Outcome::Done).
    MarkFailed(BundleId),
    /// Remember not to check before this time, also in the next process: [`Outcome::Done`](super::Outcome::Done).
    RememberWait(Option<Timestamp>),
    /// Remember that a check of this native app got an answer: the app is not new any more, also in the next process.
    /// [`Outcome::Done`](super::Outcome::Done).
    RememberAnswer,
}

/// Why a preview ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PreviewEnd {
    /// A call.
    Requested,
    /// The process of its page ended.
    PageCrashed,
    /// Its page was not ready in time.
    PageTimedOut,
}

impl PreviewEnd {
    /// The cause in snake case, for the device log. Stable.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::PageCrashed => "page_crashed",
            Self::PageTimedOut => "page_timed_out",
        }
    }
}

/// What the web view loads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Its number. A later one takes the place of an earlier one, also of one that the host has not loaded yet.
    pub id: LoadId,
    /// The bundle.
    pub bundle: BundleRef,
    /// The folder with its files; `None` for the built-in bundle, whose place only the host knows.
    pub folder: Option<PathBuf>,
    /// Its version; `None` for the built-in bundle.
    pub version: Option<String>,
    /// Why this one.
    pub reason: LaunchReason,
}

impl Load {
    /// The built-in bundle, before anything was decided.
    pub(in crate::updater) fn built_in() -> Self {
        Self {
            id: LoadId(0),
            bundle: BundleRef::BuiltIn,
            folder: None,
            version: None,
            reason: LaunchReason::Current,
        }
    }

    pub(super) fn new(id: LoadId, launch: &Launch) -> Self {
        Self {
            id,
            bundle: launch.bundle.clone(),
            folder: launch.folder.clone(),
            version: launch.version.clone(),
            reason: launch.reason.clone(),
        }
    }
}

/// An event for the listeners in JavaScript. The plugin's payload holds more: see
/// [`PluginEvent`](crate::updater::PluginEvent).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// `appReady`: a check ended, and the page confirmed.
    AppReady {
        /// The bundle of the page.
        bundle: BundleRef,
        /// What the check led to.
        status: ReadyStatus,
    },
    /// `appReloaded`: the page is loaded again.
    AppReloaded,
    /// `set`: this bundle is served from now on.
    Set(BundleRef),
    /// `setNext`: this bundle comes next.
    SetNext(BundleRef),
    /// `updateAvailable`: this bundle is installed and not served yet.
    UpdateAvailable(BundleRef),
    /// `noNeedUpdate`: there is nothing to do; with the bundle that is served.
    NoNeedUpdate(BundleRef),
    /// `updateCheckResult`: the answer of the server without an offer; with the bundle that is served.
    CheckResult {
        /// The kind.
        kind: CheckKind,
        /// What the server said.
        answer: CheckAnswer,
        /// The bundle that is served.
        bundle: BundleRef,
    },
    /// `majorAvailable` and `breakingAvailable`: this version is withheld.
    BreakingAvailable(String),
    /// `downloadFailed`: this version could not be checked for, downloaded or installed.
    DownloadFailed(Option<String>),
    /// `updateFailed`: the bundle that was on trial failed.
    UpdateFailed(BundleId),
}

/// The kind of an answer without an offer, in the words of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckKind {
    /// `up_to_date`.
    UpToDate,
    /// `blocked`.
    Blocked,
    /// `failed`.
    Failed,
}

impl CheckKind {
    /// The word of the protocol.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "up_to_date",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

/// What a check led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadyStatus {
    /// The mode checks for nothing.
    Disabled,
    /// The server asked to wait.
    Postponed,
    /// Nothing to do.
    UpToDate,
    /// A bundle was installed and is served now.
    Installed,
    /// A bundle was installed and comes next.
    Next,
    /// A bundle was installed; the app decides when it is served.
    Downloaded,
    /// A rule withholds the update.
    Blocked,
    /// The check or the download failed.
    Failed,
}

impl ReadyStatus {
    /// The status as text for `appReady`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Postponed => "update check postponed",
            Self::UpToDate => "up to date",
            Self::Installed => "update installed",
            Self::Next => "update downloaded, applied next",
            Self::Downloaded => "update downloaded",
            Self::Blocked => "update blocked",
            Self::Failed => "update failed",
        }
    }
}

/// A report for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The action, in the words of the protocol.
    pub action: ReportAction,
    /// The version that it is about; `None` for the one that is served.
    pub version: Option<String>,
    /// The version that was served before, if the action replaced it.
    pub previous: Option<String>,
}

/// The reply to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Done.
    Done,
    /// The bundle of the page that confirmed.
    Ready(BundleRef),
    /// To [`Request::CheckNow`](super::Request::CheckNow).
    Check(CheckReply),
}

/// Whether a requested check will run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckReply {
    /// It will.
    Queued,
    /// One is running.
    AlreadyRunning,
    /// It will not: updates are off, or the server asked to wait.
    Unavailable,
}

impl CheckReply {
    /// The word of the plugin's `triggerUpdateCheck`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::AlreadyRunning => "already_running",
            Self::Unavailable => "unavailable",
        }
    }
}

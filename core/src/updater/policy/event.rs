//! What happens to an app: the input of the policy.

use std::time::Duration;

use crate::error::Error;
use crate::native::NativeApp;
use crate::store::{ApplyCondition, BundleId, BundleRef, Confirmation, Launch};
use crate::time::Timestamp;
use crate::update::protocol::Notice;

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The device's clock, which may be set to any time.
    pub wall: Timestamp,
    /// Time since an arbitrary start; never goes back.
    pub monotonic: Duration,
}

/// A page that started in the web view. It belongs to the bundle that it was loaded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u64);

/// An operation that the policy asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// A call that waits for a [`Reply`](super::Action::Reply). The caller chooses the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Numbers what the web view was asked to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoadId(pub u64);

/// A timer. Starting one that runs restarts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Timer {
    /// The time of a page to confirm.
    PageReady(PageId),
    /// The next attempt to record a confirmation.
    ConfirmAgain(PageId),
    /// The next check for an update.
    Check,
    /// The longest time that the splash screen stays.
    Splash,
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostEvent {
    /// The process started, or the host asks again, for example because an activity was recreated.
    ProcessStarted {
        /// The native app.
        native: NativeApp,
        /// Whether this native app runs for the first time, after an installation or an update from an app store, or
        /// ran before and no check has got an answer since.
        native_is_new: bool,
        /// Whether the app is not visible.
        in_background: bool,
        /// No check before this time: the server requested a wait from an earlier process.
        not_before: Option<Timestamp>,
    },
    /// The web view committed to a page.
    PageStarted {
        /// What the host loaded; `None` if that is certainly what it was asked for last.
        load: Option<LoadId>,
    },
    /// The page called `notifyAppReady()`.
    PageConfirmed {
        /// The page.
        page: PageId,
        /// The call to reply to, if any.
        call: Option<CallId>,
    },
    /// The time of a page to confirm is over.
    PageTimedOut(PageId),
    /// The process that renders the page ended.
    PageCrashed(PageId),
    /// A timer ended.
    TimerFired(Timer),
    /// The app is no longer visible.
    EnteredBackground,
    /// The app is visible again.
    EnteredForeground,
    /// The device has a network again.
    ConnectivityReturned,
    /// A call that changes something.
    Called {
        /// The call to reply to.
        call: CallId,
        /// What is called.
        request: Request,
    },
    /// An operation ended.
    Completed {
        /// The operation.
        operation: OperationId,
        /// Its outcome.
        outcome: Result<Outcome, Error>,
    },
}

/// A call of JavaScript or of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// `next`: serve this bundle at the next moment that allows it.
    Next(BundleRef),
    /// `set`: serve this bundle now.
    Set(BundleRef),
    /// `reset`: serve the built-in bundle, or the last one that confirmed.
    Reset {
        /// The last bundle that confirmed.
        to_last_proven: bool,
    },
    /// `reload`: apply the next bundle, or load the page again.
    Reload,
    /// `setMultiDelay`, `cancelDelay`: replace the conditions.
    SetDelays(Vec<ApplyCondition>),
    /// `setBundleError`: never serve this bundle again.
    MarkFailed(BundleId),
    /// `setPreview`: serve this bundle for the rest of this session only.
    StartPreview(BundleRef),
    /// `resetPreview`: serve again what was served before the preview.
    LeavePreview,
    /// `triggerUpdateCheck`.
    CheckNow,
}

/// The outcome of an operation that succeeded.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// What to serve, of an operation that decides it. The decision is durable.
    Serve(Box<Launch>),
    /// As [`Serve`](Self::Serve), or nothing changed.
    ServeIfAny(Option<Box<Launch>>),
    /// The page may be on trial; if it is, it has this long to confirm.
    Deadline(Option<Duration>),
    /// The confirmation was recorded or ignored.
    Confirmed(Confirmation),
    /// The change was made.
    Done,
    /// The update ended.
    Updated(UpdateOutcome),
}

/// How an update ended: the check, and the download if there was one.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpdateOutcome {
    /// The device has the newest bundle.
    UpToDate(Option<CheckAnswer>),
    /// The server or the channel has nothing for this device, by a rule.
    Blocked(CheckAnswer),
    /// The server cannot answer this device.
    Refused(CheckAnswer),
    /// Too many requests, or the server is overloaded: do not ask for this long, if it said how long.
    Limited {
        /// What the server said.
        answer: CheckAnswer,
        /// How long to wait.
        wait: Option<Duration>,
    },
    /// This bundle is installed, and is what the device should have.
    Ready(BundleId),
    /// The device should have the built-in bundle.
    BuiltIn,
    /// This is what the device should have, and an earlier check made it the next bundle: no news for the app.
    NextAlready(BundleRef),
    /// No answer, or none that is one. The next attempt may succeed.
    Unreachable {
        /// Why.
        error: Error,
    },
    /// There is an update, and it could not be installed.
    Failed {
        /// Its version.
        version: String,
        /// Why.
        error: Error,
        /// Whether it is pointless to try again before the server offers something else.
        is_final: bool,
    },
    /// The host cancelled it.
    Cancelled,
}

/// What a server said instead of offering a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CheckAnswer {
    /// The code.
    pub code: String,
    /// The message.
    pub message: String,
    /// The HTTP status; `None` for a static channel, and without a response.
    pub status: Option<u16>,
    /// The version that the answer is about, if it names one.
    pub version: Option<String>,
    /// Whether a version is withheld because it is a major or breaking one.
    pub is_breaking: bool,
}

impl CheckAnswer {
    /// An answer with a code and a message.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// Sets the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }
}

impl From<(u16, &Notice)> for CheckAnswer {
    fn from((status, notice): (u16, &Notice)) -> Self {
        Self {
            code: notice.error.as_str().to_owned(),
            message: notice.message.clone(),
            status: Some(status),
            version: notice.version.clone(),
            is_breaking: notice.is_breaking(),
        }
    }
}

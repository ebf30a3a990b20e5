//! What a policy knows, and what every decision uses.

use std::time::Duration;

use super::action::{Action, Announcement, Load, ReadyStatus, Report, StoreOperation};
use super::event::{CallId, LoadId, Moment, OperationId, PageId, Timer};
use super::options::PolicyOptions;
use crate::native::NativeApp;
use crate::store::{BundleId, BundleRef, Launch};
use crate::update::protocol::{BUILT_IN, ReportAction};
use crate::updater::keyed_list::KeyedList;

/// The decisions of an updater. See the [module](super).
#[derive(Debug)]
pub struct Policy {
    pub(super) options: PolicyOptions,
    pub(super) last_id: u64,
    pub(super) pending: KeyedList<OperationId, Pending>,
    pub(super) native: Option<NativeApp>,
    /// What the web view was asked to load last.
    pub(super) shown: Option<Load>,
    /// What was shown before the preview that is shown; `None` outside of one.
    pub(super) under_preview: Option<Load>,
    pub(super) page: Option<Page>,
    pub(super) in_background: bool,
    pub(super) checks: Checks,
    pub(super) splash: Splash,
    /// What `appReady` says when the page confirms.
    pub(super) ready_status: Option<ReadyStatus>,
}

#[derive(Debug, Default)]
pub(super) struct Splash {
    pub(super) is_shown: bool,
    pub(super) timed_out: bool,
}

/// The actions of one event, and the time of the event.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) now: Moment,
    pub(super) actions: Vec<Action>,
}

impl Step {
    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn notify(&mut self, announcement: Announcement) {
        self.act(Action::Notify(announcement));
    }

    pub(super) fn report(&mut self, action: ReportAction) {
        self.act(Action::Report(Report {
            action,
            version: None,
            previous: None,
        }));
    }

    pub(super) fn report_version(&mut self, action: ReportAction, version: impl Into<String>) {
        self.act(Action::Report(Report {
            action,
            version: Some(version.into()),
            previous: None,
        }));
    }
}

/// What an outcome is for.
#[derive(Debug)]
pub(super) enum Pending {
    Launch,
    EnterBackground,
    EnterForeground,
    ApplyInBackground,
    Page(PendingPage),
    EndPreview,
    Update,
    /// An update that was applied at once, unless conditions wait.
    ApplyUpdate(Update),
    /// An update that comes next.
    NextUpdate(Update),
    /// The built-in bundle, because the server says so.
    ResetByServer(Update),
    Remember,
    Call(PendingCall),
}

/// What a check found.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) bundle: BundleRef,
    /// Not announced yet.
    pub(super) is_news: bool,
}

/// A page, and the bundle that it was loaded from.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) id: PageId,
    pub(super) bundle: BundleRef,
    pub(super) phase: Phase,
    /// The calls that wait for the confirmation.
    pub(super) calls: Vec<CallId>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It runs and has not confirmed.
    Started,
    /// It confirmed, and that is being recorded.
    Confirming { failures: u32 },
    /// That is recorded, or did not count.
    Confirmed,
}

/// What an outcome about a page is for.
#[derive(Debug)]
pub(super) enum PendingPage {
    StartTrial(PageId),
    Confirm(PageId),
    Expire { page: PageId, has_crashed: bool },
}

/// What is known about checks.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) running: Option<Running>,
    /// No check before this monotonic time.
    pub(super) not_before: Option<Duration>,
    /// Updates in a row that failed for a reason that may pass.
    pub(super) failures: u32,
    /// Whether the native app runs for the first time, and no check has shown yet whether it needs an update.
    pub(super) native_is_new: bool,
    /// Whether a check ended in this process.
    pub(super) has_checked: bool,
}

/// The update that runs.
#[derive(Debug)]
pub(super) struct Running {
    /// Whether the mode applies its bundle while the user waits.
    pub(super) is_direct: bool,
}

/// Whether a check was begun.
pub(super) enum Begin {
    Started,
    Running,
    /// The server asked to wait.
    TooEarly,
    /// The mode checks for nothing.
    Off,
}

/// A call whose operation runs.
#[derive(Debug)]
pub(super) struct PendingCall {
    pub(super) call: CallId,
    pub(super) effect: Effect,
}

/// What follows when the operation succeeded.
#[derive(Debug)]
pub(super) enum Effect {
    SetNext(BundleRef),
    Set,
    Reset,
    Reload,
    StartPreview,
    LeavePreview,
    SetDelays,
    MarkFailed(BundleId),
}

impl Policy {
    /// The policy of a process that has not started yet.
    #[must_use]
    pub fn new(options: PolicyOptions) -> Self {
        Self {
            options,
            last_id: 0,
            pending: KeyedList::new(),
            native: None,
            shown: None,
            under_preview: None,
            page: None,
            in_background: false,
            checks: Checks::default(),
            splash: Splash::default(),
            ready_status: None,
        }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &PolicyOptions {
        &self.options
    }

    /// What the web view was asked to load last.
    #[must_use]
    pub fn shown(&self) -> Option<&Load> {
        self.shown.as_ref()
    }

    /// What the device serves: what is [shown](Self::shown), or what was shown before the preview.
    #[must_use]
    pub fn live(&self) -> Option<&Load> {
        self.under_preview.as_ref().or(self.shown.as_ref())
    }

    /// Whether a preview is shown.
    #[must_use]
    pub fn is_previewing(&self) -> bool {
        self.under_preview.is_some()
    }

    /// The page in the web view, since it started.
    #[must_use]
    pub fn page(&self) -> Option<PageId> {
        self.page.as_ref().map(|page| page.id)
    }

    /// Whether an update runs.
    #[must_use]
    pub fn is_updating(&self) -> bool {
        self.checks.running.is_some()
    }

    /// Serves another bundle than before.
    pub(super) fn switched(&mut self, step: &mut Step, launch: &Launch) {
        let before = self.live().and_then(|load| load.version.clone());
        self.load(step, launch);
        step.notify(Announcement::Set(launch.bundle.clone()));
        step.act(Action::Report(Report {
            action: ReportAction::Set,
            version: Some(version_of(launch)),
            previous: Some(before.unwrap_or_else(|| BUILT_IN.to_owned())),
        }));
    }

    /// Loads a preview. What it replaces is shown again when it ends.
    pub(super) fn preview_started(&mut self, step: &mut Step, launch: &Launch) {
        let under = self.live().cloned();
        self.load(step, launch);
        self.under_preview = under;
        step.notify(Announcement::AppReloaded);
    }

    pub(super) fn preview_ended(&mut self, step: &mut Step, launch: &Launch) {
        self.load(step, launch);
        step.notify(Announcement::AppReloaded);
    }

    /// Loads what the store decided to serve. The page before it does not count any more.
    pub(super) fn load(&mut self, step: &mut Step, launch: &Launch) {
        if let Some(page) = self.page.take() {
            Self::forget_page(step, page);
        }
        if let Some(failed) = &launch.failed {
            step.notify(Announcement::UpdateFailed(failed.id.clone()));
            step.report_version(ReportAction::UpdateFail, failed.version.clone());
        }
        self.under_preview = None;
        self.last_id += 1;
        let load = Load::new(LoadId(self.last_id), launch);
        self.shown = Some(load.clone());
        step.act(Action::Load(load));
    }

    pub(super) fn start_splash_timer(&self, step: &mut Step) {
        let is_running = self.splash.is_shown && !self.in_background;
        // In the background no user waits for it.
        let timeout = self.options.splash.filter(|timeout| is_running && !timeout.is_zero());
        if let Some(after) = timeout {
            let timer = Timer::Splash;
            step.act(Action::StartTimer { timer, after });
        }
    }

    pub(super) fn hide_splash(&mut self, step: &mut Step) {
        if !self.splash.is_shown {
            return;
        }
        self.splash.is_shown = false;
        step.act(Action::StopTimer(Timer::Splash));
        step.act(Action::ShowSplash(false));
    }

    pub(super) fn ask(&mut self, step: &mut Step, pending: Pending, operation: StoreOperation) {
        let id = self.next_operation(pending);
        step.act(Action::Store { id, operation });
    }

    pub(super) fn next_operation(&mut self, pending: Pending) -> OperationId {
        self.last_id += 1;
        let id = OperationId(self.last_id);
        self.pending.insert(id, pending);
        id
    }

    /// The bundle that is served, also while another one is previewed.
    pub(super) fn served(&self) -> BundleRef {
        self.live().map(|load| load.bundle.clone()).unwrap_or_default()
    }
}

/// The version of what is launched, in the words of the protocol.
fn version_of(launch: &Launch) -> String {
    let built_in = || BUILT_IN.to_owned();
    launch.version.clone().unwrap_or_else(built_in)
}

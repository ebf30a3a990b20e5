//! When to check for an update, and what to do with the result.

use std::time::Duration;

use super::action::{Action, Announcement, CheckKind, ReadyStatus, StoreOperation};
use super::event::{CheckAnswer, Moment, Outcome, Timer, UpdateOutcome};
use super::state::{Begin, Checks, Pending, Policy, Running, Step, Update};
use crate::error::{Error, ErrorKind, Result};
use crate::store::BundleRef;
use crate::time::Timestamp;
use crate::update::protocol::ReportAction;
use crate::updater::mode::{CheckSituation, UpdateMode};

/// The longest time for which a server can stop the checks of a device, as in Capgo's plugin.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The wait before a failed update is tried again while the app stays visible: the network may be back, and a download
/// continues where it broke off. The last one repeats.
const RETRY_AFTER: [Duration; 3] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
];

impl Checks {
    pub(super) fn started(&mut self, now: Moment, native_is_new: bool, not_before: Option<Timestamp>) {
        self.native_is_new = native_is_new;
        // A clock that was set back would keep the device from ever asking again.
        let wait = not_before
            .map(|until| until.since(now.wall))
            .filter(|wait| *wait <= MAX_WAIT);
        self.not_before = wait.filter(|wait| !wait.is_zero()).map(|wait| now.monotonic + wait);
    }

    /// A launch ends with the first check, also a failed one: later, the user is at work. An installation waits for
    /// the first answer.
    fn situation(&self, mode: UpdateMode) -> CheckSituation {
        match (self.native_is_new, self.has_checked) {
            (true, false) => CheckSituation::AfterNativeInstall,
            (true, true) if mode == UpdateMode::AtInstall => CheckSituation::AfterNativeInstall,
            (false, false) => CheckSituation::AfterColdStart,
            (_, true) => CheckSituation::Later,
        }
    }
}

impl Update {
    fn new(bundle: BundleRef) -> Self {
        let is_news = true;
        Self { bundle, is_news }
    }
}

impl Policy {
    /// Checks, if the mode does so by itself. Otherwise the app learns that there is nothing to wait for.
    pub(super) fn check_automatically(&mut self, step: &mut Step) {
        let status = match self.begin_check(step) {
            Begin::Off => ReadyStatus::Disabled,
            Begin::TooEarly => ReadyStatus::Postponed,
            Begin::Started | Begin::Running => return,
        };
        self.ready(step, status);
        if self.page_is_ready() {
            self.hide_splash(step);
        }
    }

    pub(super) fn begin_check(&mut self, step: &mut Step) -> Begin {
        if !self.options.mode.checks_automatically() {
            return Begin::Off;
        }
        if self.checks.running.is_some() {
            return Begin::Running;
        }
        if let Some(wait) = self.remaining_wait(step.now) {
            self.start_check_timer(step, wait);
            return Begin::TooEarly;
        }
        step.act(Action::StopTimer(Timer::Check));
        let id = self.next_operation(Pending::Update);
        let is_direct = self
            .options
            .mode
            .applies_directly(self.checks.situation(self.options.mode));
        self.checks.running = Some(Running { is_direct });
        step.act(Action::Update(id));
        Begin::Started
    }

    pub(super) fn connectivity_returned(&mut self, step: &mut Step) {
        if self.checks.failures > 0 && !self.in_background && self.shown.is_some() {
            self.begin_check(step);
        }
    }

    fn remaining_wait(&self, now: Moment) -> Option<Duration> {
        let until = self.checks.not_before?;
        Some(until.saturating_sub(now.monotonic)).filter(|wait| !wait.is_zero())
    }

    fn start_check_timer(&self, step: &mut Step, after: Duration) {
        if !self.in_background {
            let timer = Timer::Check;
            step.act(Action::StartTimer { timer, after });
        }
    }

    pub(super) fn update_ended(&mut self, step: &mut Step, outcome: Result<Outcome>) {
        let Some(running) = self.checks.running.take() else {
            return;
        };
        let outcome = match outcome {
            Ok(Outcome::Updated(outcome)) => outcome,
            Ok(_) => UpdateOutcome::Cancelled,
            Err(error) => UpdateOutcome::Unreachable { error },
        };
        let is_answer = !matches!(outcome, UpdateOutcome::Unreachable { .. } | UpdateOutcome::Cancelled);
        let may_pass = match &outcome {
            UpdateOutcome::Unreachable { .. } => true,
            UpdateOutcome::Failed { is_final, .. } => !is_final,
            _ => false,
        };
        self.checks.has_checked = true;
        let is_first_answer = is_answer && std::mem::take(&mut self.checks.native_is_new);
        self.checks.failures = if may_pass {
            self.checks.failures.saturating_add(1)
        } else {
            0
        };
        self.schedule_check(step, may_pass);
        // In the background no user waits: what comes next is applied at once. During a preview nothing is applied.
        let user_waits = !self.splash.timed_out && !self.in_background && !self.is_previewing();
        let is_direct = running.is_direct && user_waits;
        match outcome {
            UpdateOutcome::Ready(id) => self.take_update(step, Update::new(BundleRef::Bundle(id)), is_direct),
            UpdateOutcome::BuiltIn => self.take_update(step, Update::new(BundleRef::BuiltIn), is_direct),
            UpdateOutcome::NextAlready(bundle) => {
                let is_news = false;
                self.take_update(step, Update { bundle, is_news }, is_direct);
            }
            UpdateOutcome::UpToDate(answer) => {
                if let Some(answer) = answer {
                    self.announce_answer(step, CheckKind::UpToDate, answer);
                }
                self.no_update(step, ReadyStatus::UpToDate);
            }
            UpdateOutcome::Blocked(answer) => {
                self.announce_answer(step, CheckKind::Blocked, answer);
                self.no_update(step, ReadyStatus::Blocked);
            }
            UpdateOutcome::Refused(answer) => self.check_failed(step, answer),
            UpdateOutcome::Limited { answer, wait } => {
                self.wait_for_server(step, wait);
                step.report(ReportAction::RateLimitReached);
                self.check_failed(step, answer);
            }
            UpdateOutcome::Unreachable { error } => {
                let answer = CheckAnswer::new(error.kind().as_str(), error.to_string());
                self.check_failed(
                    step,
                    match error {
                        Error::Server { status, .. } => answer.with_status(status),
                        _ => answer,
                    },
                );
            }
            UpdateOutcome::Failed { version, error, .. } => {
                step.report_version(failure_report(&error), version.clone());
                step.notify(Announcement::DownloadFailed(Some(version)));
                self.no_update(step, ReadyStatus::Failed);
            }
            UpdateOutcome::Cancelled => self.no_update(step, ReadyStatus::Failed),
        }
        if is_first_answer {
            // Last: if the process ends before it, the next one applies the update at once.
            self.ask(step, Pending::Remember, StoreOperation::RememberAnswer);
        }
    }

    /// The next check while the app stays visible: soon after a failure that may pass, else after the period.
    fn schedule_check(&self, step: &mut Step, may_pass: bool) {
        let retry = RETRY_AFTER[(self.checks.failures.max(1) as usize - 1).min(RETRY_AFTER.len() - 1)];
        let after = match (may_pass, self.options.period.interval()) {
            (true, Some(period)) => Some(retry.min(period)),
            (true, None) => Some(retry),
            (false, period) => period,
        };
        if let Some(after) = after {
            self.start_check_timer(step, after);
        }
    }

    fn wait_for_server(&mut self, step: &mut Step, wait: Option<Duration>) {
        let Some(wait) = wait.map(|wait| wait.min(MAX_WAIT)) else {
            return;
        };
        self.checks.not_before = Some(step.now.monotonic + wait);
        let until = Timestamp(step.now.wall.0.saturating_add(wait.as_secs()));
        self.ask(step, Pending::Remember, StoreOperation::RememberWait(Some(until)));
        self.start_check_timer(step, wait);
    }

    fn take_update(&mut self, step: &mut Step, update: Update, is_direct: bool) {
        let is_served = self.served() == update.bundle;
        // While the built-in bundle is served, a bundle that waits would undo it.
        let may_be_replaced = self.options.mode.sets_next() && update.bundle == BundleRef::BuiltIn;
        if is_served && !may_be_replaced {
            return self.no_update(step, ReadyStatus::UpToDate);
        }
        if !self.options.mode.sets_next() {
            step.notify(Announcement::UpdateAvailable(update.bundle));
            return self.ready(step, ReadyStatus::Downloaded);
        }
        let bundle = update.bundle.clone();
        match (is_direct && !is_served, &bundle) {
            (true, BundleRef::BuiltIn) => {
                let operation = StoreOperation::ApplyUnlessDelayed(bundle);
                self.ask(step, Pending::ResetByServer(update), operation);
            }
            (true, BundleRef::Bundle(_)) => {
                let operation = StoreOperation::ApplyUnlessDelayed(bundle);
                self.ask(step, Pending::ApplyUpdate(update), operation);
            }
            (false, _) if update.is_news => {
                self.ask(step, Pending::NextUpdate(update), StoreOperation::SetNext(bundle));
            }
            (false, _) => self.update_is_next(step, update),
        }
    }

    pub(super) fn update_applied(&mut self, step: &mut Step, update: Update, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::ServeIfAny(Some(launch))) => {
                self.switched(step, &launch);
                self.ready(step, ReadyStatus::Installed);
                // The splash screen stays until the page of this bundle confirms.
            }
            Err(_) => {
                step.report(ReportAction::SetFail);
                self.not_taken(step);
            }
            Ok(_) => self.update_is_next(step, update),
        }
    }

    pub(super) fn update_is_next(&mut self, step: &mut Step, update: Update) {
        let Update { bundle, is_news } = update;
        if self.served() == bundle {
            return self.no_update(step, ReadyStatus::UpToDate);
        }
        if is_news {
            step.notify(Announcement::UpdateAvailable(bundle.clone()));
            step.notify(Announcement::SetNext(bundle));
            step.report(ReportAction::SetNext);
        } else {
            step.notify(Announcement::NoNeedUpdate(self.served()));
        }
        self.ready(step, ReadyStatus::Next);
        self.hide_splash(step);
        if let Some(native) = self
            .native
            .clone()
            .filter(|_| self.in_background && !self.is_previewing())
        {
            self.ask(step, Pending::ApplyInBackground, StoreOperation::ApplyNext(native));
        }
    }

    pub(super) fn reset_by_server(&mut self, step: &mut Step, update: Update, outcome: Result<Outcome>) {
        match outcome {
            Ok(Outcome::ServeIfAny(Some(launch))) => {
                self.was_reset(step, &launch);
                self.ready(step, ReadyStatus::Installed);
            }
            Ok(_) => self.update_is_next(step, update),
            Err(_) => self.not_taken(step),
        }
    }

    /// The store refused it: it failed meanwhile, or the disk is full. The next check offers it again.
    pub(super) fn not_taken(&mut self, step: &mut Step) {
        step.notify(Announcement::DownloadFailed(None));
        self.no_update(step, ReadyStatus::Failed);
    }

    fn check_failed(&mut self, step: &mut Step, answer: CheckAnswer) {
        let version = answer.version.clone();
        self.announce_answer(step, CheckKind::Failed, answer);
        step.report(ReportAction::DownloadFail);
        step.notify(Announcement::DownloadFailed(version));
        self.no_update(step, ReadyStatus::Failed);
    }

    fn announce_answer(&mut self, step: &mut Step, kind: CheckKind, answer: CheckAnswer) {
        let breaking = answer.version.clone().filter(|_| answer.is_breaking);
        let bundle = self.served();
        step.notify(Announcement::CheckResult { kind, answer, bundle });
        if let Some(version) = breaking {
            step.notify(Announcement::BreakingAvailable(version));
        }
    }

    fn no_update(&mut self, step: &mut Step, status: ReadyStatus) {
        step.notify(Announcement::NoNeedUpdate(self.served()));
        self.ready(step, status);
        self.hide_splash(step);
    }

    /// `appReady` comes when both the check has ended and the page has confirmed.
    fn ready(&mut self, step: &mut Step, status: ReadyStatus) {
        if self.page_is_ready() {
            let bundle = self.shown.as_ref().map(|load| load.bundle.clone()).unwrap_or_default();
            step.notify(Announcement::AppReady { bundle, status });
        } else {
            self.ready_status = Some(status);
        }
    }
}

/// What is reported of a bundle that could not be installed.
fn failure_report(error: &Error) -> ReportAction {
    if matches!(error, Error::ChecksumRequired { .. }) {
        return ReportAction::ChecksumRequired;
    }
    match error.kind() {
        ErrorKind::NoSpace => ReportAction::InsufficientDiskSpace,
        ErrorKind::DigestMismatch => ReportAction::ChecksumFail,
        ErrorKind::DecryptionFailed | ErrorKind::SignatureInvalid => ReportAction::DecryptFail,
        ErrorKind::NotABundle | ErrorKind::UnsafeArchive | ErrorKind::LimitExceeded => ReportAction::UnzipFail,
        _ => ReportAction::DownloadFail,
    }
}

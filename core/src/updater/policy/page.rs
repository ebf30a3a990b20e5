//! The page in the web view: its trial, its confirmation and its end.

use std::sync::Arc;
use std::time::Duration;

use super::action::{Action, Announcement, PreviewEnd, Reply, StoreOperation};
use super::event::{CallId, LoadId, Outcome, PageId, Timer};
use super::state::{Page, Pending, PendingPage, Phase, Policy, Step};
use crate::error::{Error, ErrorKind};
use crate::store::{BundleRef, Confirmation};
use crate::update::protocol::ReportAction;

/// How often recording a confirmation is tried again. A disk that is full for longer is not emptied by waiting.
const CONFIRM_RETRIES: u32 = 5;

/// The wait before the first of these; it doubles.
const FIRST_CONFIRM_RETRY: Duration = Duration::from_millis(500);

impl Policy {
    pub(super) fn page_started(&mut self, step: &mut Step, load: Option<LoadId>) {
        // Nothing was loaded, so the page is not from a bundle.
        let Some(shown) = &self.shown else { return };
        if load.is_some_and(|load| load != shown.id) {
            // The host loaded what another decision has replaced meanwhile: that page proves nothing and must not stay.
            let shown = shown.clone();
            step.act(Action::Load(shown));
            return;
        }
        let bundle = shown.bundle.clone();
        if let Some(before) = self.page.take() {
            Self::forget_page(step, before);
        }
        self.last_id += 1;
        let id = PageId(self.last_id);
        if let BundleRef::Bundle(on_trial) = &bundle {
            let operation = StoreOperation::StartTrial(on_trial.clone());
            self.ask(step, Pending::Page(PendingPage::StartTrial(id)), operation);
        }
        self.page = Some(Page {
            id,
            bundle,
            phase: Phase::Started,
            calls: Vec::new(),
        });
    }

    pub(super) fn page_confirmed(&mut self, step: &mut Step, id: PageId, call: Option<CallId>) {
        let Some(page) = self.page.as_mut().filter(|page| page.id == id) else {
            // A page that is being replaced proves nothing, and learns nothing it could act on.
            reply_all(step, call, || Ok(Reply::Done));
            return;
        };
        match page.phase {
            Phase::Confirmed => {
                let bundle = page.bundle.clone();
                reply_all(step, call, || Ok(Reply::Ready(bundle.clone())));
            }
            Phase::Confirming { .. } => page.calls.extend(call),
            Phase::Started => {
                page.calls.extend(call);
                step.act(Action::StopTimer(Timer::PageReady(id)));
                page.phase = Phase::Confirming { failures: 0 };
                self.record_confirmation(step, id);
            }
        }
    }

    fn record_confirmation(&mut self, step: &mut Step, id: PageId) {
        let Some(page) = &self.page else { return };
        match &page.bundle {
            // It proves nothing.
            _ if self.is_previewing() => self.confirmation_recorded(step),
            BundleRef::BuiltIn => self.confirmation_recorded(step),
            BundleRef::Bundle(_) => {
                let operation = StoreOperation::Confirm(page.bundle.clone());
                self.ask(step, Pending::Page(PendingPage::Confirm(id)), operation);
            }
        }
    }

    pub(super) fn confirm_again(&mut self, step: &mut Step, id: PageId) {
        let is_confirming = |page: &Page| page.id == id && matches!(page.phase, Phase::Confirming { .. });
        if self.page.as_ref().is_some_and(is_confirming) {
            self.record_confirmation(step, id);
        }
    }

    pub(super) fn page_timed_out(&mut self, step: &mut Step, id: PageId) {
        // In the background the system may freeze the page.
        if !self.in_background {
            self.expire(step, id, false);
        }
    }

    pub(super) fn page_crashed(&mut self, step: &mut Step, id: PageId) {
        if self.page() == Some(id) {
            step.act(Action::StopTimer(Timer::PageReady(id)));
            self.expire(step, id, true);
        }
    }

    fn expire(&mut self, step: &mut Step, page: PageId, has_crashed: bool) {
        let Some(current) = self.page.as_ref().filter(|current| current.id == page) else {
            return;
        };
        if self.is_previewing() {
            let end = match (has_crashed, &current.phase) {
                (true, _) => PreviewEnd::PageCrashed,
                (false, Phase::Started) => PreviewEnd::PageTimedOut,
                (false, _) => return,
            };
            return self.ask(step, Pending::EndPreview, StoreOperation::LeavePreview(end));
        }
        match (&current.bundle, &current.phase) {
            (BundleRef::Bundle(id), Phase::Started) => {
                let bundle = id.clone();
                let operation = StoreOperation::ExpireTrial { bundle, has_crashed };
                self.ask(
                    step,
                    Pending::Page(PendingPage::Expire { page, has_crashed }),
                    operation,
                );
            }
            // It works, or there is nothing to fall back to.
            _ if has_crashed => self.load_again(step),
            _ => {}
        }
    }

    pub(super) fn page_outcome(&mut self, step: &mut Step, pending: PendingPage, outcome: Result<Outcome, Error>) {
        match (pending, outcome) {
            (PendingPage::StartTrial(id), Ok(Outcome::Deadline(deadline))) if self.page() == Some(id) => {
                self.restart_page_timer(step, deadline);
            }
            (PendingPage::Confirm(id), outcome) if self.page() == Some(id) => self.confirmed(step, outcome),
            (PendingPage::Expire { .. }, Ok(Outcome::ServeIfAny(Some(launch)))) => {
                step.report(ReportAction::AppLaunchTimeout);
                self.load(step, &launch);
                self.hide_splash(step);
            }
            // Not on trial. The dead page is loaded again; one that is only slow stays.
            (
                PendingPage::Expire {
                    page,
                    has_crashed: true,
                },
                _,
            ) if self.page() == Some(page) => self.load_again(step),
            // Of a page that is gone. An error of the first and the last leaves the decision to the next launch.
            (PendingPage::StartTrial(_) | PendingPage::Confirm(_) | PendingPage::Expire { .. }, _) => {}
        }
    }

    fn confirmed(&mut self, step: &mut Step, outcome: Result<Outcome, Error>) {
        match outcome {
            Ok(Outcome::Confirmed(Confirmation::Proven | Confirmation::AlreadyProven | Confirmation::BuiltIn)) => {
                self.confirmation_recorded(step);
            }
            Err(error) => self.confirmation_failed(step, error),
            // Its bundle is not current any more.
            Ok(_) => self.end_confirmation(step, || Ok(Reply::Done)),
        }
    }

    fn confirmation_recorded(&mut self, step: &mut Step) {
        let bundle = self.page.as_ref().map(|page| page.bundle.clone()).unwrap_or_default();
        self.end_confirmation(step, || Ok(Reply::Ready(bundle.clone())));
        if !self.is_previewing() {
            step.report(ReportAction::AppLaunchReady);
        }
        if let Some(status) = self.ready_status.take() {
            step.notify(Announcement::AppReady { bundle, status });
        }
        if self.checks.running.is_none() {
            self.hide_splash(step);
        }
    }

    fn end_confirmation(&mut self, step: &mut Step, reply: impl Fn() -> Result<Reply, Arc<Error>>) {
        let Some(page) = &mut self.page else { return };
        page.phase = Phase::Confirmed;
        reply_all(step, std::mem::take(&mut page.calls), reply);
    }

    fn confirmation_failed(&mut self, step: &mut Step, error: Error) {
        let Some(page) = &mut self.page else { return };
        let Phase::Confirming { failures } = &mut page.phase else {
            return;
        };
        let is_temporary = matches!(error.kind(), ErrorKind::Busy | ErrorKind::NoSpace | ErrorKind::Io);
        if is_temporary && *failures < CONFIRM_RETRIES {
            let after = FIRST_CONFIRM_RETRY * 2_u32.pow(*failures);
            *failures += 1;
            let timer = Timer::ConfirmAgain(page.id);
            step.act(Action::StartTimer { timer, after });
            return;
        }
        // The page works, and may call again. Its time does not start again: the next launch decides.
        page.phase = Phase::Started;
        let error = Arc::new(error);
        reply_all(step, std::mem::take(&mut page.calls), || Err(Arc::clone(&error)));
    }

    /// The page gets its full time, from now on.
    pub(super) fn restart_page_timer(&self, step: &mut Step, deadline: Option<Duration>) {
        let Some(page) = self.page.as_ref().filter(|page| page.phase == Phase::Started) else {
            return;
        };
        if let Some(after) = deadline.filter(|_| !self.in_background) {
            let timer = Timer::PageReady(page.id);
            step.act(Action::StartTimer { timer, after });
        }
    }

    pub(super) fn load_again(&mut self, step: &mut Step) {
        if let Some(page) = self.page.take() {
            Self::forget_page(step, page);
        }
        if let Some(shown) = &mut self.shown {
            self.last_id += 1;
            shown.id = LoadId(self.last_id);
            step.act(Action::Load(shown.clone()));
        }
    }

    /// A page that is replaced: its timers do not count, and who waits for it gets a reply.
    pub(super) fn forget_page(step: &mut Step, page: Page) {
        step.act(Action::StopTimer(Timer::PageReady(page.id)));
        if matches!(page.phase, Phase::Confirming { .. }) {
            step.act(Action::StopTimer(Timer::ConfirmAgain(page.id)));
        }
        reply_all(step, page.calls, || Ok(Reply::Done));
    }

    pub(super) fn page_is_ready(&self) -> bool {
        self.page.as_ref().is_some_and(|page| page.phase == Phase::Confirmed)
    }
}

fn reply_all(step: &mut Step, calls: impl IntoIterator<Item = CallId>, reply: impl Fn() -> Result<Reply, Arc<Error>>) {
    for call in calls {
        step.act(Action::Reply { call, reply: reply() });
    }
}

//! Which decision an event leads to.

use super::action::{Action, StoreOperation};
use super::event::{HostEvent, Moment, OperationId, Outcome, Timer};
use super::state::{Pending, Policy, Step};
use crate::error::Error;
use crate::native::NativeApp;
use crate::store::Launch;
use crate::time::Timestamp;
use crate::update::protocol::ReportAction;
use crate::updater::mode::UpdateMode;

impl Policy {
    /// What to do about an event.
    pub fn handle(&mut self, now: Moment, event: HostEvent) -> Vec<Action> {
        let mut step = Step {
            now,
            actions: Vec::new(),
        };
        match event {
            HostEvent::ProcessStarted {
                native,
                native_is_new,
                in_background,
                not_before,
            } => self.process_started(&mut step, native, (native_is_new, in_background), not_before),
            HostEvent::PageStarted { load } => self.page_started(&mut step, load),
            HostEvent::PageConfirmed { page, call } => self.page_confirmed(&mut step, page, call),
            HostEvent::PageTimedOut(page) => self.page_timed_out(&mut step, page),
            HostEvent::PageCrashed(page) => self.page_crashed(&mut step, page),
            HostEvent::TimerFired(timer) => self.timer_fired(&mut step, timer),
            HostEvent::EnteredBackground => self.entered_background(&mut step),
            HostEvent::EnteredForeground => self.entered_foreground(&mut step),
            HostEvent::ConnectivityReturned => self.connectivity_returned(&mut step),
            HostEvent::Called { call, request } => self.called(&mut step, call, request),
            HostEvent::Completed { operation, outcome } => self.completed(&mut step, operation, outcome),
        }
        step.actions
    }

    fn process_started(
        &mut self,
        step: &mut Step,
        native: NativeApp,
        (native_is_new, in_background): (bool, bool),
        not_before: Option<Timestamp>,
    ) {
        if self.shown.is_some() {
            // An activity was recreated: the decision of this process stands.
            self.load_again(step);
            return;
        }
        if self.native.is_some() {
            // The launch decision is on its way.
            return;
        }
        self.native = Some(native.clone());
        self.in_background = in_background;
        self.checks.started(step.now, native_is_new, not_before);
        if in_background {
            // Before the launch, so that nothing counts against the bundle that it serves.
            self.ask(step, Pending::EnterBackground, StoreOperation::EnterBackground);
        }
        self.ask(step, Pending::Launch, StoreOperation::Launch(native));
        self.splash.is_shown = self.options.splash.is_some();
        self.start_splash_timer(step);
    }

    fn launched(&mut self, step: &mut Step, launch: &Launch) {
        self.load(step, launch);
        if self.in_background {
            return;
        }
        self.check_automatically(step);
    }

    fn entered_background(&mut self, step: &mut Step) {
        let Some(native) = self.native.clone() else { return };
        if self.in_background {
            return;
        }
        self.in_background = true;
        self.splash.timed_out = false;
        if let Some(page) = &self.page {
            step.act(Action::StopTimer(Timer::PageReady(page.id)));
        }
        step.act(Action::StopTimer(Timer::Check));
        step.act(Action::StopTimer(Timer::Splash));
        if self.options.splash.is_some() && self.options.mode == UpdateMode::Always {
            // What the task switcher shows, and what the user sees while the next check runs.
            self.splash.is_shown = true;
            step.act(Action::ShowSplash(true));
        }
        self.ask(step, Pending::EnterBackground, StoreOperation::EnterBackground);
        if !self.is_previewing() {
            self.ask(step, Pending::ApplyInBackground, StoreOperation::ApplyNext(native));
        }
        step.report(ReportAction::AppMovedToBackground);
        step.act(Action::SendReports);
    }

    fn entered_foreground(&mut self, step: &mut Step) {
        let Some(native) = self.native.clone() else { return };
        if !self.in_background {
            return;
        }
        self.in_background = false;
        self.ask(step, Pending::EnterForeground, StoreOperation::EnterForeground(native));
        step.report(ReportAction::AppMovedToForeground);
        // The one of the mode `always`: from now on the user sees it.
        self.start_splash_timer(step);
        if self.shown.is_some() {
            self.check_automatically(step);
        }
    }

    fn timer_fired(&mut self, step: &mut Step, timer: Timer) {
        match timer {
            Timer::PageReady(page) => self.page_timed_out(step, page),
            Timer::ConfirmAgain(page) => self.confirm_again(step, page),
            Timer::Check => drop(self.begin_check(step)),
            Timer::Splash => {
                self.splash.timed_out = self.splash.is_shown;
                self.hide_splash(step);
            }
        }
    }

    fn completed(&mut self, step: &mut Step, operation: OperationId, outcome: Result<Outcome, Error>) {
        // An outcome that comes twice, or of an operation that another process asked for.
        let Some(pending) = self.pending.remove(operation) else {
            return;
        };
        match (pending, outcome) {
            (Pending::Launch, Ok(Outcome::Serve(launch))) => self.launched(step, &launch),
            (Pending::ApplyInBackground, Ok(Outcome::ServeIfAny(Some(launch)))) => self.switched(step, &launch),
            (Pending::EnterForeground, Ok(Outcome::Deadline(deadline))) => self.restart_page_timer(step, deadline),
            (Pending::EndPreview, Ok(Outcome::Serve(launch))) => self.preview_ended(step, &launch),
            (Pending::Page(pending), outcome) => self.page_outcome(step, pending, outcome),
            (Pending::Update, outcome) => self.update_ended(step, outcome),
            (Pending::ApplyUpdate(update), outcome) => self.update_applied(step, update, outcome),
            (Pending::NextUpdate(update), Ok(_)) => self.update_is_next(step, update),
            (Pending::NextUpdate(_), Err(_)) => self.not_taken(step),
            (Pending::ResetByServer(update), outcome) => self.reset_by_server(step, update, outcome),
            (Pending::Call(pending), outcome) => self.call_ended(step, pending, outcome),
            // A launch cannot fail. The caller logs the errors of the others: there is nothing to decide.
            (
                Pending::Launch
                | Pending::EnterBackground
                | Pending::EnterForeground
                | Pending::ApplyInBackground
                | Pending::EndPreview
                | Pending::Remember,
                _,
            ) => {}
        }
    }
}

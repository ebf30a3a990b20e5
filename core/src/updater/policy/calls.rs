//! Calls of JavaScript and of the host.

use std::sync::Arc;

use super::action::{Action, Announcement, CheckReply, PreviewEnd, Reply, StoreOperation};
use super::event::{CallId, Outcome, Request};
use super::state::{Begin, Effect, Pending, PendingCall, Policy, Step};
use crate::error::{Error, Result};
use crate::store::Launch;
use crate::update::protocol::ReportAction;

impl Policy {
    pub(super) fn called(&mut self, step: &mut Step, call: CallId, request: Request) {
        let Some(native) = self.native.clone().filter(|_| self.shown.is_some()) else {
            fail(
                step,
                call,
                Error::invalid_input("updater", "call start before any other call"),
            );
            return;
        };
        let (effect, operation) = match request {
            Request::CheckNow => return self.check_now(step, call),
            Request::Next(bundle) => (Effect::SetNext(bundle.clone()), StoreOperation::SetNext(bundle)),
            Request::Set(bundle) => (Effect::Set, StoreOperation::SetCurrent(bundle)),
            Request::Reset { to_last_proven } => (Effect::Reset, StoreOperation::Reset { to_last_proven }),
            Request::Reload if self.is_previewing() => {
                self.load_again(step);
                step.notify(Announcement::AppReloaded);
                return succeed(step, call, Reply::Done);
            }
            Request::Reload => (Effect::Reload, StoreOperation::ApplyNext(native)),
            Request::StartPreview(_) | Request::LeavePreview if !self.options.allow_preview => {
                let problem = "not allowed; set allowPreview in the app's configuration";
                return fail(step, call, Error::invalid_input("preview", problem));
            }
            Request::StartPreview(bundle) => (Effect::StartPreview, StoreOperation::StartPreview(bundle)),
            Request::LeavePreview => {
                let operation = StoreOperation::LeavePreview(PreviewEnd::Requested);
                (Effect::LeavePreview, operation)
            }
            Request::SetDelays(conditions) => (Effect::SetDelays, StoreOperation::SetDelays(conditions)),
            Request::MarkFailed(_) if !self.options.allow_bundle_error => {
                let problem = "not allowed; set allowManualBundleError in the app's configuration";
                fail(step, call, Error::invalid_input("setBundleError", problem));
                return;
            }
            Request::MarkFailed(id) => (Effect::MarkFailed(id.clone()), StoreOperation::MarkFailed(id)),
        };
        self.ask(step, Pending::Call(PendingCall { call, effect }), operation);
    }

    fn check_now(&mut self, step: &mut Step, call: CallId) {
        let reply = match self.begin_check(step) {
            Begin::Started => CheckReply::Queued,
            Begin::Running => CheckReply::AlreadyRunning,
            Begin::Off | Begin::TooEarly => CheckReply::Unavailable,
        };
        succeed(step, call, Reply::Check(reply));
    }

    pub(super) fn call_ended(&mut self, step: &mut Step, pending: PendingCall, outcome: Result<Outcome>) {
        let PendingCall { call, effect } = pending;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                if matches!(effect, Effect::Set) {
                    step.report(ReportAction::SetFail);
                }
                return fail(step, call, error);
            }
        };
        match (effect, outcome) {
            (Effect::SetNext(bundle), _) => {
                step.notify(Announcement::SetNext(bundle));
                step.report(ReportAction::SetNext);
            }
            (Effect::Set, Outcome::Serve(launch)) => self.switched(step, &launch),
            (Effect::Reset, Outcome::Serve(launch)) => self.was_reset(step, &launch),
            (Effect::StartPreview, Outcome::Serve(launch)) => self.preview_started(step, &launch),
            (Effect::LeavePreview, Outcome::Serve(launch)) => self.preview_ended(step, &launch),
            (Effect::Reload, Outcome::ServeIfAny(Some(launch))) => {
                self.switched(step, &launch);
                step.notify(Announcement::AppReloaded);
            }
            (Effect::Reload, _) => {
                self.load_again(step);
                step.notify(Announcement::AppReloaded);
            }
            (Effect::MarkFailed(id), _) => {
                step.notify(Announcement::UpdateFailed(id));
                step.report(ReportAction::UpdateFail);
            }
            // An outcome of another kind says nothing that could be announced.
            (Effect::SetDelays | Effect::Set | Effect::Reset | Effect::StartPreview | Effect::LeavePreview, _) => {}
        }
        succeed(step, call, Reply::Done);
    }

    pub(super) fn was_reset(&mut self, step: &mut Step, launch: &Launch) {
        self.load(step, launch);
        step.notify(Announcement::AppReloaded);
        step.report(ReportAction::Reset);
    }
}

fn succeed(step: &mut Step, call: CallId, reply: Reply) {
    let reply = Ok(reply);
    step.act(Action::Reply { call, reply });
}

fn fail(step: &mut Step, call: CallId, error: Error) {
    let reply = Err(Arc::new(error));
    step.act(Action::Reply { call, reply });
}

//! Carrying out the operations of the store that the policy asks for, and recording their outcomes in the log.

use super::facade::Updater;
use super::log_entry::{LogEntry, LogEvent};
use super::policy::{Outcome, StoreOperation};
use crate::error::Result;
use crate::native::NativeApp;
use crate::store::{BundleId, BundleRef, Confirmation, Expired, Launch, LaunchReason};
use crate::time::Timestamp;

impl Updater {
    /// Carries out an operation. A failure is recorded, since the policy may have nothing to decide about it.
    pub(super) fn carry_out(&self, operation: &StoreOperation) -> Result<Outcome> {
        let preview = self.store.served().filter(|_| self.store.is_previewing());
        let outcome = self.perform(operation);
        if let Some(preview) = preview.filter(|_| !self.store.is_previewing()) {
            let reason = match operation {
                StoreOperation::LeavePreview(end) => end.as_str(),
                _ => "replaced",
            };
            let entry = self.log.entry(LogEvent::PreviewEnded).with_launch(&preview);
            self.log.write(&entry.with_reason(reason));
        }
        if let Err(error) = &outcome {
            let entry = self.log.entry(LogEvent::OperationFailed).with_error(error);
            self.log.write(&about(entry, operation).with_reason(name_of(operation)));
        }
        outcome
    }

    fn perform(&self, operation: &StoreOperation) -> Result<Outcome> {
        let store = &self.store;
        Ok(match operation {
            StoreOperation::Launch(native) => {
                let launch = store.launch(native);
                self.log_launch(LogEvent::Launch, &launch);
                Outcome::Serve(Box::new(launch))
            }
            StoreOperation::StartTrial(id) => {
                store.trial_started(id)?;
                Outcome::Deadline(store.ready_deadline())
            }
            StoreOperation::Confirm(bundle) => {
                let confirmation = store.confirm(bundle)?;
                if confirmation == Confirmation::Proven {
                    self.log.write(&self.log_of(LogEvent::Confirmed, bundle));
                }
                Outcome::Confirmed(confirmation)
            }
            StoreOperation::ExpireTrial { bundle, has_crashed } => {
                Outcome::ServeIfAny(self.expire_trial(bundle, *has_crashed)?)
            }
            StoreOperation::EnterBackground => {
                store.entered_background()?;
                Outcome::Done
            }
            StoreOperation::EnterForeground(native) => {
                store.entered_foreground(native)?;
                Outcome::Deadline(store.ready_deadline())
            }
            StoreOperation::ApplyNext(native) => Outcome::ServeIfAny(self.apply_next(native)?),
            StoreOperation::SetNext(bundle) => {
                self.set_next(bundle)?;
                Outcome::Done
            }
            StoreOperation::SetCurrent(bundle) => Outcome::Serve(Box::new(self.set_current(bundle)?)),
            // Also makes the built-in bundle the fallback.
            StoreOperation::ApplyUnlessDelayed(BundleRef::BuiltIn) if self.may_apply()? => {
                let launch = store.reset(false)?;
                self.log_launch(LogEvent::Reset, &launch);
                Outcome::ServeIfAny(Some(Box::new(launch)))
            }
            StoreOperation::ApplyUnlessDelayed(bundle) if self.may_apply()? => {
                Outcome::ServeIfAny(Some(Box::new(self.set_current(bundle)?)))
            }
            StoreOperation::ApplyUnlessDelayed(bundle) => {
                self.set_next(bundle)?;
                Outcome::ServeIfAny(None)
            }
            StoreOperation::Reset { to_last_proven } => {
                let launch = store.reset(*to_last_proven)?;
                self.log_launch(LogEvent::Reset, &launch);
                Outcome::Serve(Box::new(launch))
            }
            StoreOperation::StartPreview(bundle) => {
                let launch = store.preview(bundle)?;
                self.log_launch(LogEvent::PreviewStarted, &launch);
                Outcome::Serve(Box::new(launch))
            }
            StoreOperation::LeavePreview(_) => Outcome::Serve(Box::new(store.leave_preview()?)),
            StoreOperation::SetDelays(delays) => {
                store.set_delays(delays.clone())?;
                Outcome::Done
            }
            StoreOperation::MarkFailed(id) => {
                let entry = self.log_of(LogEvent::Failed, &BundleRef::Bundle(id.clone()));
                store.mark_failed(id)?;
                self.log.write(&entry.with_reason("reported"));
                Outcome::Done
            }
            StoreOperation::RememberWait(until) => {
                self.settings.change(|settings| settings.retry_after_until = *until)?;
                Outcome::Done
            }
            StoreOperation::RememberAnswer => {
                self.settings.change(|settings| settings.native_is_new = false)?;
                Outcome::Done
            }
        })
    }

    fn may_apply(&self) -> Result<bool> {
        Ok(!self.store.is_previewing() && self.store.delays()?.is_empty())
    }

    fn expire_trial(&self, id: &BundleId, has_crashed: bool) -> Result<Option<Box<Launch>>> {
        let before = self.version_of(&BundleRef::Bundle(id.clone()));
        let Expired::FallBack(launch) = self.store.trial_expired(id)? else {
            return Ok(None);
        };
        self.log_failure(&launch);
        let entry = self.log.entry(LogEvent::FellBack).with_launch(&launch);
        let entry = if has_crashed {
            entry.with_reason("page_crashed")
        } else {
            entry
        };
        let entry = match &before {
            Some(version) => entry.with_previous(version),
            None => entry,
        };
        self.log.write(&entry);
        Ok(Some(launch))
    }

    fn apply_next(&self, native: &NativeApp) -> Result<Option<Box<Launch>>> {
        let launch = self.store.apply_next(native)?;
        if let Some(launch) = &launch {
            self.log_launch(LogEvent::Applied, launch);
        }
        Ok(launch.map(Box::new))
    }

    fn set_current(&self, bundle: &BundleRef) -> Result<Launch> {
        let launch = self.store.set_current(bundle)?;
        self.log_launch(LogEvent::Applied, &launch);
        Ok(launch)
    }

    fn set_next(&self, bundle: &BundleRef) -> Result<()> {
        if *bundle == BundleRef::BuiltIn && self.store.current()? == BundleRef::BuiltIn {
            // It is served already; a bundle that waits would replace it.
            return match self.store.next()? {
                Some(_) => self.store.clear_next(),
                None => Ok(()),
            };
        }
        self.store.set_next(bundle)?;
        self.log.write(&self.log_of(LogEvent::NextSet, bundle));
        Ok(())
    }

    /// The native app, compared with the one of the last start: whether it is new, or was in an earlier process whose
    /// checks got no answer; and the wait that the server asked an earlier process for.
    pub(super) fn see_native(&self, native: &NativeApp) -> (bool, Option<Timestamp>) {
        let settings = match self.settings.load() {
            Ok(settings) => settings,
            Err(error) => {
                // Before the first unlock of the device, for example. As after any other start.
                self.log.write(
                    &self
                        .log
                        .entry(LogEvent::OperationFailed)
                        .with_error(&error)
                        .with_reason("settings"),
                );
                return (false, None);
            }
        };
        let is_new = settings.native.as_ref() != Some(native);
        if is_new {
            if let Some(before) = &settings.native {
                let entry = self.log.entry(LogEvent::NativeAppChanged);
                self.log.write(
                    &entry
                        .with_version(native.version.as_str())
                        .with_previous(before.version.as_str()),
                );
            }
            let noted = self.settings.change(|settings| {
                settings.native = Some(native.clone());
                settings.native_is_new = true;
            });
            if let Err(error) = noted {
                self.log.write(
                    &self
                        .log
                        .entry(LogEvent::OperationFailed)
                        .with_error(&error)
                        .with_reason("settings"),
                );
            }
        }
        (is_new || settings.native_is_new, settings.retry_after_until)
    }

    /// The bundle that used up its starts, if this launch found one.
    fn log_failure(&self, launch: &Launch) {
        if let Some(failed) = &launch.failed {
            let entry = self.log.entry(LogEvent::Failed).with_bundle(failed.id.clone());
            self.log
                .write(&entry.with_version(&failed.version).with_reason(failed.cause.as_str()));
        }
    }

    fn log_launch(&self, event: LogEvent, launch: &Launch) {
        self.log_failure(launch);
        let is_fall_back = matches!(
            launch.reason,
            LaunchReason::TrialFailed
                | LaunchReason::TrialNeverStarted
                | LaunchReason::SetAside
                | LaunchReason::OutOfNativeRange
                | LaunchReason::BuiltInIsNewer
                | LaunchReason::Damaged
        );
        let event = match event {
            LogEvent::Launch if is_fall_back => LogEvent::FellBack,
            LogEvent::Launch if launch.reason == LaunchReason::NextApplied => LogEvent::Applied,
            event => event,
        };
        self.log.write(&self.log.entry(event).with_launch(launch));
    }

    /// An entry about a bundle, with its version if the store can say.
    pub(super) fn log_of(&self, event: LogEvent, bundle: &BundleRef) -> LogEntry {
        let entry = self.log.entry(event).with_bundle(bundle.clone());
        match self.version_of(bundle) {
            Some(version) => entry.with_version(&version),
            None => entry,
        }
    }

    pub(super) fn version_of(&self, bundle: &BundleRef) -> Option<String> {
        let id: &BundleId = bundle.bundle()?;
        self.store.get(id).ok().map(|record| record.version)
    }
}

fn about(entry: LogEntry, operation: &StoreOperation) -> LogEntry {
    match operation {
        StoreOperation::StartTrial(id)
        | StoreOperation::ExpireTrial { bundle: id, .. }
        | StoreOperation::MarkFailed(id) => entry.with_bundle(id.clone()),
        StoreOperation::Confirm(bundle)
        | StoreOperation::SetNext(bundle)
        | StoreOperation::SetCurrent(bundle)
        | StoreOperation::StartPreview(bundle)
        | StoreOperation::ApplyUnlessDelayed(bundle) => entry.with_bundle(bundle.clone()),
        _ => entry,
    }
}

/// The operation as a stable word, for the log.
fn name_of(operation: &StoreOperation) -> &'static str {
    match operation {
        StoreOperation::Launch(_) => "launch",
        StoreOperation::StartTrial(_) => "start_trial",
        StoreOperation::Confirm(_) => "confirm",
        StoreOperation::ExpireTrial { .. } => "expire_trial",
        StoreOperation::EnterBackground => "enter_background",
        StoreOperation::EnterForeground(_) => "enter_foreground",
        StoreOperation::ApplyNext(_) => "apply_next",
        StoreOperation::SetNext(_) => "set_next",
        StoreOperation::SetCurrent(_) => "set_current",
        StoreOperation::ApplyUnlessDelayed(_) => "apply",
        StoreOperation::Reset { .. } => "reset",
        StoreOperation::StartPreview(_) => "start_preview",
        StoreOperation::LeavePreview(_) => "leave_preview",
        StoreOperation::SetDelays(_) => "set_delays",
        StoreOperation::MarkFailed(_) => "mark_failed",
        StoreOperation::RememberWait(_) => "remember_wait",
        StoreOperation::RememberAnswer => "remember_answer",
    }
}

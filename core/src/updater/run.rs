//! What the updater does on the host's background thread.

use std::sync::{Arc, TryLockError};
use std::time::Duration;

use super::facade::{Updater, Work};
use super::options::Source;
use super::policy::{HostEvent, OperationId, Outcome, UpdateOutcome};
use crate::error::Result;
use crate::progress::Control;

/// How soon a thread that waits notices a cancellation by itself. [`Updater::wake_up`] makes it notice at once.
const CANCEL_POLL: Duration = Duration::from_secs(5);

impl Updater {
    /// Carries out what waits: a check with its download and installation, the time of a page to confirm, the files of
    /// deleted bundles, reports. Returns when nothing is left, with the time until there is something again, if that is
    /// known.
    ///
    /// Call it on a background thread, when [`Host::wake`](super::Host::wake) is called and after that time. One thread
    /// at a time does the work; another one returns at once. What fails is an event and an entry of the log.
    ///
    /// Interrupted anywhere, also by the end of the process, the update continues at the next start: a download from
    /// its last byte.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn run(self: &Arc<Self>, control: &Control) -> Result<Option<Duration>> {
        let _runner = match self.runner.try_lock() {
            Ok(runner) => runner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        loop {
            control.check("run the updater")?;
            match self.next_work() {
                Work::Timer(timer) => self.told(HostEvent::TimerFired(timer)),
                Work::Update(operation) => self.carry_out_update(operation, control),
                Work::Sweep => self.sweep(),
                Work::Reports => self.send_reports(control),
                Work::Wait(until) => return Ok(until),
            }
        }
    }

    /// Carries out what comes up, until `control` is cancelled. The one background thread of an app.
    ///
    /// Between two pieces of work it waits and costs nothing. After cancelling, call [`wake_up`](Self::wake_up), or the
    /// thread ends some seconds later.
    pub fn run_until_cancelled(self: &Arc<Self>, control: &Control) {
        while let Ok(until) = self.run(control) {
            self.wait_for_work(until.map_or(CANCEL_POLL, |until| until.min(CANCEL_POLL)));
        }
    }

    /// Lets the thread in [`run_until_cancelled`](Self::run_until_cancelled) look whether it was cancelled.
    pub fn wake_up(&self) {
        self.wake_runner();
    }

    fn carry_out_update(self: &Arc<Self>, operation: OperationId, control: &Control) {
        let mut running = RunningUpdate {
            updater: self,
            operation: Some(operation),
        };
        let outcome = match &self.options.source {
            Source::Server(server) => self.update_from_server(server, control),
            Source::Channel(channel) => self.update_from_channel(channel, control),
        };
        running.end(outcome);
        self.wants_reports();
    }

    fn sweep(&self) {
        if let Err(error) = self.store.sweep() {
            self.log_problem("sweep", &error);
        }
    }
}

/// An update without an outcome would keep every later one from starting.
struct RunningUpdate<'a> {
    updater: &'a Updater,
    operation: Option<OperationId>,
}

impl RunningUpdate<'_> {
    fn end(&mut self, outcome: UpdateOutcome) {
        if let Some(operation) = self.operation.take() {
            let outcome = Ok(Outcome::Updated(outcome));
            self.updater.told(HostEvent::Completed { operation, outcome });
        }
    }
}

impl Drop for RunningUpdate<'_> {
    fn drop(&mut self) {
        self.end(UpdateOutcome::Cancelled);
    }
}

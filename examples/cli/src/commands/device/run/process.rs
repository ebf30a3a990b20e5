//! A process of the app: its store, its updater and the thread that does its work.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use capbundle::progress::{CancelToken, Control};
use capbundle::time::UtcOffset;
use capbundle::updater::policy::{Reply, Request};
use capbundle::updater::{BridgeCall, DeviceLog, Load, Page, Ready, Updater};
use serde_json::{Value, json};

use super::command::Command;
use super::input::POLL_INTERVAL;
use super::screen::Screen;
use super::settings::Settings;
use crate::commands::device::app::Device;
use crate::commands::device::{documents, log, status};
use crate::error::{Failure, Result};
use crate::interrupt;
use crate::output::Output;

pub(super) struct Process<'a> {
    device: &'a Device<'a>,
    settings: &'a Settings,
    output: &'a Output,
    screen: Arc<Screen>,
    updater: Arc<Updater>,
    /// `None` for a script, whose commands do the work themselves.
    worker: Option<Worker>,
}

/// The background thread of an app.
struct Worker {
    stop: CancelToken,
    thread: JoinHandle<()>,
}

impl<'a> Process<'a> {
    /// Starts the app, and loads what its updater decides.
    pub(super) fn start(
        device: &'a Device<'a>,
        settings: &'a Settings,
        in_background: bool,
        has_worker: bool,
    ) -> Result<Self> {
        let store = Arc::new(device.new_process(&settings.native, settings.proof)?);
        let output = device.output();
        let screen = Arc::new(Screen::new(output.clone(), DeviceLog::of(&store))?);
        let (transport, options) = (Arc::clone(&settings.transport), settings.options.clone());
        let updater = Arc::new(Updater::new(store, transport, Arc::<Screen>::clone(&screen), options)?);
        screen.attach(&updater);
        let mut process = Self {
            device,
            settings,
            output,
            screen,
            updater,
            worker: None,
        };
        process.show(Some(process.updater.start(&settings.native, in_background)));
        if has_worker {
            process.worker = Some(Worker::start(&process.updater)?);
        }
        process.settle()?;
        Ok(process)
    }

    pub(super) fn carry_out(&self, command: &Command) -> Result<()> {
        match command {
            Command::Ready => self.ready()?,
            Command::Hang => self.hang()?,
            Command::Crash => self.show(self.page()?.crashed()),
            Command::Background => self.show(self.updater.background()),
            Command::Foreground => self.show(self.updater.foreground()),
            Command::Online => self.updater.connectivity_returned(),
            Command::Check => self.check()?,
            Command::Wait(time) => self.wait(*time)?,
            Command::Call { method, arguments } => self.call(method, arguments)?,
            Command::Status => self.status()?,
            Command::Log => self.log()?,
            // Those of the session of commands, not of a process.
            Command::Restart | Command::Kill | Command::Quit | Command::Help => {}
        }
        self.settle()
    }

    /// Does the work that is left, if no thread does, and prints what happened.
    fn settle(&self) -> Result<()> {
        if self.worker.is_none() {
            self.updater.run(&interrupt::control())?;
        }
        self.screen.print_log();
        self.device.warn_of(self.updater.store());
        self.screen.result()
    }

    fn show(&self, load: Option<Load>) {
        if let Some(load) = load {
            self.screen.show(&load);
        }
    }

    fn page(&self) -> Result<Page> {
        let missing = || Failure::refused("not_found", "the web view has no page");
        self.screen.page().ok_or_else(missing)
    }

    fn ready(&self) -> Result<()> {
        let (result, bundle) = match self.page()?.ready() {
            Ready::Confirmed(bundle) => ("confirmed", Some(bundle)),
            Ready::Replaced => ("replaced", None),
            Ready::NotYetRecorded => ("not_yet_recorded", None),
            _ => ("other", None),
        };
        self.output.report(match (&bundle, result) {
            (Some(bundle), _) => {
                let version = self.updater.shown().and_then(|load| load.version);
                format!("{} works", documents::named(bundle, version.as_deref()))
            }
            (None, "replaced") => "The page is being replaced: nothing changed".to_owned(),
            (None, _) => "The page works, and that cannot be recorded now".to_owned(),
        })?;
        let bundle = bundle.map(|bundle| bundle.to_string());
        self.output
            .event("ready", &json!({ "result": result, "bundle": bundle }))
    }

    fn hang(&self) -> Result<()> {
        let deadline = self.page()?.deadline();
        self.output.report(match deadline {
            Some(left) => format!("The page does not confirm; it has {:.1} s left", left.as_secs_f64()),
            None => "The page does not confirm, and need not".to_owned(),
        })?;
        let left = deadline.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        self.output.event("hang", &json!({ "readyWithinMs": left }))
    }

    fn check(&self) -> Result<()> {
        let status = match self.updater.request(Request::CheckNow)? {
            Reply::Check(reply) => reply.as_str(),
            _ => "other",
        };
        self.output.report(format!("Check: {}", status.replace('_', " ")))?;
        self.output.event("check", &json!({ "status": status }))
    }

    fn wait(&self, time: Duration) -> Result<()> {
        let (started, control) = (Instant::now(), interrupt::control());
        loop {
            control.check("wait")?;
            if self.worker.is_none() {
                self.updater.run(&control)?;
            }
            let left = time.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(POLL_INTERVAL));
        }
    }

    fn call(&self, method: &str, arguments: &str) -> Result<()> {
        let call = BridgeCall {
            method,
            arguments,
            local: UtcOffset::UTC,
        };
        let page = self.screen.page();
        match self.updater.call_bridge(call, page.as_ref(), &interrupt::control()) {
            Ok(result) => {
                self.output.report(format!("{method} resolves to {result}"))?;
                let result: Value = serde_json::from_str(&result)
                    .map_err(|error| Failure::refused("corrupt", format!("the result of {method}: {error}")))?;
                self.output
                    .event("call", &json!({ "method": method, "result": result }))
            }
            Err(rejection) => {
                interrupt::control().check("carry out a call")?;
                self.output.report(format!(
                    "{method} is rejected: {} ({})",
                    rejection.message, rejection.code
                ))?;
                let error = json!({
                    "code": rejection.code,
                    "message": rejection.message,
                    "serverCode": rejection.server_code,
                });
                self.output.event("call", &json!({ "method": method, "error": error }))
            }
        }
    }

    fn status(&self) -> Result<()> {
        let (lines, document) = status::describe(self.updater.store(), &self.settings.native)?;
        self.output.report_all(lines)?;
        self.output.event("status", &document)
    }

    fn log(&self) -> Result<()> {
        let entries = self.updater.log().entries()?;
        self.output.report_all(entries.iter().map(log::line))?;
        self.output.event("entries", &json!({ "entries": entries }))
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop.cancel();
            self.updater.wake_up();
            // A panic of the thread was printed by it.
            let _ = worker.thread.join();
        }
        self.screen.close();
    }
}

impl Worker {
    fn start(updater: &Arc<Updater>) -> Result<Self> {
        let stop = CancelToken::new();
        let control: Control = interrupt::control().with_cancel_token(&stop);
        let updater = Arc::clone(updater);
        let thread = thread::Builder::new().name("updates".to_owned());
        let thread = thread.spawn(move || updater.run_until_cancelled(&control));
        let thread = thread.map_err(|error| Failure::refused("io", format!("cannot start a thread: {error}")))?;
        Ok(Self { stop, thread })
    }
}

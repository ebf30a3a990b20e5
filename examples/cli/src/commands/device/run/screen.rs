//! The app around the updater: its web view, which starts a page for everything that it loads, and what is printed.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use capbundle::store::{BundleRef, LaunchReason};
use capbundle::updater::{DeviceLog, Host, Load, LogEntry, Page, PluginEvent, Updater};
use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::device::documents;
use crate::commands::device::log;
use crate::error::{Failure, Result};
use crate::output::Output;

pub(super) struct Screen {
    output: Output,
    log: DeviceLog,
    /// Not an owner: the updater owns the screen.
    updater: OnceLock<Weak<Updater>>,
    page: Mutex<Option<Page>>,
    printed: Mutex<Printed>,
    /// Why something could not be printed. The updater has no use for it.
    failure: Mutex<Option<Failure>>,
}

/// How much of the log was printed.
#[derive(Default)]
struct Printed {
    entries: usize,
    last: Option<LogEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LoadDocument<'a> {
    bundle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<String>,
    reason: &'static str,
    /// Why nothing could be written, if that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    on_trial: bool,
}

impl Screen {
    /// The screen of a new process. Earlier entries of the log are not printed.
    pub(super) fn new(output: Output, log: DeviceLog) -> Result<Self> {
        let entries = log.entries()?;
        let printed = Printed {
            entries: entries.len(),
            last: entries.last().cloned(),
        };
        Ok(Self {
            output,
            log,
            updater: OnceLock::new(),
            page: Mutex::default(),
            printed: Mutex::new(printed),
            failure: Mutex::default(),
        })
    }

    /// Its updater, before anything is loaded.
    pub(super) fn attach(&self, updater: &Arc<Updater>) {
        // There is one updater for each screen.
        let _ = self.updater.set(Arc::downgrade(updater));
    }

    /// The page in the web view.
    pub(super) fn page(&self) -> Option<Page> {
        lock(&self.page).clone()
    }

    /// Forgets the page, which owns the updater.
    pub(super) fn close(&self) {
        *lock(&self.page) = None;
    }

    /// Loads it, and starts its page.
    pub(super) fn show(&self, load: &Load) {
        let Some(updater) = self.updater.get().and_then(Weak::upgrade) else {
            return;
        };
        self.print_log();
        self.note(self.print_load(load, &updater));
        let page = updater.page_started_from(load);
        *lock(&self.page) = Some(page);
    }

    fn print_load(&self, load: &Load, updater: &Updater) -> Result<()> {
        let served = updater.store().served();
        let on_trial = served.is_some_and(|launch| launch.bundle == load.bundle && launch.on_trial);
        let trial = if on_trial { ", on trial" } else { "" };
        let name = documents::named(&load.bundle, load.version.as_deref());
        let why = documents::describe_reason(&load.reason);
        self.output.report(format!("Loads {name}{trial}: {why}"))?;
        self.output.event(
            "load",
            &LoadDocument {
                bundle: load.bundle.to_string(),
                version: load.version.as_deref(),
                folder: load.folder.as_ref().map(|folder| folder.display().to_string()),
                reason: load.reason.as_str(),
                detail: matches!(load.reason, LaunchReason::NotDurable(_)).then_some(why),
                on_trial,
            },
        )
    }

    /// Prints the entries of the log since the last call: why something happened.
    pub(super) fn print_log(&self) {
        let mut printed = lock(&self.printed);
        let entries = match self.log.entries() {
            Ok(entries) => entries,
            Err(error) => return self.note(Err(error.into())),
        };
        let known = match &printed.last {
            _ if entries.len() >= printed.entries => printed.entries,
            // The oldest entries were dropped.
            Some(last) => entries.iter().rposition(|entry| entry == last).map_or(0, |at| at + 1),
            None => 0,
        };
        for entry in &entries[known..] {
            self.note(self.output.report(format!("  {}", log::without_time(entry))));
            self.note(self.output.event("log", &json!({ "entry": entry })));
        }
        *printed = Printed {
            entries: entries.len(),
            last: entries.last().cloned(),
        };
    }

    /// Why something could not be printed since the last call.
    pub(super) fn result(&self) -> Result<()> {
        lock(&self.failure).take().map_or(Ok(()), Err)
    }

    fn note(&self, result: Result<()>) {
        if let Err(failure) = result {
            lock(&self.failure).get_or_insert(failure);
        }
    }
}

impl Host for Screen {
    fn load(&self, load: &Load) {
        self.show(load);
    }

    fn event(&self, event: &PluginEvent) {
        self.print_log();
        if let Some(line) = summary(event) {
            self.note(self.output.report(line));
        }
        let document = json!({ "name": event.name(), "payload": event.payload() });
        self.note(self.output.event("plugin", &document));
    }
}

/// An event for people. The percentages of a download are for programs.
fn summary(event: &PluginEvent) -> Option<String> {
    if matches!(event, PluginEvent::Download { .. }) {
        return None;
    }
    let payload = event.payload();
    let text = |pointer| {
        payload
            .pointer(pointer)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let version = text("/version").or_else(|| match text("/bundle/id") {
        Some(BundleRef::BUILT_IN) => Some(BundleRef::BUILT_IN),
        _ => text("/bundle/version"),
    });
    let members = [
        version,
        text("/channel"),
        text("/status"),
        text("/error"),
        text("/message"),
    ];
    let details: Vec<&str> = members.into_iter().flatten().collect();
    let line = format!("  event {}: {}", event.name(), details.join(", "));
    Some(line.trim_end_matches([':', ' ']).to_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

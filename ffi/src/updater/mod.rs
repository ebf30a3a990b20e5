//! An app that keeps itself up to date: `docs/host.md` shows a whole life.

pub mod ask;
pub mod call;
pub mod events;
pub mod host;
pub mod options;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use capbundle_core::updater as core;
use capbundle_core::updater::policy::LoadId;

use crate::catch_panic::catch_panic;
use crate::convert::{signed, unsigned};
use crate::error::{CapBundleError, Result};
use crate::http::HttpTransport;
use crate::http::host::Host as Transport;
use crate::log::Log;
use crate::progress::{CancelToken, with_control};
use crate::store::Store;
use crate::store::types::NativeApp;
use events::{Load, PageReady};
use host::{ToHost, UpdaterHost};
use options::UpdaterOptions;

/// An app that keeps itself up to date: it decides when to check, what to install, when to serve it and what to
/// report. The host says what happens to the app, and loads what the updater chooses.
///
/// `Updater` of the Swift and Kotlin packages owns the thread that this one needs, and has `async` and `suspend`
/// calls. Use this one for threads of your own.
///
/// One process has one updater. It is made of an open store, and reading that store stays possible; changes belong
/// to the updater. Every change is durable when its call returns, and an update that is interrupted anywhere
/// continues at the next start. The session of the store ends when both are closed.
///
/// Calls block for a few milliseconds, reading or writing one small file, unless documented otherwise.
#[derive(uniffi::Object)]
pub struct BlockingUpdater {
    updater: Arc<core::Updater>,
    /// The page that started last. The only one that counts: a page that it replaced can prove nothing.
    page: Mutex<Option<core::Page>>,
    store: Arc<Store>,
}

#[uniffi::export]
impl BlockingUpdater {
    /// An updater of this store.
    ///
    /// Throws `InvalidInput` if the source and the store do not fit together (a store that requires signed releases
    /// takes no bundle of an update server, and one that requires a signature needs the same keys here) or if an
    /// option is invalid, `KeyInvalid` for a public key that cannot be read.
    #[uniffi::constructor]
    pub fn new(
        store: Arc<Store>,
        transport: Arc<dyn HttpTransport>,
        host: Arc<dyn UpdaterHost>,
        options: UpdaterOptions,
    ) -> Result<Arc<Self>> {
        let log = store.log().clone();
        let created = catch_panic(|| {
            let host = Arc::new(ToHost::new(host, log.clone()));
            let transport = Arc::new(Transport::new(transport));
            Ok(core::Updater::new(
                store.shared(),
                transport,
                host,
                options.into_core()?,
            )?)
        });
        Ok(Arc::new(Self {
            updater: Arc::new(logged(&log, "updater", created)?),
            page: Mutex::default(),
            store,
        }))
    }

    /// When the process starts, before the web view exists: what to load. The decision is durable, or a bundle is
    /// served that needs none. Called again, for example for a recreated Android activity, it returns the same bundle
    /// and counts nothing.
    ///
    /// `inBackground` is whether the app is not visible, as in a process that a push notification started.
    ///
    /// It throws only for a bug in this library; load the built-in bundle then.
    #[uniffi::method(default(in_background = false))]
    pub fn start(&self, native: NativeApp, in_background: bool) -> Result<Load> {
        let load = self.run_call("start", |updater| {
            Load::from_core(&updater.start(&native.into(), in_background))
        })?;
        self.log_load("start", &load);
        Ok(load)
    }

    /// The web view committed to a page: `onPageStarted` on Android, `didCommit` on iOS. The page belongs to the
    /// bundle that it was loaded from, and can prove no other.
    ///
    /// `load` is what the web view was really given, for a host that loads on another thread than the one that
    /// decides: if a later decision has replaced it, `UpdaterHost.load` is called again, and this page can confirm
    /// nothing. Without it, it is what this updater asked for last.
    #[uniffi::method(default(load = None))]
    pub fn page_started(&self, load: Option<Load>) -> Result<()> {
        self.run_call("page started", |updater| {
            let page = match load {
                Some(load) => updater.page_started_from_id(LoadId(unsigned("load", load.id)?)),
                None => updater.page_started(),
            };
            self.page.lock().unwrap_or_else(PoisonError::into_inner).replace(page);
            Ok(())
        })
    }

    /// The page that started last called `notifyAppReady()`. `call` does the same for a call of JavaScript.
    pub fn page_ready(&self) -> Result<PageReady> {
        self.run_call("page ready", |_| {
            Ok(self.page().map_or(PageReady::Replaced, |page| page.ready().into()))
        })
    }

    /// Milliseconds that the page that started last has to confirm, from now on; nothing if it need not. `run`
    /// watches this time; a host without such a thread calls `pageTimedOut` after it.
    pub fn page_deadline_ms(&self) -> Result<Option<i64>> {
        self.run_call("page deadline", |_| {
            Ok(self
                .page()
                .and_then(|page| page.deadline())
                .map(|time| signed(time.as_millis())))
        })
    }

    /// The page that started last did not confirm in time. Returns what to load instead, or nothing if it did
    /// meanwhile.
    pub fn page_timed_out(&self) -> Result<Option<Load>> {
        self.loading("page timed out", |_| self.page().and_then(|page| page.timed_out()))
    }

    /// The process that renders the page ended: `onRenderProcessGone`, `webViewWebContentProcessDidTerminate`.
    /// Returns what to load: the bundle before it if the page was on trial, else the same again.
    pub fn page_crashed(&self) -> Result<Option<Load>> {
        self.loading("page crashed", |_| self.page().and_then(|page| page.crashed()))
    }

    /// The app is no longer visible. Returns the update that waited for this moment, to load now.
    pub fn background(&self) -> Result<Option<Load>> {
        self.loading("background", |updater| updater.background())
    }

    /// The app is visible again. A page that has not confirmed gets its full time again.
    pub fn foreground(&self) -> Result<Option<Load>> {
        self.loading("foreground", |updater| updater.foreground())
    }

    /// The device has a network again: a check that failed is made again.
    pub fn connectivity_returned(&self) -> Result<()> {
        self.run_call("connectivity returned", |updater| {
            updater.connectivity_returned();
            Ok(())
        })
    }

    /// What the web view was asked to load last.
    pub fn shown(&self) -> Result<Option<Load>> {
        self.run_call("shown", |updater| {
            updater.shown().as_ref().map(Load::from_core).transpose()
        })
    }

    /// Carries out what waits (a check with its download and installation, the time of a page to confirm, reports)
    /// and returns when nothing is left, with the milliseconds until there is something again, if that is known.
    /// Blocks for as long as it takes: call it on a background thread, when `UpdaterHost.wake` is called and after
    /// that time.
    ///
    /// One thread at a time does the work; another one returns at once. What fails is an event and an entry of the
    /// log.
    ///
    /// Throws `Cancelled`. Interrupted anywhere, an update continues later, a download from its last byte.
    #[uniffi::method(default(cancel = None))]
    pub fn run(&self, cancel: Option<Arc<CancelToken>>) -> Result<Option<i64>> {
        let until: Option<Duration> = with_control(cancel, None, |control| Ok(self.updater.run(control)?))?;
        Ok(until.map(|time| signed(time.as_millis())))
    }

    /// Carries out what comes up, until `cancel` is cancelled: for the one background thread of an app. Between two
    /// pieces of work it waits and costs nothing. After cancelling, call `wakeUp`, or it returns some seconds later.
    pub fn run_until_cancelled(&self, cancel: Arc<CancelToken>) -> Result<()> {
        self.run_call("run", |_| {
            with_control(Some(cancel), None, |control| {
                self.updater.run_until_cancelled(control);
                Ok(())
            })
        })
    }

    /// Lets the thread in `runUntilCancelled` look whether it was cancelled.
    pub fn wake_up(&self) -> Result<()> {
        self.run_call("wake up", |updater| {
            updater.wake_up();
            Ok(())
        })
    }

    /// What happened on this device, and why: launches, checks, downloads, installations and fall-backs of the last
    /// months, oldest first, each as the text of one JSON object. At most 256 KiB.
    ///
    /// Throws `Io` if a file cannot be read.
    pub fn log_lines(&self) -> Result<Vec<String>> {
        self.run_call("log lines", |updater| {
            Ok(updater.log().entries()?.iter().map(core::LogEntry::json).collect())
        })
    }

    /// The id of this device: a UUID in lower case, created by the first call and durable from then on.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`.
    pub fn device_id(&self) -> Result<String> {
        self.store.device_id()
    }
}

impl BlockingUpdater {
    fn page(&self) -> Option<core::Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs one call. Its error goes to the log of the store.
    fn run_call<T>(&self, operation: &str, work: impl FnOnce(&Arc<core::Updater>) -> Result<T>) -> Result<T> {
        logged(self.store.log(), operation, catch_panic(|| work(&self.updater)))
    }

    /// A call that returns what to load.
    fn loading(
        &self,
        operation: &str,
        work: impl FnOnce(&Arc<core::Updater>) -> Option<core::Load>,
    ) -> Result<Option<Load>> {
        let load = self.run_call(operation, |updater| {
            work(updater).as_ref().map(Load::from_core).transpose()
        })?;
        if let Some(load) = &load {
            self.log_load(operation, load);
        }
        Ok(load)
    }

    fn log_load(&self, operation: &str, load: &Load) {
        self.store.log().info(|| format!("{operation}: {load}"));
    }
}

fn logged<T>(log: &Log, operation: &str, result: Result<T>) -> Result<T> {
    result.inspect_err(|error: &CapBundleError| log.failed(operation, error))
}

impl fmt::Debug for BlockingUpdater {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.updater.fmt(formatter)
    }
}

#[cfg(test)]
mod tests;

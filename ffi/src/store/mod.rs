//! The bundles of an app on a device.

pub mod channel;
pub mod cleanup;
pub mod fetch;
pub mod install;
pub mod launch;
pub mod lifecycle;
pub mod migrate_capgo;
pub mod options;
pub mod query;
pub mod records;
pub mod release;
pub mod trial;
pub mod types;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use capbundle_core::store as core;

use crate::catch_panic::catch_panic;
use crate::error::{CapBundleError, Result};
use crate::log::{Log, LogObserver};
use options::StoreOptions;

/// The bundles of one app on this device. It may be used from several threads; several processes may open the
/// same folder.
///
/// One open store is one session. Open it once when the process starts, call `launch` to learn what to serve,
/// `trialStarted` when the web view starts and `confirm` when the page reports that it is ready. Every change
/// is durable when its call returns. Calls block for a few milliseconds, reading or writing one small file,
/// unless documented otherwise; only `installFrom` and `updateFromChannel` use the network. Close the store to
/// end its session.
#[derive(uniffi::Object)]
pub struct Store {
    store: Arc<core::Store>,
    log: Log,
}

#[uniffi::export]
impl Store {
    /// Opens the store in the folder `root`, which is created if missing, and starts a session.
    ///
    /// `root` must be private to the app and excluded from backups; on iOS it may move with the container. A
    /// state that cannot be read (before the first unlock of the device) is not an error here: `launch` then
    /// serves the built-in bundle, and nothing is written. `log` receives the log of the store.
    ///
    /// Throws `Io` and `NoSpace` if the folders cannot be created, `Corrupt` if `root` is not a folder,
    /// `InvalidInput` if an option is invalid, `KeyInvalid` if the required proof contains no valid key. If the
    /// store cannot be opened, serve the built-in bundle.
    #[uniffi::constructor(default(log = None))]
    pub fn open(root: &str, options: StoreOptions, log: Option<Arc<dyn LogObserver>>) -> Result<Arc<Self>> {
        Self::start(log, || Ok(core::Store::open(Path::new(root), options.to_core()?)?))
    }

    /// Opens the store and resumes a session whose store was closed: it serves the same bundle, and its attempt
    /// is the same attempt. For a host that opens the store several times in one app run, one after another.
    /// `session` is the value of `session`.
    ///
    /// Throws `NotFound` if the session does not exist or has ended, `Busy` if it is open elsewhere,
    /// `InvalidInput` if `session` is malformed; otherwise as `open`.
    #[uniffi::constructor(default(log = None))]
    pub fn resume(
        root: &str,
        options: StoreOptions,
        session: &str,
        log: Option<Arc<dyn LogObserver>>,
    ) -> Result<Arc<Self>> {
        Self::start(log, || {
            Ok(core::Store::resume(Path::new(root), options.to_core()?, session)?)
        })
    }

    /// The name of this session, for `resume`.
    #[must_use]
    pub fn session(&self) -> String {
        self.store.session().to_owned()
    }

    /// A problem found while opening that does not keep the store from working: the disk is too full for the
    /// store's reserve, or for the record of this session that other processes read. It is also in the log.
    #[must_use]
    pub fn open_warning(&self) -> Option<String> {
        self.store.open_warning().map(ToString::to_string)
    }
}

impl Store {
    fn start(log: Option<Arc<dyn LogObserver>>, open: impl FnOnce() -> Result<core::Store>) -> Result<Arc<Self>> {
        let log = Log::to(log);
        let store = logged(&log, "open", || catch_panic(open))?;
        if let Some(warning) = store.open_warning() {
            log.warn(|| format!("open: {warning}"));
        }
        let store = Arc::new(store);
        Ok(Arc::new(Self { store, log }))
    }

    /// The store itself, which an updater shares.
    pub(crate) fn shared(&self) -> Arc<core::Store> {
        Arc::clone(&self.store)
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Runs one operation. Its error or its warnings go to the log.
    fn run<T>(&self, operation: &'static str, work: impl FnOnce(&core::Store) -> Result<T>) -> Result<T> {
        let result = logged(&self.log, operation, || catch_panic(|| work(&self.store)));
        self.log_warnings(operation);
        result
    }

    /// Not inlined: every operation of the store ends with it.
    #[inline(never)]
    fn log_warnings(&self, operation: &str) {
        for warning in self.store.take_warnings() {
            self.log.warn(|| format!("{operation}: {warning}"));
        }
    }

    /// [`Self::run`] for an operation that only fails with errors of the core.
    fn run_core<T>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&core::Store) -> capbundle_core::Result<T>,
    ) -> Result<T> {
        self.run(operation, |store| work(store).map_err(CapBundleError::from))
    }
}

fn logged<T>(log: &Log, operation: &'static str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let result = work();
    if let Err(error) = &result {
        log.failed(operation, error);
    }
    result
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(formatter)
    }
}

#[cfg(test)]
mod tests;

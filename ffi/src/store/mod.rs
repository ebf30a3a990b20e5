//! The bundles of a device, as the other side holds them.

pub mod migrate_capgo;
pub mod lifecycle;
pub mod channel;
pub mod cleanup;
pub mod fetch;
pub mod install;
pub mod launch;
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

/// The bundles of one app on this device. May be used from several threads; several processes may open the same folder.
///
/// One open store is one session: open it once when the process starts, ask `launch` what to serve, say `trialStarted` when
/// the web view starts and `confirm` when the page says that it is ready. Every change is durable when its call returns.
/// Calls block for a few milliseconds (reading or writing one small file), unless they say more; only `installFrom` and
/// `updateFromChannel` wait for the network. Close the store to end its session.
#[derive(uniffi::Object)]
pub struct Store {
    store: core::Store,
    log: Log,
}

#[uniffi::export]
impl Store {
    /// Opens the store in the folder `root`, which is made if need be, and starts a session.
    ///
    /// `root` must be private to the app and excluded from backups; on iOS it may move with the container. A state that
    /// cannot be read (before the first unlock of the device) is no error here: `launch` then serves the built-in bundle,
    /// and nothing is written. `log` hears what the store has to say.
    ///
    /// Throws `Io` and `NoSpace` if the folders cannot be made, `Corrupt` if `root` is something else than a folder,
    /// `InvalidInput` if an option makes no sense, `KeyInvalid` if
    /// the required proof names no key. An app that cannot open its store serves its built-in bundle.
    #[uniffi::constructor(default(log = None))]
    pub fn open(root: &str, options: StoreOptions, log: Option<Arc<dyn LogObserver>>) -> Result<Arc<Self>> {
        Self::start(log, || Ok(core::Store::open(Path::new(root), options.to_core()?)?))
    }

    /// Opens the store and goes on with a session whose store was closed, instead of starting a new one: it serves what it
    /// served, and its attempt is the same attempt. For a host whose one app run opens the store several times, one after
    /// another. `session` is what `session` told.
    ///
    /// Throws `NotFound` if there is no such session (any more), `Busy` if it is open elsewhere, `InvalidInput` if this is no
    /// name of a session; else as `open`.
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

    /// The name of this session, with which it can be resumed.
    #[must_use]
    pub fn session(&self) -> String {
        self.store.session().to_owned()
    }

    /// What went wrong when the store was opened without keeping it from working: a disk too full for the store's reserve,
    /// or to tell other processes of this session. The log hears it too.
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
        Ok(Arc::new(Self { store, log }))
    }

    /// Runs one operation. The log gets its error, and its warnings if it did what it was asked for.
    fn run<T>(&self, operation: &'static str, work: impl FnOnce(&core::Store) -> Result<T>) -> Result<T> {
        let result = logged(&self.log, operation, || catch_panic(|| work(&self.store)));
        for warning in self.store.take_warnings() {
            self.log.warn(|| format!("{operation}: {warning}"));
        }
        result
    }

    /// The same for an operation that fails with errors of the core only.
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

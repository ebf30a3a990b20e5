//! Opening a store.

use std::fmt;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::options::StoreOptions;
use super::session::Session;
use super::state::Rules;
use super::storage::{Layout, Storage};
use crate::error::{Error, Result};
use crate::io::vfs::{Disk, Files};
use crate::time::Timestamp;

/// Warnings that are kept for the host.
const MAX_WARNINGS: usize = 16;

/// The bundles of one app on this device. Shareable between threads; several processes may open the same folder.
///
/// Every change of its state is durable when the call returns, and is made under a lock that is held for this one change
/// only, never while hashing or unpacking. A process that dies leaves no lock behind.
pub struct Store {
    pub(super) storage: Storage,
    pub(super) options: StoreOptions,
    pub(super) session: Session,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) open_warning: Option<Error>,
    pub(super) warnings: Mutex<Vec<Error>>,
    /// The generation of the state that is known to be durable. A newer one may only be visible: whoever renamed it may
    /// have died, or failed, before its name was synced.
    pub(super) durable: AtomicU64,
    /// The same of the last key ring that was followed, by its number.
    pub(super) durable_ring: AtomicU64,
}

impl Store {
    /// Opens the store in the folder `root`, which is made if need be (its parent must be there), and starts a session.
    ///
    /// Removes no bundles and nothing that a crash left, since a launch waits for it: see [`sweep`](Self::sweep). A state
    /// that cannot be read (no permission before the first unlock of the device, an I/O error) is no error here:
    /// [`launch`](Self::launch) then serves the built-in bundle, and nothing is written.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) and [`NoSpace`](crate::ErrorKind::NoSpace) if the folders cannot be made;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if `root`, or the folder of the host, is something else than a folder;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if an option makes no sense. An app that cannot open its store
    /// serves its built-in bundle.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Self> {
        Self::open_on(Arc::new(Disk), root, options, Arc::new(Timestamp::now))
    }

    /// Opens the store and goes on with a session whose `Store` was closed, instead of starting a new one: it serves what
    /// it served ([`LaunchReason::Resumed`]), and its attempt is the same attempt.
    ///
    /// For a host whose one app run is seen by several processes, or `Store`s, one after another: an Android activity
    /// that is made again, a command of which each call is one moment of a simulated device. As long as nobody has it
    /// open a session is over for all others: the next [`launch`](Self::launch) counts its attempt.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such session (any more),
    /// [`Busy`](crate::ErrorKind::Busy) if it is open elsewhere for longer than
    /// [`StoreOptions::lock_timeout`], [`InvalidInput`](crate::ErrorKind::InvalidInput) if this is no name of a session,
    /// [`Io`](crate::ErrorKind::Io) if the state cannot be read; else as [`open`](Self::open).
    pub fn resume(root: &Path, options: StoreOptions, session: &str) -> Result<Self> {
        let patience = options.lock_timeout;
        let store = Self::open_with(Arc::new(Disk), root, options, Arc::new(Timestamp::now), |storage| {
            Session::resume(storage, session, patience)
        })?;
        let served = store.served_before()?;
        *store.session.served() = served;
        Ok(store)
    }

    pub(crate) fn open_on(
        files: Arc<dyn Files>,
        root: &Path,
        options: StoreOptions,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self> {
        Self::open_with(files, root, options, clock, |storage| Ok(Session::start(storage)))
    }

    fn open_with(
        files: Arc<dyn Files>,
        root: &Path,
        options: StoreOptions,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        session: impl FnOnce(&Storage) -> Result<Session>,
    ) -> Result<Self> {
        options.validate()?;
        let layout = Layout::new(root, options.bundles.as_deref());
        let storage = Storage { files, layout };
        storage.make_folders()?;
        let session = session(&storage)?;
        let mut store = Self {
            storage,
            options,
            session,
            clock,
            open_warning: None,
            warnings: Mutex::default(),
            durable: AtomicU64::new(0),
            durable_ring: AtomicU64::new(0),
        };
        // A full disk is no reason not to start.
        store.open_warning = store.make_reserve().err();
        Ok(store)
    }

    /// The name of this session, with which it can be [resumed](Self::resume).
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session.name
    }

    /// What went wrong when the store was opened without keeping it from working: a disk too full for the store's reserve
    /// or to tell other processes of this session. For the host's log.
    #[must_use]
    pub fn open_warning(&self) -> Option<&Error> {
        self.open_warning.as_ref().or_else(|| self.session.unseen())
    }

    /// What went wrong beside calls that did what they were asked for, oldest first: files that could not be removed (the
    /// next [`sweep`](Self::sweep) removes them), or a start that could not be written down. For the host's
    /// log. Each is reported once; of more than sixteen the oldest are dropped.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Error> {
        std::mem::take(&mut self.lock_warnings())
    }

    /// Notes an error beside a decision that stands.
    pub(super) fn warn(&self, error: Error) {
        let mut warnings = self.lock_warnings();
        if warnings.len() == MAX_WARNINGS {
            warnings.remove(0);
        }
        warnings.push(error);
    }

    pub(super) fn warn_of(&self, result: Result<()>) {
        if let Err(error) = result {
            self.warn(error);
        }
    }

    fn lock_warnings(&self) -> MutexGuard<'_, Vec<Error>> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            attempts: self.options.attempts,
            reset_when_native_changes: self.options.reset_when_native_changes,
            silent_starts: self.options.silent_starts,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("root", &self.storage.layout.root())
            .finish_non_exhaustive()
    }
}

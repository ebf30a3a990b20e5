//! Opening a store.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::options::{RequiredProof, StoreOptions};
use super::session::Session;
use super::state::Rules;
use super::storage::{Layout, Storage};
use super::warnings::Warnings;
use crate::error::{Error, Result};
use crate::io::vfs::{Disk, Files};
use crate::time::Timestamp;

/// The bundles of one app on this device. `Store` is shared between threads, and several processes may open the same
/// folder.
///
/// A change of the state is durable when the call returns. It holds the lock for that change only, never while hashing
/// or unpacking. The lock ends with the process that holds it.
pub struct Store {
    pub(super) storage: Storage,
    pub(super) options: StoreOptions,
    pub(super) session: Session,
    pub(super) clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) open_warning: Option<Error>,
    pub(super) warnings: Arc<Warnings>,
    /// The generation of the state that is known to be durable. A newer one may only be visible: the process that
    /// renamed the file may have crashed before the folder was synced.
    pub(super) durable: AtomicU64,
    /// The number of the last followed key ring that is known to be durable.
    pub(super) durable_ring: AtomicU64,
}

impl Store {
    /// Opens the store in the folder `root` and starts a session. The folder is created if it is missing; its parent
    /// must exist.
    ///
    /// Removes neither bundles nor leftovers of a crash, since a launch waits for this call: see
    /// [`sweep`](Self::sweep). An unreadable state (no permission before the first unlock of the device, an I/O error)
    /// is not an error here: [`launch`](Self::launch) then serves the built-in bundle, and nothing is written.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) and [`NoSpace`](crate::ErrorKind::NoSpace) if the folders cannot be created;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if `root`, or the bundle folder of the host, is not a folder;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if an option is invalid. An app that cannot open its store
    /// serves its built-in bundle.
    pub fn open(root: &Path, options: StoreOptions) -> Result<Self> {
        Self::open_on(Arc::new(Disk), root, options, Arc::new(Timestamp::now))
    }

    /// Opens the store and resumes a session whose `Store` was closed, instead of starting a new one: it serves the
    /// same bundle ([`LaunchReason::Resumed`](crate::store::LaunchReason)), and its attempt stays the same attempt.
    ///
    /// For a host in which several processes or `Store`s, one after another, belong to one run of the app: an Android
    /// activity that is recreated, or a command whose calls are the steps of one simulated device. While no `Store` has
    /// it open, the session counts as ended: the next [`launch`](Self::launch) counts its attempt.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if the session does not exist (any more),
    /// [`Busy`](crate::ErrorKind::Busy) if it is open elsewhere for longer than [`StoreOptions::lock_timeout`],
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `session` is not the name of a session,
    /// [`Io`](crate::ErrorKind::Io) if the state cannot be read; otherwise as [`open`](Self::open).
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
            warnings: Arc::default(),
            durable: AtomicU64::new(0),
            durable_ring: AtomicU64::new(0),
        };
        // The store opens on a full disk, too.
        store.open_warning = store.try_keep_reserve().err();
        Ok(store)
    }

    /// The name of this session, by which it can be [resumed](Self::resume).
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session.name
    }

    /// The weakest proof that this store accepts.
    #[must_use]
    pub fn required_proof(&self) -> RequiredProof {
        self.options.required_proof
    }

    /// The problem found while opening the store that does not keep it from working: the disk was too full for the
    /// reserve, or for the file that shows this session to other processes. For the host's log.
    #[must_use]
    pub fn open_warning(&self) -> Option<&Error> {
        self.open_warning.as_ref().or_else(|| self.session.registration_error())
    }

    /// Problems beside calls that succeeded, oldest first: a file that could not be removed (the next
    /// [`sweep`](Self::sweep) removes it), or a start that could not be recorded. For the host's log. Each is returned
    /// once; of more than sixteen the oldest are dropped.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Error> {
        self.warnings.take()
    }

    /// Records an error that does not change the result of the call.
    pub(super) fn warn(&self, error: Error) {
        self.warnings.add(error);
    }

    pub(super) fn warn_of(&self, result: Result<()>) {
        if let Err(error) = result {
            self.warn(error);
        }
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

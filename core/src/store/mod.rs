//! The bundles of a device, and the decision at each start which one to serve.
//!
//! First, do no harm: whatever happens in between (a power cut, a full disk, a crash of the new bundle, another process),
//! the app starts with the last bundle that proved itself, or with the one built into it. `docs/launch-protocol.md` walks
//! through every case; `docs/capgo-plugin.md` says which call of Capgo's plugin becomes which of these.
//!
//! One open [`Store`] is one session: open it once when the process starts, ask [`Store::launch`] what to serve, say
//! [`Store::trial_started`] when the page of a bundle starts and [`Store::confirm`] when that page says it is ready.

mod bundles;
mod channel;
mod cleanup;
mod codec;
mod confirm;
mod delay;
mod denylist;
mod device_id;
mod edit;
mod fetch;
mod install;
mod json;
mod launch;
mod layout;
mod migrate_capgo;
mod options;
mod query;
mod release;
mod repair;
mod reserve;
mod ring;
mod rollback_guard;
mod session;
mod staging;
mod start;
mod state;
mod storage;
mod switch;
mod types;
mod verify;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use crate::native::{NativeApp, NativeRange, NativeVersion};
pub use crate::time::Timestamp;
pub use channel::{ChannelOutcome, ChannelSource, ChannelUpdate, Offer, RolloutDecision, Skipped};
pub use cleanup::{Cleaned, DiskUsage, KeepRules};
pub use confirm::{Confirmation, Expired};
pub use delay::ApplyCondition;
pub use fetch::{ExpectedProof, RemoteArchive};
pub use install::NewBundle;
pub use launch::{Launch, LaunchReason, NotDurable};
pub use migrate_capgo::{Adopted, CapgoBundles};
pub use options::{RequiredProof, StoreOptions};
pub use release::ReleaseOptions;
pub use rollback_guard::AcceptedRelease;
pub use types::{BundleId, BundleRecord, BundleRef, FailedBundle, FailureCause, Status};
pub use verify::Damage;

use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Disk, Files, Kind, Lock};
use layout::Layout;
use session::Session;
use state::{MAX_FAILED, Refusal, Rules, State, missing_from};
use storage::{Loaded, Persistence};

/// How long to sleep between two tries for the lock: a state change takes a few milliseconds.
const LOCK_POLL: Duration = Duration::from_millis(2);

/// Warnings that are kept for the host.
const MAX_WARNINGS: usize = 16;

/// The bundles of one app on this device. Shareable between threads; several processes may open the same folder.
///
/// Every change of its state is durable when the call returns, and is made under a lock that is held for this one change
/// only, never while hashing or unpacking. A process that dies leaves no lock behind.
pub struct Store {
    persistence: Persistence,
    options: StoreOptions,
    session: Session,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    open_warning: Option<Error>,
    warnings: Mutex<Vec<Error>>,
    /// The generation of the state that is known to be durable. A newer one may only be visible: whoever renamed it may
    /// have died, or failed, before its name was synced.
    durable: AtomicU64,
    /// The same of the last key ring that was followed, by its number.
    durable_ring: AtomicU64,
}

/// A change that is being made.
struct Change {
    before: Loaded,
    state: State,
    caught_up: bool,
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

    pub(crate) fn open_on(
        files: Arc<dyn Files>,
        root: &Path,
        options: StoreOptions,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Result<Self> {
        Self::open_with(files, root, options, clock, |persistence| {
            Ok(Session::start(persistence))
        })
    }

    fn open_with(
        files: Arc<dyn Files>,
        root: &Path,
        options: StoreOptions,
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
        session: impl FnOnce(&Persistence) -> Result<Session>,
    ) -> Result<Self> {
        options.validate()?;
        let layout = Layout::new(root, options.bundles.as_deref());
        let persistence = Persistence { files, layout };
        persistence.make_folders()?;
        let session = session(&persistence)?;
        let mut store = Self {
            persistence,
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
    fn warn(&self, error: Error) {
        let mut warnings = self.lock_warnings();
        if warnings.len() == MAX_WARNINGS {
            warnings.remove(0);
        }
        warnings.push(error);
    }

    fn warn_of(&self, result: Result<()>) {
        if let Err(error) = result {
            self.warn(error);
        }
    }

    fn lock_warnings(&self) -> MutexGuard<'_, Vec<Error>> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Result<State> {
        let mut state = self.persistence.load()?.state;
        self.catch_up(&mut state);
        Ok(state)
    }

    /// Makes up for a launch of this session that could not be written. Otherwise the next launch would find the native
    /// build changed only then, and take what is installed meanwhile for leftovers of the old one. Says whether there was
    /// such a launch.
    fn catch_up(&self, state: &mut State) -> bool {
        let unnoted = self.session.unnoted();
        if let Some(native) = unnoted {
            state.take_native(&self.rules(), native);
        }
        unnoted.is_some()
    }

    fn rules(&self) -> Rules {
        Rules {
            attempts: self.options.attempts,
            reset_when_native_changes: self.options.reset_when_native_changes,
            silent_starts: self.options.silent_starts,
        }
    }

    /// Makes one change of the state under the lock, durable when it returns.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let _lock = self.lock(self.options.lock_timeout)?;
        self.change_locked(change)
    }

    /// In two halves that are not generic, since nearly every operation of the store is one of these.
    fn change_locked<T>(&self, make: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut change = self.begin()?;
        let result = make(&mut change.state)?;
        self.finish(&change)?;
        Ok(result)
    }

    fn begin(&self) -> Result<Change> {
        let before = self.persistence.load()?;
        let mut state = before.state.clone();
        let caught_up = self.catch_up(&mut state);
        Ok(Change {
            before,
            state,
            caught_up,
        })
    }

    fn finish(&self, change: &Change) -> Result<()> {
        self.save(&change.before, &change.state)?;
        if change.caught_up {
            self.session.note_native();
        }
        Ok(())
    }

    /// Writes a changed state, with the marks of failed bundles around it: a mark comes before the state that counts on
    /// it and goes after the state that no longer does.
    fn save(&self, before: &Loaded, state: &State) -> Result<()> {
        if before.state == *state && before.recovered.is_none() {
            return self.settle(before);
        }
        // What begins a trial must be able to write down how it ended.
        if state.attempt().is_some() && state.attempt() != before.state.attempt() {
            self.persistence.keep_reserve()?;
        }
        for failed in missing_from(&state.failed, &before.state.failed) {
            self.persistence.mark_failed(failed)?;
        }
        self.persistence.save(before, state)?;
        self.durable.store(before.generation + 1, Ordering::Relaxed);
        // Of more, which an earlier version kept, the sweep removes the rest: a launch may wait for this.
        let gone = missing_from(&before.state.failed, &state.failed);
        for failed in gone.into_iter().take(MAX_FAILED) {
            // The state does not count on it any more; a mark that stays matters only if the state is lost.
            self.warn_of(self.persistence.unmark_failed(failed));
        }
        Ok(())
    }

    /// Makes what was loaded durable, if that is not known of it. For answers that rely on it without a change.
    fn settle(&self, loaded: &Loaded) -> Result<()> {
        if self.durable.load(Ordering::Relaxed) != loaded.generation {
            self.persistence.sync_root()?;
            self.durable.store(loaded.generation, Ordering::Relaxed);
        }
        Ok(())
    }

    fn lock(&self, patience: Duration) -> Result<Box<dyn Lock>> {
        self.persistence.lock(&self.persistence.layout.lock(), patience)
    }
}

impl Persistence {
    fn make_folders(&self) -> Result<()> {
        for folder in self.layout.folders() {
            match self.files.create_folder(&folder) {
                Ok(()) => {
                    let parent = crate::io::atomic_file::folder_of(&folder);
                    self.files.sync_folder(parent).with_path("sync the folder", parent)?;
                }
                // Whoever made it may have died before its name was durable. Where there is a state, it was: nothing is
                // written to a store that could not be opened.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if self.kind(&folder)? != Some(Kind::Folder) && !self.is_folder(&folder)? {
                        self.repair_folder(&folder)?;
                    }
                    if !self.has_state()? {
                        let parent = crate::io::atomic_file::folder_of(&folder);
                        self.files.sync_folder(parent).with_path("sync the folder", parent)?;
                    }
                }
                Err(error) => return Err(Error::io("create the folder", &folder, error)),
            }
        }
        Ok(())
    }

    fn repair_folder(&self, folder: &Path) -> Result<()> {
        if self.layout.is_named_by_host(folder) {
            return Err(Error::Corrupt {
                path: folder.to_path_buf(),
                problem: "expected a folder, found something else; remove it, or name another folder".to_owned(),
            });
        }
        self.make_way_for_folder(folder)?;
        match self.files.create_folder(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create the folder", folder, error));
            }
            _ => {}
        }
        let parent = crate::io::atomic_file::folder_of(folder);
        self.files.sync_folder(parent).with_path("sync the folder", parent)
    }

    /// Makes the names of the state and the key ring durable.
    fn sync_root(&self) -> Result<()> {
        let root = self.layout.root();
        self.files.sync_folder(root).with_path("sync the folder", root)
    }

    /// Makes the names of bundles durable, and that of a folder of the host, which may have made it at any time.
    fn sync_bundles(&self) -> Result<()> {
        for folder in self.layout.host().into_iter().chain([self.layout.bundles()]) {
            self.files.sync_folder(folder).with_path("sync the folder", folder)?;
        }
        Ok(())
    }

    fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Lock>> {
        let start = Instant::now();
        loop {
            if let Some(lock) = self.try_lock(path)? {
                return Ok(lock);
            }
            let waited = start.elapsed();
            if waited >= patience {
                let path = path.to_path_buf();
                return Err(Error::Busy { path, waited });
            }
            thread::sleep(LOCK_POLL);
        }
    }

    fn has_state(&self) -> Result<bool> {
        Ok(self.kind(&self.layout.state())?.is_some() || self.kind(&self.layout.previous_state())?.is_some())
    }

    /// Whether a bundle can be served. What cannot be looked at cannot be served either.
    fn is_there(&self, id: &BundleId) -> bool {
        self.look_for(id).unwrap_or(false)
    }

    fn look_for(&self, id: &BundleId) -> Result<bool> {
        Ok(self.kind(&self.layout.bundle(id).join("index.html"))? == Some(Kind::File))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Store")
            .field("root", &self.persistence.layout.root())
            .finish_non_exhaustive()
    }
}

fn unknown(id: &BundleId) -> Error {
    Error::UnknownBundle { id: id.to_string() }
}

fn refused(refusal: Refusal, slot: &BundleRef) -> Error {
    let id = slot.to_string();
    match refusal {
        Refusal::Unknown => Error::UnknownBundle { id },
        Refusal::InUse(role) => Error::InUse { id, role },
        Refusal::HasFailed => Error::not_trusted(
            format!("bundle {id}"),
            "it failed on this device before, and is not served again until its failure is forgotten",
        ),
    }
}

#[cfg(test)]
mod crash_tests;
// They pack what they install.
#[cfg(all(test, feature = "pack"))]
mod tests;

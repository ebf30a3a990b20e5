//! One open store: what it serves stays on the disk until it ends.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::Store;
use super::launch::{Launch, LaunchReason};
use super::options::StoreOptions;
use super::start::{START, Start};
use super::storage::Persistence;
use super::types::{BundleId, BundleRef};
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Disk, Lock, is_not_a_file};
use crate::native::NativeApp;
use crate::time::Timestamp;

/// A session is known to others by a file that it keeps locked; the file names the bundle that it serves. The lock goes
/// with the process, so nobody waits for a dead one.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) name: String,
    lock: Result<Box<dyn Lock>>,
    served: Mutex<Option<Launch>>,
    /// The native app that launched, once it did.
    native: OnceLock<NativeApp>,
    /// Whether the state knows of it.
    noted: AtomicBool,
    pub(super) start: Mutex<Start>,
    /// The bundle whose time is over, from the decision until this session serves something else.
    expiring: Mutex<Option<BundleId>>,
}

impl Session {
    /// Never fails: on a disk too full for one more name the session runs all the same, unseen by other processes.
    pub(super) fn start(persistence: &Persistence) -> Self {
        let (name, lock) = match persistence.lock_new_name(|name| persistence.layout.session(name)) {
            Ok((name, lock)) => (name, Ok(lock)),
            Err(error) => (random_name().unwrap_or_default(), Err(error)),
        };
        Self {
            name,
            lock,
            served: Mutex::new(None),
            native: OnceLock::new(),
            noted: AtomicBool::new(false),
            start: Mutex::default(),
            expiring: Mutex::default(),
        }
    }

    /// Why other processes cannot see this session, if they cannot.
    pub(super) fn unseen(&self) -> Option<&Error> {
        self.lock.as_ref().err()
    }

    /// The session of this name, whose store was closed.
    pub(super) fn resume(persistence: &Persistence, name: &str, patience: Duration) -> Result<Self> {
        // The name becomes part of a path.
        if name.len() != NAME_LENGTH || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let problem = format!("expected {NAME_LENGTH} hexadecimal digits, found \"{name}\"");
            return Err(Error::invalid_input("session", problem));
        }
        let path = persistence.layout.session(name);
        // Locking makes the file, so a session that is over would seem to go on.
        persistence.files.size(&path).with_path("resume the session", &path)?;
        let lock = persistence.lock(&path, patience)?;
        Ok(Self {
            name: name.to_owned(),
            lock: Ok(lock),
            served: Mutex::new(None),
            native: OnceLock::new(),
            noted: AtomicBool::new(false),
            start: Mutex::new(persistence.start_of(name).unwrap_or_default()),
            expiring: Mutex::default(),
        })
    }

    /// The bundle whose time is over, while this session still serves it.
    pub(super) fn expiring(&self) -> MutexGuard<'_, Option<BundleId>> {
        self.expiring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the native app that launched.
    pub(super) fn launched_by(&self, native: &NativeApp) {
        self.native.get_or_init(|| native.clone());
    }

    /// The native app that launched, once it did.
    pub(super) fn native(&self) -> Option<&NativeApp> {
        self.native.get()
    }

    /// The native app that launched, if the state does not know of it yet: the launch could not be written.
    pub(super) fn unnoted(&self) -> Option<&NativeApp> {
        self.native().filter(|_| !self.noted.load(Ordering::Relaxed))
    }

    /// The state knows now which native app launched.
    pub(super) fn note_native(&self) {
        self.noted.store(true, Ordering::Relaxed);
    }

    /// What was decided at launch, or since. Held while deciding, so that two threads get one answer.
    pub(super) fn served(&self) -> MutexGuard<'_, Option<Launch>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Digits of a session's name: 128 random bits, so that no two are ever alike.
const NAME_LENGTH: usize = 32;
/// The longest that a session's file can be: the name of what it serves.
const MAX_PIN: u64 = 64;
/// Tries for a name that no cleaner removes in the moment between making its lock file and locking it.
const NAME_TRIES: usize = 16;

impl Persistence {
    /// A new random name, and the lock on the file at `path_of` it.
    pub(super) fn lock_new_name(&self, path_of: impl Fn(&str) -> PathBuf) -> Result<(String, Box<dyn Lock>)> {
        for _ in 0..NAME_TRIES {
            let name = random_name()?;
            let path = path_of(&name);
            if let Some(lock) = self.files.try_lock(&path).with_path("lock", &path)?
                && self.kind(&path)?.is_some()
            {
                return Ok((name, lock));
            }
        }
        let problem = format!("no lock was to be had on any of {NAME_TRIES} new files");
        Err(Error::Corrupt {
            path: path_of(""),
            problem,
        })
    }
}

pub(super) fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random { source })?;
    Ok(format!("{:0NAME_LENGTH$x}", u128::from_be_bytes(bytes)))
}

impl Store {
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
        let store = Self::open_with(Arc::new(Disk), root, options, Arc::new(Timestamp::now), |persistence| {
            Session::resume(persistence, session, patience)
        })?;
        let served = store.served_before()?;
        *store.session.served() = served;
        Ok(store)
    }

    /// The name of this session, with which it can be [resumed](Self::resume).
    #[must_use]
    pub fn session(&self) -> &str {
        &self.session.name
    }

    /// Writes down what this session serves, for other processes. Not made durable: it means nothing after a crash.
    pub(super) fn pin(&self, slot: &BundleRef) -> Result<()> {
        if self.session.unseen().is_some() {
            return Ok(());
        }
        let path = self.persistence.layout.session(&self.session.name);
        let written = self.persistence.files.write(&path, slot.to_string().as_bytes());
        written.with_path("write", &path)
    }

    /// What this session wrote down to serve before its store was closed; `None` if it had not launched.
    pub(super) fn served_before(&self) -> Result<Option<Launch>> {
        let path = self.persistence.layout.session(&self.session.name);
        let bytes = self.persistence.files.read(&path, MAX_PIN).with_path("read", &path)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let slot = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        let bundle: BundleRef = slot.ok_or_else(|| Error::Corrupt {
            path,
            problem: "it does not name what the session serves".to_owned(),
        })?;
        let state = self.state()?;
        let record = bundle.bundle().and_then(|id| state.bundles.get(id));
        Ok(Some(Launch {
            // Even if it failed meanwhile: its files stay as long as the session.
            folder: bundle.bundle().map(|id| self.folder(id)),
            version: record.map(|record| record.version.clone()),
            on_trial: state.trial.is_some() && state.current == bundle,
            bundle,
            reason: LaunchReason::Resumed,
            failed: None,
        }))
    }

    /// Whether this session serves the bundle. Not to be asked under the store's lock: a launch waits for that lock with
    /// the answer in its hands.
    pub(super) fn serves(&self, id: &BundleId) -> bool {
        self.session
            .served()
            .as_ref()
            .is_some_and(|launch| launch.bundle.is(id))
    }

    /// Whether another running session serves the bundle. To be asked under the store's lock by who removes it.
    pub(super) fn is_served_elsewhere(&self, id: &BundleId) -> Result<bool> {
        Ok(self.served_elsewhere()?.contains(id))
    }

    /// What other running sessions serve.
    pub(super) fn served_elsewhere(&self) -> Result<Vec<BundleId>> {
        let sessions = self.persistence.layout.sessions();
        let mut served_by_others = Vec::new();
        for name in self.persistence.list(&sessions)? {
            if name == self.session.name || name.ends_with(START) || !self.is_alive(&name) {
                continue;
            }
            let path = sessions.join(&name);
            let served = match self.persistence.files.read(&path, MAX_PIN) {
                Ok(served) => served,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("read", &path, error)),
            };
            // A session that has not launched yet serves nothing.
            let id = std::str::from_utf8(&served).ok().and_then(|id| id.parse().ok());
            served_by_others.extend(id);
        }
        Ok(served_by_others)
    }

    /// Whether a session still runs. When that cannot be found out it counts as running: then nothing is removed and
    /// nothing is held against a bundle.
    pub(super) fn is_alive(&self, session: &str) -> bool {
        if session == self.session.name {
            return true;
        }
        // Shared, for two who ask at once are no session.
        match self
            .persistence
            .files
            .try_lock_shared(&self.persistence.layout.session(session))
        {
            Ok(lock) => lock.is_none(),
            Err(error) => error.kind() != io::ErrorKind::NotFound && !is_not_a_file(&error),
        }
    }

    /// Removes the files of sessions that are over. A start that ended silently stays until a launch counted it.
    pub(super) fn sweep_sessions(&self) -> Result<()> {
        let starts = self.past_starts().into_iter();
        let said_nothing = starts.filter(|(_, start)| start.as_ref().and_then(Start::silent).is_none());
        let said_nothing: Vec<String> = said_nothing.map(|(session, _)| session).collect();
        self.persistence.remove_starts(&said_nothing)?;
        let sessions = self.persistence.layout.sessions();
        for name in self.persistence.list(&sessions)? {
            if name.ends_with(START) {
                continue;
            }
            let path = sessions.join(name);
            match self.persistence.files.try_lock_shared(&path) {
                // Removed while it is locked: a session that is just starting sees that and takes another name.
                Ok(Some(_lock)) => self.persistence.remove_file_if_there(&path)?,
                Ok(None) => {}
                // Another sweep was faster, or it is a link to nothing.
                Err(error) if error.kind() == io::ErrorKind::NotFound || is_not_a_file(&error) => {
                    self.persistence.remove_file_if_there(&path)?;
                }
                Err(error) => return Err(Error::io("lock", &path, error)),
            }
        }
        Ok(())
    }
}

// They pack what they install.
#[cfg(all(test, feature = "pack"))]
mod tests;

//! The session of one open store. The bundle that it serves stays on the disk until the session ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::served::Launch;
use super::start::SessionStart;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::Lock;
use crate::native::NativeApp;
use crate::store::bundle_id::BundleId;
use crate::store::storage::{NAME_LENGTH, Storage, random_name};

/// Maximum size of the file of a session: the ids of the bundles it uses.
pub(in crate::store) const MAX_PIN: u64 = 64;

/// Other processes see a session by a file that it keeps locked; the file contains the id of the bundle it serves,
/// and the id of its preview after a space. The lock ends with the process.
#[derive(Debug)]
pub(in crate::store) struct Session {
    pub(in crate::store) name: String,
    lock: Result<Box<dyn Lock>>,
    served: Mutex<Option<Launch>>,
    /// What a preview replaced; `None` outside of one.
    under_preview: Mutex<Option<Launch>>,
    /// The native app that launched; empty before the launch.
    native: OnceLock<NativeApp>,
    /// Whether the state records that native app.
    noted: AtomicBool,
    pub(in crate::store) start: Mutex<SessionStart>,
    /// The bundle whose time to confirm is over, from that decision until this session serves another one.
    expiring: Mutex<Option<BundleId>>,
}

impl Session {
    /// Never fails: on a disk too full for one more file the session runs without being visible to other processes.
    pub(in crate::store) fn start(storage: &Storage) -> Self {
        let (name, lock) = match storage.lock_new_name(|name| storage.layout.session(name)) {
            Ok((name, lock)) => (name, Ok(lock)),
            Err(error) => (random_name().unwrap_or_default(), Err(error)),
        };
        Self {
            name,
            lock,
            served: Mutex::new(None),
            under_preview: Mutex::new(None),
            native: OnceLock::new(),
            noted: AtomicBool::new(false),
            start: Mutex::default(),
            expiring: Mutex::default(),
        }
    }

    /// Why other processes cannot see this session; `None` if they can.
    pub(in crate::store) fn registration_error(&self) -> Option<&Error> {
        self.lock.as_ref().err()
    }

    /// Resumes the session of this name, whose store was closed.
    pub(in crate::store) fn resume(storage: &Storage, name: &str, patience: Duration) -> Result<Self> {
        // The name becomes part of a path.
        if name.len() != NAME_LENGTH || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let problem = format!("expected {NAME_LENGTH} hexadecimal digits, found \"{name}\"");
            return Err(Error::invalid_input("session", problem));
        }
        let path = storage.layout.session(name);
        // Locking creates the file, which would revive a session that has ended.
        storage.files.size(&path).with_path("resume the session", &path)?;
        let lock = storage.lock(&path, patience)?;
        Ok(Self {
            name: name.to_owned(),
            lock: Ok(lock),
            served: Mutex::new(None),
            under_preview: Mutex::new(None),
            native: OnceLock::new(),
            noted: AtomicBool::new(false),
            start: Mutex::new(storage.start_of(name).unwrap_or_default()),
            expiring: Mutex::default(),
        })
    }

    /// The bundle whose time to confirm is over, while this session still serves it.
    pub(in crate::store) fn expiring(&self) -> MutexGuard<'_, Option<BundleId>> {
        self.expiring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the native app that launched.
    pub(in crate::store) fn launched_by(&self, native: &NativeApp) {
        self.native.get_or_init(|| native.clone());
    }

    /// The native app that launched; empty before the launch.
    pub(in crate::store) fn native(&self) -> Option<&NativeApp> {
        self.native.get()
    }

    /// The native app that launched, if the state does not record it yet because the launch could not be written.
    pub(in crate::store) fn unrecorded_native(&self) -> Option<&NativeApp> {
        self.native().filter(|_| !self.noted.load(Ordering::Relaxed))
    }

    /// Notes that the state records the native app that launched.
    pub(in crate::store) fn mark_native_recorded(&self) {
        self.noted.store(true, Ordering::Relaxed);
    }

    /// What a preview replaced; `None` outside of one. Never locked by a thread that has locked `served`.
    pub(in crate::store) fn under_preview(&self) -> MutexGuard<'_, Option<Launch>> {
        self.under_preview.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The decision of the launch, or a later one. Locked while deciding, so that two threads get the same one.
    pub(in crate::store) fn served(&self) -> MutexGuard<'_, Option<Launch>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The real file system, in which single operations fail as configured. Syncing is skipped: it takes most of the time,
//! and only a power cut shows its effect (see `crash_tests`).

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// An operation on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Open,
    Write,
    Append,
    Create,
    Clone,
    CreateFolder,
    Rename,
    RemoveFile,
    RemoveFolder,
    SyncFile,
    SyncFolder,
    SyncTree,
    List,
    Kind,
    Size,
    FreeSpace,
    TryLock,
    TryLockShared,
}

type Rule = dyn Fn(Operation, &Path) -> Option<io::ErrorKind> + Send;

#[derive(Clone, Default)]
pub(super) struct Faulty {
    /// Whether the file system clones files.
    pub(super) clones: Arc<AtomicBool>,
    rule: Arc<Mutex<Option<Box<Rule>>>>,
    free_space: Arc<Mutex<Option<u64>>>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Faulty")
    }
}

impl Faulty {
    /// Makes the operations fail for which the rule returns an error.
    pub(super) fn fail(&self, rule: impl Fn(Operation, &Path) -> Option<io::ErrorKind> + Send + 'static) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }

    /// Makes the file system report this free space.
    pub(super) fn set_free_space(&self, bytes: u64) {
        *self.free_space.lock().unwrap() = Some(bytes);
    }

    /// Makes the disk full: nothing can be written or created.
    pub(super) fn fill_disk(&self) {
        self.fail(|operation, path| {
            let needs_space = match operation {
                Operation::Write
                | Operation::Append
                | Operation::Create
                | Operation::Clone
                | Operation::CreateFolder => true,
                Operation::TryLock => !path.exists(),
                _ => false,
            };
            needs_space.then_some(io::ErrorKind::StorageFull)
        });
    }

    /// Runs a closure without faults, which are active again afterwards.
    pub(super) fn unhindered<T>(&self, act: impl FnOnce() -> T) -> T {
        let rule = self.rule.lock().unwrap().take();
        let result = act();
        *self.rule.lock().unwrap() = rule;
        result
    }

    pub(super) fn heal(&self) {
        *self.rule.lock().unwrap() = None;
    }

    fn check(&self, operation: Operation, path: &Path) -> io::Result<()> {
        let rule = self.rule.lock().unwrap();
        let error = rule.as_ref().and_then(|rule| rule(operation, path));
        error.map_or(Ok(()), |kind| Err(kind.into()))
    }
}

impl Files for Faulty {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.check(Operation::Read, path)?;
        Disk.read(path, limit)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        self.check(Operation::Open, path)?;
        Disk.open(path)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.check(Operation::Write, path)?;
        Disk.write(path, bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8], _durable: bool) -> io::Result<u64> {
        self.check(Operation::Append, path)?;
        Disk.append(path, bytes, false)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>> {
        self.check(Operation::Create, path)?;
        Disk.create(path)
    }

    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool> {
        self.check(Operation::Clone, to)?;
        if !self.clones.load(Ordering::Relaxed) {
            return Ok(false);
        }
        std::fs::copy(from, to).map(|_| true)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        // Only a new one needs space.
        if !path.exists() {
            self.check(Operation::CreateFolder, path)?;
        }
        Disk.create_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Operation::Rename, from)?;
        Disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::RemoveFile, path)?;
        Disk.remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::RemoveFolder, path)?;
        Disk.remove_folder(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::SyncFile, path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::SyncFolder, path)
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        self.check(Operation::SyncTree, path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.check(Operation::List, path)?;
        Disk.list(path)
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        self.check(Operation::Kind, path)?;
        Disk.kind(path)
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.check(Operation::Size, path)?;
        Disk.size(path)
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.check(Operation::FreeSpace, path)?;
        let free = *self.free_space.lock().unwrap();
        free.map_or_else(|| Disk.free_space(path), Ok)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.check(Operation::TryLock, path)?;
        Disk.try_lock(path)
    }

    fn try_lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        self.check(Operation::TryLockShared, path)?;
        Disk.try_lock_shared(path)
    }
}

//! A file system in memory for crash tests. It loses changes that were not synced, and can fail or stop the process at
//! any operation.
//!
//! It guarantees no more than POSIX. Bytes are durable after [`sync_file`](Files::sync_file) of the file, a name after
//! [`sync_folder`](Files::sync_folder) of its folder, both after [`sync_tree`](Files::sync_tree) of a folder above. A
//! durable file does not imply a durable name, nor the reverse. A rename between two folders is two changes, each
//! durable with its own folder: after a power loss the file may have both names or neither.
//!
//! One call is several operations where a real system performs several: [`write`](Files::write) truncates the file and
//! then writes it, [`append`](Files::append) opens, writes and syncs it, [`remove_folder`](Files::remove_folder) removes one name after another.

mod crash;
mod faults;
mod node;
mod tree;

mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::vfs::{Files, Kind, Lock};
pub(crate) use crash::Found;
use faults::{Act, Effect, Faults, ProcessId, dead};
pub(crate) use faults::{Count, Fault};
use node::NodeId;
use tree::Tree;

/// A process on a machine with this file system. Clones are the same process.
#[derive(Debug, Clone)]
pub(crate) struct CrashFs {
    machine: Arc<Mutex<Machine>>,
    process: ProcessId,
}

#[derive(Debug, Default)]
struct Machine {
    tree: Tree,
    faults: Faults,
    processes: ProcessId,
    /// The held locks by number.
    locks: BTreeMap<u64, Locked>,
    locks_given: u64,
}

#[derive(Debug, Clone, Copy)]
struct Locked {
    node: NodeId,
    holder: ProcessId,
    shared: bool,
}

impl CrashFs {
    /// A machine with one durable folder and unlimited space.
    pub(crate) fn with_folder(path: &Path) -> Self {
        let mut tree = Tree::default();
        tree.plant(path);
        Self::on(Machine {
            tree,
            ..Machine::default()
        })
    }

    fn on(machine: Machine) -> Self {
        Self {
            machine: Arc::new(Mutex::new(machine)),
            process: 0,
        }
    }

    /// Another process on the same machine.
    pub(crate) fn another_process(&self) -> Self {
        let mut machine = self.machine();
        machine.processes += 1;
        Self {
            machine: Arc::clone(&self.machine),
            process: machine.processes,
        }
    }

    /// Ends this process: its locks are released, and its calls fail from now on. The returned process sees everything
    /// it wrote, synced or not.
    pub(crate) fn process_killed(&self) -> Self {
        self.machine().kill(self.process);
        self.another_process()
    }

    /// The machine as it restarts after a power loss at this moment. This one keeps running, so that a test can try
    /// other outcomes.
    pub(crate) fn power_loss(&self, found: Found) -> Self {
        Self::on(Machine {
            tree: crash::after_power_loss(&self.machine().tree, found),
            ..Machine::default()
        })
    }

    /// Plans a fault at a future operation. Counting starts now, with 1. Replaces any earlier plan.
    pub(crate) fn plan(&self, count: Count, at: u64, fault: Fault) {
        self.machine().faults.plan(count, at, fault);
    }

    /// Cancels all faults.
    pub(crate) fn lift(&self) {
        let mut machine = self.machine();
        machine.faults.lift();
        machine.tree.set_full(false);
    }

    /// Whether this process was stopped or killed.
    pub(crate) fn is_dead(&self) -> bool {
        self.machine().faults.is_dead(self.process)
    }

    /// Number of operations of this kind since the last [`plan`](Self::plan).
    pub(crate) fn counted(&self, count: Count) -> u64 {
        self.machine().faults.counted(count)
    }

    /// Sets the number of bytes that can be written from now on; removing files adds to it.
    pub(crate) fn set_free_space(&self, bytes: u64) {
        self.machine().tree.set_free_space(bytes);
    }

    /// All operations, one per line, for finding the cause of a failure.
    pub(crate) fn history(&self) -> String {
        self.machine().faults.history()
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // The state remains usable after a panic in another thread, which reports its own message.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look<T>(&self, act: &Act, path: &Path, look: impl FnOnce(&mut Tree) -> io::Result<T>) -> io::Result<T> {
        self.spoilable(act, path, look, |_| ())
    }

    /// Performs an operation as planned: fully, not at all, or failing with the effect of `spoil`.
    fn spoilable<T>(
        &self,
        act: &Act,
        path: &Path,
        work: impl FnOnce(&mut Tree) -> io::Result<T>,
        spoil: impl FnOnce(&mut Tree),
    ) -> io::Result<T> {
        let mut machine = self.machine();
        match machine.faults.next(self.process, act, path) {
            Effect::Go => work(&mut machine.tree),
            Effect::Fill => {
                machine.tree.set_full(true);
                work(&mut machine.tree)
            }
            Effect::Fail(kind) => {
                spoil(&mut machine.tree);
                Err(io::Error::new(
                    kind,
                    format!("planned failure of {act:?} {}", path.display()),
                ))
            }
            Effect::Dead => {
                machine.kill(self.process);
                Err(dead())
            }
            Effect::GoAndDie => {
                // The result is lost with the process.
                let _ = work(&mut machine.tree);
                machine.kill(self.process);
                Err(dead())
            }
        }
    }

    fn hold(&self, node: NodeId, shared: bool) -> Option<Box<dyn Lock>> {
        let mut machine = self.machine();
        let conflicts = |locked: &Locked| locked.node == node && !(shared && locked.shared);
        if machine.locks.values().any(conflicts) {
            return None;
        }
        machine.locks_given += 1;
        let number = machine.locks_given;
        let holder = self.process;
        machine.locks.insert(number, Locked { node, holder, shared });
        Some(Box::new(CrashLock {
            files: self.clone(),
            number,
        }))
    }

    fn put(&self, path: &Path, node: NodeId, at: usize, bytes: &[u8]) -> io::Result<usize> {
        let half = &bytes[..bytes.len() / 2];
        self.spoilable(
            &Act::Write,
            path,
            |tree| tree.put(node, at, bytes),
            // A failed write may have been performed in part.
            |tree| drop(tree.put(node, at, half)),
        )
    }
}

impl Machine {
    fn kill(&mut self, process: ProcessId) {
        self.faults.kill(process);
        self.locks.retain(|_, locked| locked.holder != process);
    }
}

impl Files for CrashFs {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.look(&Act::Read, path, |tree| Ok(tree.file(tree.find(path)?)?.seen.clone()))?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("longer than {limit} bytes"),
            ));
        }
        Ok(bytes)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let node = self.look(&Act::Open, path, |tree| {
            let node = tree.find(path)?;
            tree.file(node).map(|_| node)
        })?;
        Ok(Box::new(Handle {
            files: self.clone(),
            path: path.into(),
            node,
            at: 0,
        }))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let node = self.look(&Act::Empty, path, |tree| tree.make_or_empty(path))?;
        Handle {
            files: self.clone(),
            path: path.into(),
            node,
            at: 0,
        }
        .write_all(bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8], durable: bool) -> io::Result<u64> {
        let node = self.look(&Act::OpenToAppend, path, |tree| tree.find_or_make_file(path))?;
        let half = &bytes[..bytes.len() / 2];
        let size = self.spoilable(
            &Act::Write,
            path,
            |tree| tree.append(node, bytes),
            |tree| drop(tree.append(node, half)),
        )?;
        if durable {
            // The open file, whatever its name is by now.
            self.spoilable(
                &Act::SyncFile,
                path,
                |tree| tree.sync_node(node),
                |tree| drop(tree.lose_node(node)),
            )?;
        }
        Ok(size)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>> {
        let node = self.look(&Act::Create, path, |tree| tree.make_file(path))?;
        Ok(Box::new(Handle {
            files: self.clone(),
            path: path.into(),
            node,
            at: 0,
        }))
    }

    fn clone_file(&self, _from: &Path, _to: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.look(&Act::CreateFolder, path, |tree| tree.make_folder(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.look(&Act::Rename(to.into()), from, |tree| tree.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.look(&Act::RemoveFile, path, |tree| {
            tree.file(tree.find(path)?)?;
            tree.remove(path)
        })
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        for name in self.list(path)? {
            let inner = path.join(name);
            match self.kind(&inner)? {
                Some(Kind::Folder) => self.remove_folder(&inner)?,
                _ => self.remove_file(&inner)?,
            }
        }
        self.look(&Act::RemoveFolder, path, |tree| tree.remove(path))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.spoilable(
            &Act::SyncFile,
            path,
            |tree| tree.sync_file(path),
            // The system reports the loss once; later syncs succeed although these bytes never reached the disk.
            |tree| drop(tree.lose_file(path)),
        )
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.look(&Act::SyncFolder, path, |tree| tree.sync_folder(path))
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        self.spoilable(
            &Act::SyncTree,
            path,
            |tree| tree.sync_tree(path),
            |tree| drop(tree.lose_tree(path)),
        )
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.look(&Act::List, path, |tree| tree.list(path))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        self.look(&Act::Kind, path, |tree| tree.kind(path))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        self.look(&Act::Size, path, |tree| {
            Ok(tree.file(tree.find(path)?)?.seen.len() as u64)
        })
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        self.look(&Act::FreeSpace, path, |tree| {
            tree.find(path)?;
            Ok(tree.free_space())
        })
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let node = self.look(&Act::Lock, path, |tree| tree.find_or_make_file(path))?;
        Ok(self.hold(node, false))
    }

    fn try_lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let node = self.look(&Act::LockShared, path, |tree| tree.find(path))?;
        Ok(self.hold(node, true))
    }
}

/// An open file. It remains usable after its name is removed.
#[derive(Debug)]
struct Handle {
    files: CrashFs,
    path: Box<Path>,
    node: NodeId,
    at: usize,
}

impl Read for Handle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.files.look(&Act::ReadOn, &self.path, |tree| {
            let rest = tree.file(self.node)?.seen.get(self.at..).unwrap_or_default();
            let read = rest.len().min(buffer.len());
            buffer[..read].copy_from_slice(&rest[..read]);
            Ok(read)
        })?;
        self.at += read;
        Ok(read)
    }
}

impl Write for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let written = self.files.put(&self.path, self.node, self.at, bytes)?;
        self.at += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct CrashLock {
    files: CrashFs,
    number: u64,
}

impl Lock for CrashLock {}

impl Drop for CrashLock {
    fn drop(&mut self) {
        // A killed process has already lost it.
        self.files.machine().locks.remove(&self.number);
    }
}

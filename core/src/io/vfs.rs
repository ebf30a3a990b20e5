//! Every operation on the file system that a device's state depends on, behind one small trait.
//!
//! The device's promise, to come up whatever happened, can only be tested when each single operation can be stopped
//! before and after, can fail, and can be forgotten by a power cut. [`Disk`] is the real file system; the tests bring
//! one that forgets.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A link, pipe, socket or device.
    Other,
}

/// A held lock; dropping it, or the death of the process, releases it.
pub(crate) trait Lock: Send + Sync + Debug {}

/// The file system, as the store uses it.
///
/// Nothing is durable before it is synced: neither a file's bytes ([`sync_file`](Files::sync_file)) nor a name in a
/// folder, be it made, renamed or removed ([`sync_folder`](Files::sync_folder)).
pub(crate) trait Files: Send + Sync + Debug {
    /// The whole of a file of at most `limit` bytes; a longer one is `InvalidData`.
    ///
    /// For this and all that opens a file: a folder is `IsADirectory`, anything else that is no file `InvalidData`, at once.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    /// A reader of a file of any size.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Makes or empties the file and writes these bytes.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// A new file to be written piece by piece; `AlreadyExists` if there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>>;
    /// A new folder; `AlreadyExists` if there is anything.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Gives a file or folder another name, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder with all that is in it.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder, all that is in it at any depth, durable.
    fn sync_tree(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// What is at a path; links are not followed. `None` if there is nothing.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;
    /// Bytes of a file.
    fn size(&self, path: &Path) -> io::Result<u64>;
    /// Bytes that can still be written to the file system that holds `path`.
    fn free_space(&self, path: &Path) -> io::Result<u64>;
    /// Tries to lock the file at `path`, which is made if need be. `None` if another holder, in this process or
    /// another, has it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
    /// Tries to lock an existing file together with others who only ask whether somebody has it for himself. `None` if
    /// somebody has.
    fn try_lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Disk;

#[derive(Debug)]
struct DiskLock(#[allow(dead_code, reason = "held for its lock, which goes with the handle")] File);

impl Lock for DiskLock {}

impl Files for Disk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        open_file(path)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("longer than {limit} bytes"),
            ));
        }
        Ok(bytes)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(open_file(path)?))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Through a link it would be another file that is written.
        match fs::symlink_metadata(path) {
            Ok(found) => require_file(&found)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        fs::write(path, bytes)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(File::create_new(path)?))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        sync::file(&OpenOptions::new().read(true).write(true).open(path)?)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        sync::folder(path)
    }

    fn sync_tree(&self, path: &Path) -> io::Result<()> {
        sync::tree(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Kind::Folder)),
            Ok(metadata) if metadata.is_file() => Ok(Some(Kind::File)),
            Ok(_) => Ok(Some(Kind::Other)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::symlink_metadata(path)?.len())
    }

    fn free_space(&self, path: &Path) -> io::Result<u64> {
        free_space(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        match fs::symlink_metadata(path) {
            Ok(found) => require_file(&found)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        locked(file.try_lock(), file)
    }

    fn try_lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let file = open_file(path)?;
        locked(file.try_lock_shared(), file)
    }
}

/// Opens a file to read it. Opening a pipe would block, and a device may never end.
fn open_file(path: &Path) -> io::Result<File> {
    require_file(&fs::metadata(path).map_err(no_loop)?)?;
    File::open(path)
}

fn require_file(found: &fs::Metadata) -> io::Result<()> {
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if found.is_file() {
        return Ok(());
    }
    let problem = "expected a file, found a link, a pipe, a socket or a device";
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// A link that leads back to itself is no file either.
#[cfg(unix)]
fn no_loop(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        io::Error::new(io::ErrorKind::InvalidData, "a link that leads back to itself")
    } else {
        error
    }
}

#[cfg(not(unix))]
fn no_loop(error: io::Error) -> io::Error {
    error
}

/// Whether an operation on a file failed because what has its name is no file.
pub(crate) fn is_no_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::InvalidData)
}

fn locked(tried: Result<(), fs::TryLockError>, file: File) -> io::Result<Option<Box<dyn Lock>>> {
    match tried {
        Ok(()) => Ok(Some(Box::new(DiskLock(file)))),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
fn free_space(path: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(path)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// Windows is no device: what does not fit is found out while writing.
#[cfg(not(unix))]
fn free_space(_path: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Durability without ruin: one call for a whole tree where the system has one, else each file once and one full
/// barrier at the end.
mod sync {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    pub(super) fn file(file: &File) -> io::Result<()> {
        file.sync_all()
    }

    #[cfg(unix)]
    pub(super) fn folder(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    /// Windows cannot sync folders, and orders renames by itself.
    #[cfg(not(unix))]
    pub(super) fn folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn tree(path: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(path)?)?)
    }

    /// `sync_all` is `F_FULLFSYNC` on Apple, which waits for the drive each time; plain `fsync` hands each file over
    /// and the one barrier at the end makes all of them durable.
    #[cfg(target_vendor = "apple")]
    pub(super) fn tree(path: &Path) -> io::Result<()> {
        each(path, &|file| Ok(rustix::fs::fsync(file)?))?;
        File::open(path)?.sync_all()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(super) fn tree(path: &Path) -> io::Result<()> {
        each(path, &|file| file.sync_all())
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn each(path: &Path, sync: &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                each(&entry.path(), sync)?;
            } else {
                sync(&std::fs::OpenOptions::new().write(true).open(entry.path())?)?;
            }
        }
        folder(path)
    }
}

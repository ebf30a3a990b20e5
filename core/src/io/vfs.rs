//! The file system behind a trait.
//!
//! The store must start in a valid state after any crash. Tests can prove that only if they can stop the process
//! before and after each single operation, make it fail, and lose its effect in a power loss. [`Disk`] is the real
//! file system; `crash_fs` is the one of the tests.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// The type of a file system entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    /// A symbolic link, pipe, socket or device.
    Other,
}

/// A held lock. Released when it is dropped or the process ends.
pub(crate) trait Lock: Send + Sync + Debug {}

/// The file system, as the store uses it.
///
/// Changes are durable only after a sync: of a file's bytes with [`sync_file`](Files::sync_file), of created, renamed
/// and removed names with [`sync_folder`](Files::sync_folder).
pub(crate) trait Files: Send + Sync + Debug {
    /// Reads a file of at most `limit` bytes. A longer one is `InvalidData`.
    ///
    /// Like every method that opens a file, it fails without blocking: with `IsADirectory` for a folder, with
    /// `InvalidData` for another entry that is not a regular file.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;
    /// Opens a file of any size for reading.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + Send>>;
    /// Creates or truncates the file and writes these bytes.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Appends these bytes in one write and returns the size of the file afterwards. Creates a missing file.
    ///
    /// With `durable` the bytes are durable when it returns, even if the file was renamed meanwhile. A crash or a
    /// failed write may leave a part of them, or zeros in their place, at the end of the file.
    fn append(&self, path: &Path, bytes: &[u8], durable: bool) -> io::Result<u64>;
    /// Creates a file for writing. `AlreadyExists` if the name is in use.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>>;
    /// Creates the file `to` with the bytes of `from` without copying them, so that both share their space until one is
    /// changed. `false` if the file system cannot; an empty file may then be left at `to`.
    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool>;
    /// Creates a folder. `AlreadyExists` if the name is in use.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Renames a file or folder, replacing an existing file.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes a folder and its contents.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the bytes of a file durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and everything in it, at any depth, durable.
    fn sync_tree(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in no particular order.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;
    /// The type of the entry at a path, or `None` if it does not exist. Symbolic links are not followed.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;
    /// The size of a file in bytes.
    fn size(&self, path: &Path) -> io::Result<u64>;
    /// Free bytes on the file system that contains `path`.
    fn free_space(&self, path: &Path) -> io::Result<u64>;
    /// Tries to lock the file at `path`, which is created if it does not exist. `None` if it is already locked, by this
    /// process or another.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
    /// Tries to take a shared lock of an existing file. `None` if it is locked exclusively.
    fn try_lock_shared(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
}

/// The real file system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Disk;

#[derive(Debug)]
struct DiskLock(#[allow(dead_code, reason = "closing the handle releases the lock")] File);

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
        require_file_or_nothing(path)?;
        fs::write(path, bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8], durable: bool) -> io::Result<u64> {
        require_file_or_nothing(path)?;
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(bytes)?;
        if durable {
            sync::file(&file)?;
        }
        Ok(file.metadata()?.len())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Write + Send>> {
        Ok(Box::new(File::create_new(path)?))
    }

    fn clone_file(&self, from: &Path, to: &Path) -> io::Result<bool> {
        clone_file(&open_file(from)?, to)
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
        require_file_or_nothing(path)?;
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

/// Opens a regular file for reading. Opening a pipe would block, and a device may never end.
fn open_file(path: &Path) -> io::Result<File> {
    require_file(&fs::metadata(path).map_err(no_loop)?)?;
    File::open(path)
}

/// Writing through a symbolic link would change another file, and opening a pipe would block.
fn require_file_or_nothing(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) => require_file(&found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn require_file(found: &fs::Metadata) -> io::Result<()> {
    if found.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if found.is_file() {
        return Ok(());
    }
    let problem = "expected a file, found a symbolic link, pipe, socket or device";
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// A symbolic link loop is not a regular file either.
#[cfg(unix)]
fn no_loop(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) {
        io::Error::new(io::ErrorKind::InvalidData, "symbolic link loop")
    } else {
        error
    }
}

#[cfg(not(unix))]
fn no_loop(error: io::Error) -> io::Error {
    error
}

/// Whether an operation failed because the entry is not a regular file.
pub(crate) fn is_not_a_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::IsADirectory | io::ErrorKind::InvalidData)
}

fn locked(tried: Result<(), fs::TryLockError>, file: File) -> io::Result<Option<Box<dyn Lock>>> {
    match tried {
        Ok(()) => Ok(Some(Box::new(DiskLock(file)))),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn clone_file(from: &File, to: &Path) -> io::Result<bool> {
    Ok(rustix::fs::ioctl_ficlone(File::create_new(to)?, from).is_ok())
}

#[cfg(target_vendor = "apple")]
fn clone_file(from: &File, to: &Path) -> io::Result<bool> {
    let cloned = rustix::fs::fclonefileat(from, rustix::fs::CWD, to, rustix::fs::CloneFlags::empty());
    Ok(cloned.is_ok())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn clone_file(_from: &File, _to: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn free_space(path: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(path)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

/// Not checked on Windows, which is not a target for devices: writing fails if the space runs out.
#[cfg(not(unix))]
fn free_space(_path: &Path) -> io::Result<u64> {
    Ok(u64::MAX)
}

/// Efficient durability: one call for a whole tree where the system has one, otherwise one for each file and a full
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

    /// Windows cannot sync folders. It orders renames itself.
    #[cfg(not(unix))]
    pub(super) fn folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(super) fn tree(path: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(path)?)?)
    }

    /// On Apple systems `sync_all` is `F_FULLFSYNC`, which waits for the drive each time. Plain `fsync` passes each
    /// file to the drive, and one barrier at the end makes all of them durable.
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

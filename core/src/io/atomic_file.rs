//! Atomically created files.

use std::fs::File;
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, IoContext, Result};

/// Mode of secrets and of staged archives: only the owner has access.
pub const PRIVATE_MODE: u32 = 0o600;
/// Mode of files that others may read as far as the umask allows: archives, public keys.
pub const SHARED_MODE: u32 = 0o666;

/// The folder in which the temporary file for `path` is created, since a rename must not cross file systems.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Prefix and suffix of the names of unfinished files and folders.
const UNFINISHED: (&str, &str) = (".capbundle-", ".tmp");

/// Whether this is the name of an unfinished file or folder, which a killed process leaves behind.
#[must_use]
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

/// Creates a file in `folder` that is removed on drop unless it is persisted.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace).
pub fn temporary_file(folder: &Path, mode: u32) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    set_mode(&mut builder, mode);
    builder.tempfile_in(folder).with_path("create a file in", folder)
}

/// Creates a folder in `folder` that is removed with its contents on drop unless it is kept.
///
/// # Errors
/// As [`temporary_file`].
pub fn temporary_folder(folder: &Path) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    set_mode(&mut builder, 0o777);
    builder.tempdir_in(folder).with_path("create a folder in", folder)
}

/// Renames the finished file to `path`, replacing an existing file, and makes its bytes and name durable.
///
/// # Errors
/// As [`temporary_file`].
pub fn persist(file: NamedTempFile, path: &Path) -> Result<File> {
    file.as_file().sync_all().with_path("write", path)?;
    let file = file
        .persist(path)
        .map_err(|error| Error::io("write", path, error.error))?;
    sync_folder(folder_of(path))?;
    Ok(file)
}

#[cfg(unix)]
fn set_mode(builder: &mut tempfile::Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_builder: &mut tempfile::Builder<'_, '_>, _mode: u32) {}

/// Makes the names in a folder durable, if its file system supports it.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io).
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if !is_impossible(&error) => Err(Error::io("sync the folder", folder, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether syncing the folder is unsupported rather than failed.
///
/// Network and FUSE file systems return EINVAL or ENOTSUP for a sync of a folder, and a folder with write but no read
/// permission (a drop box) cannot be opened: EACCES. By then the file is synced and renamed. Such a file system cannot
/// guarantee that the name survives a power loss, but that does not make the finished file a failure.
#[cfg(unix)]
fn is_impossible(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | Unsupported | PermissionDenied)
}

/// Does nothing: Windows cannot sync folders.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;

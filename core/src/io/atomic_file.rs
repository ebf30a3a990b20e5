//! Files that appear whole or not at all.

use std::fs::File;
use std::path::Path;

use tempfile::{NamedTempFile, TempDir};

use crate::error::{Error, IoContext, Result};

/// For secrets and for archives on their way through staging: the owner alone.
pub const PRIVATE_MODE: u32 = 0o600;
/// For what others may read, as far as the umask allows: archives, public keys.
pub const SHARED_MODE: u32 = 0o666;

/// The folder a file is made in: a rename must not cross file systems.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// What the names of unfinished files and folders begin and end with.
const UNFINISHED: (&str, &str) = (".capbundle-", ".tmp");

/// Whether a name is one of an unfinished file, which a killed process left.
#[must_use]
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1)
}

/// A private file in `folder` that vanishes unless it is persisted.
pub fn temporary_file(folder: &Path, mode: u32) -> Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    set_mode(&mut builder, mode);
    builder.tempfile_in(folder).with_path("create a file in", folder)
}

/// A new folder in `folder` that vanishes with all it holds unless it is kept.
pub fn temporary_folder(folder: &Path) -> Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
    set_mode(&mut builder, 0o777);
    builder.tempdir_in(folder).with_path("create a folder in", folder)
}

/// Gives the finished file its name, replacing one that is there, and makes both durable.
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

#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> Result<()> {
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error) if !is_impossible(&error) => Err(Error::io("sync the folder", folder, error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether the folder cannot be synced at all, rather than that it failed. Network and FUSE file systems answer EINVAL
/// or ENOTSUP to a sync of a folder, and a folder that may be written to but not read (a drop box) cannot be opened:
/// EACCES. The file itself is on disk by then and under its name; that the name survives a power cut is more than such
/// a place can promise, and no reason to call a finished file a failure.
#[cfg(unix)]
fn is_impossible(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | Unsupported | PermissionDenied)
}

#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests;

//! Repair of paths that hold something other than the expected file or folder: a folder that a backup tool created, a
//! pipe, a dangling link. Such an entry holds no data of the store and must not block it. It is moved into the staging
//! folder, where the next sweep removes it, or set aside beside the state like a corrupt state.
//!
//! An entry whose type cannot be read stays, and is an error: it may be a valid file.

use std::io;
use std::path::Path;

use super::files::Storage;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Kind, Lock, is_not_a_file};

/// Number of unusable states kept for debugging; a later one replaces the last.
const MAX_CORRUPT: u32 = 8;

impl Storage {
    /// Moves away an entry at the path of a file that is not a file. Returns whether there was one.
    pub(in crate::store) fn move_away_from_file_path(&self, path: &Path) -> Result<bool> {
        let kind = match self.kind(path)? {
            None | Some(Kind::File) => return Ok(false),
            Some(kind) => kind,
        };
        let staged = self.stage()?;
        let mut moved = Ok(());
        if kind == Kind::Folder {
            // Renaming a folder replaces an empty folder but not a file: another process may have just repaired it.
            moved = self.files.create_folder(&staged.path);
        }
        match moved.and_then(|()| self.files.rename(path, &staged.path)) {
            Ok(()) if kind == Kind::Other && self.kind(&staged.path)? == Some(Kind::File) => {
                // Another process has just repaired it, and this is its file.
                self.files.rename(&staged.path, path).with_path("move back", path)?;
                self.unstage(staged)?;
            }
            Ok(()) => {}
            Err(error) => {
                let repaired = matches!(self.kind(path)?, None | Some(Kind::File));
                self.unstage(staged)?;
                if !repaired {
                    return Err(Error::io("move away", path, error));
                }
            }
        }
        Ok(true)
    }

    /// Moves away an entry at the path of a folder that is not a folder. A link to a folder counts as a folder.
    pub(in crate::store) fn move_away_from_folder_path(&self, path: &Path) -> Result<()> {
        if self.kind(path)?.is_none() || self.is_folder(path)? {
            return Ok(());
        }
        if path == self.layout.staging() {
            // The staging folder itself has no place to be moved to; this removes no folder.
            self.files.remove_file(path).with_path("remove", path)?;
            return Ok(());
        }
        let staged = self.stage()?;
        // Renaming a file replaces a file but not a folder: another process may have just repaired it.
        let moved = self.files.write(&staged.path, b"");
        match moved.and_then(|()| self.files.rename(path, &staged.path)) {
            Ok(()) => Ok(()),
            Err(error) => {
                self.unstage(staged)?;
                if self.is_folder(path)? {
                    return Ok(());
                }
                Err(Error::io("move away", path, error))
            }
        }
    }

    pub(in crate::store) fn is_folder(&self, path: &Path) -> Result<bool> {
        match self.kind(path)? {
            Some(Kind::Folder) => Ok(true),
            Some(Kind::Other) => match self.files.list(path) {
                Ok(_) => Ok(true),
                // A dangling link, a link to itself, or not a link.
                Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Ok(false),
                Err(error) => Err(Error::io("list", path, error)),
            },
            Some(Kind::File) | None => Ok(false),
        }
    }

    /// As [`Files::try_lock`](crate::io::vfs::Files::try_lock), for a file that may need repair.
    pub(in crate::store) fn try_lock(&self, path: &Path) -> Result<Option<Box<dyn Lock>>> {
        let tried = match self.files.try_lock(path) {
            Err(error) if is_not_a_file(&error) && self.move_away_from_file_path(path)? => self.files.try_lock(path),
            tried => tried,
        };
        tried.with_path("lock", path)
    }

    /// Whether a file is locked by this process or another. Something else than a file locks nothing.
    pub(in crate::store) fn is_locked(&self, path: &Path) -> Result<bool> {
        match self.files.try_lock_shared(path) {
            Ok(lock) => Ok(lock.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_not_a_file(&error) => Ok(false),
            Err(error) => Err(Error::io("lock", path, error)),
        }
    }

    /// As [`Files::write`](crate::io::vfs::Files::write), for a file that may need repair.
    pub(in crate::store) fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let written = match self.files.write(path, bytes) {
            Err(error) if is_not_a_file(&error) && self.move_away_from_file_path(path)? => {
                self.files.write(path, bytes)
            }
            written => written,
        };
        written.with_path("write", path)
    }

    /// As [`Files::append`](crate::io::vfs::Files::append), for a file that may need repair.
    pub(in crate::store) fn append(&self, path: &Path, bytes: &[u8], durable: bool) -> Result<u64> {
        let appended = match self.files.append(path, bytes, durable) {
            Err(error) if is_not_a_file(&error) && self.move_away_from_file_path(path)? => {
                self.files.append(path, bytes, durable)
            }
            appended => appended,
        };
        appended.with_path("append to", path)
    }

    /// Renames a file over another, which may need repair.
    pub(in crate::store) fn replace(&self, from: &Path, to: &Path) -> Result<()> {
        let renamed = match self.files.rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && self.move_away_from_file_path(to)? => {
                self.files.rename(from, to)
            }
            renamed => renamed,
        };
        renamed.with_path("rename", to)
    }

    /// Removes a file that may need repair. A missing file is not an error.
    pub(in crate::store) fn remove_file_if_there(&self, path: &Path) -> Result<()> {
        match self.files.remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound || self.move_away_from_file_path(path)? => Ok(()),
            removed => removed.with_path("remove", path),
        }
    }

    /// Renames a folder to the name of a corrupt state.
    pub(in crate::store) fn set_aside(&self, path: &Path) -> Result<()> {
        let place = self.place_for_corrupt_state()?;
        self.remove_file_if_there(&place)?;
        self.files.rename(path, &place).with_path("set aside", path)
    }

    pub(in crate::store) fn place_for_corrupt_state(&self) -> Result<std::path::PathBuf> {
        let mut number = 1;
        while number < MAX_CORRUPT && self.kind(&self.layout.corrupt_state(number))?.is_some() {
            number += 1;
        }
        Ok(self.layout.corrupt_state(number))
    }
}

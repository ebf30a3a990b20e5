//! Folders that are being installed or wait for their removal, and what crashes left of them.

use std::path::{Path, PathBuf};

use super::Store;
use super::storage::Persistence;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Kind, Lock, is_not_a_file};

const LOCK_SUFFIX: &str = ".lock";

/// A name in the staging folder, ours for as long as this lives.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: PathBuf,
    lock_path: PathBuf,
    lock: Box<dyn Lock>,
}

impl Persistence {
    /// Takes a new name in the staging folder. Nothing is there yet.
    pub(super) fn stage(&self) -> Result<Staged> {
        let staging = self.layout.staging();
        let (name, lock) = self.lock_new_name(|name| lock_of(&staging.join(name)))?;
        let path = staging.join(name);
        Ok(Staged {
            lock_path: lock_of(&path),
            path,
            lock,
        })
    }

    /// Removes what is there, and the name.
    pub(super) fn unstage(&self, staged: Staged) -> Result<()> {
        self.remove_if_there(&staged.path)?;
        // Removed while it is locked: who is just about to lock it sees that it is gone.
        let removed = self.remove_file_if_there(&staged.lock_path);
        drop(staged.lock);
        removed
    }

    /// Removes what has this name in the staging folder, unless it is in use.
    fn remove_staged(&self, name: &str) -> Result<()> {
        let path = self.layout.staging().join(name);
        let lock_path = lock_of(&path);
        match self.files.try_lock(&lock_path) {
            Ok(Some(lock)) => self.unstage(Staged { path, lock_path, lock }),
            Ok(None) => Ok(()),
            // What is no file locks nothing.
            Err(error) if is_not_a_file(&error) => {
                self.remove_if_there(&path)?;
                self.remove_if_there(&lock_path)
            }
            Err(error) => Err(Error::io("lock", &lock_path, error)),
        }
    }

    fn remove_if_there(&self, path: &Path) -> Result<()> {
        match self.kind(path)? {
            None => Ok(()),
            Some(Kind::Folder) => self.files.remove_folder(path).with_path("remove", path),
            Some(_) => self.remove_file_if_there(path),
        }
    }
}

impl Store {
    /// Removes what is not in use any more: everything in the staging folder whose lock can be taken. What cannot be
    /// removed keeps nothing else from being removed; the first error is returned.
    pub(super) fn sweep_staging(&self) -> Result<()> {
        let persistence = &self.persistence;
        let mut names: Vec<String> = (persistence.list(&persistence.layout.staging())?.into_iter())
            .map(|name| name.strip_suffix(LOCK_SUFFIX).unwrap_or(&name).to_owned())
            .collect();
        // A folder and its lock.
        names.dedup();
        let removed = names.iter().map(|name| persistence.remove_staged(name));
        removed.fold(Ok(()), Result::and)
    }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(LOCK_SUFFIX);
    path.with_file_name(name)
}

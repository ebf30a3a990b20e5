//! The staging folder: folders that are being installed or removed, and those that crashes left.

use std::path::{Path, PathBuf};

use super::files::Storage;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Kind, Lock, is_not_a_file};

/// Length of a random name: 128 bits in hexadecimal, so that no two are equal.
pub(in crate::store) const NAME_LENGTH: usize = 32;
/// Attempts to create a lock file. A sweep may remove it between its creation and locking it.
const NAME_ATTEMPTS: usize = 16;
const LOCK_SUFFIX: &str = ".lock";

/// A name in the staging folder, reserved until this is dropped.
#[derive(Debug)]
pub(in crate::store) struct Staged {
    pub(in crate::store) path: PathBuf,
    lock_path: PathBuf,
    lock: Box<dyn Lock>,
}

impl Storage {
    /// Reserves a new name in the staging folder. Its folder does not exist yet.
    pub(in crate::store) fn stage(&self) -> Result<Staged> {
        let staging = self.layout.staging();
        let (name, lock) = self.lock_new_name(|name| lock_of(&staging.join(name)))?;
        let path = staging.join(name);
        Ok(Staged {
            lock_path: lock_of(&path),
            path,
            lock,
        })
    }

    /// Removes everything in the staging folder whose lock is free. Continues after an error, and returns the first
    /// one.
    pub(in crate::store) fn sweep_staging(&self) -> Result<()> {
        let mut names: Vec<String> = (self.list(&self.layout.staging())?.into_iter())
            .map(|name| name.strip_suffix(LOCK_SUFFIX).unwrap_or(&name).to_owned())
            .collect();
        // A folder and its lock have the same stem.
        names.dedup();
        let removed = names.iter().map(|name| self.remove_staged(name));
        removed.fold(Ok(()), Result::and)
    }

    /// Creates and locks a file with a new random name, at the path that `path_of` returns for it.
    pub(in crate::store) fn lock_new_name(&self, path_of: impl Fn(&str) -> PathBuf) -> Result<(String, Box<dyn Lock>)> {
        for _ in 0..NAME_ATTEMPTS {
            let name = random_name()?;
            let path = path_of(&name);
            if let Some(lock) = self.files.try_lock(&path).with_path("lock", &path)?
                && self.kind(&path)?.is_some()
            {
                return Ok((name, lock));
            }
        }
        let problem = format!("could not acquire a lock after {NAME_ATTEMPTS} attempts");
        Err(Error::Corrupt {
            path: path_of(""),
            problem,
        })
    }

    /// Removes the folder or file, and releases the name.
    pub(in crate::store) fn unstage(&self, staged: Staged) -> Result<()> {
        self.remove_if_there(&staged.path)?;
        // Removed while locked: a process that is about to lock it then sees that it is gone.
        let removed = self.remove_file_if_there(&staged.lock_path);
        drop(staged.lock);
        removed
    }

    /// Removes the entry with this name from the staging folder, unless it is in use.
    fn remove_staged(&self, name: &str) -> Result<()> {
        let path = self.layout.staging().join(name);
        let lock_path = lock_of(&path);
        match self.files.try_lock(&lock_path) {
            Ok(Some(lock)) => self.unstage(Staged { path, lock_path, lock }),
            Ok(None) => Ok(()),
            // The lock path is not a file, so it locks nothing.
            Err(error) if is_not_a_file(&error) => {
                self.remove_if_there(&path)?;
                self.remove_if_there(&lock_path)
            }
            Err(error) => Err(Error::io("lock", &lock_path, error)),
        }
    }

    /// Removes a file, or a folder with its contents, if there is one.
    pub(in crate::store) fn remove_if_there(&self, path: &Path) -> Result<()> {
        match self.kind(path)? {
            None => Ok(()),
            Some(Kind::Folder) => self.files.remove_folder(path).with_path("remove", path),
            Some(_) => self.remove_file_if_there(path),
        }
    }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(LOCK_SUFFIX);
    path.with_file_name(name)
}

pub(in crate::store) fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::random)?;
    Ok(format!("{:0NAME_LENGTH$x}", u128::from_be_bytes(bytes)))
}

//! Folders that are being installed or wait for their removal, and what crashes left of them.

use std::path::{Path, PathBuf};

use super::files::Storage;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Kind, Lock, is_not_a_file};

/// Digits of a session's name: 128 random bits, so that no two are ever alike.
pub(in crate::store) const NAME_LENGTH: usize = 32;
/// Tries for a name that no cleaner removes in the moment between making its lock file and locking it.
const NAME_TRIES: usize = 16;
const LOCK_SUFFIX: &str = ".lock";

/// A name in the staging folder, ours for as long as this lives.
#[derive(Debug)]
pub(in crate::store) struct Staged {
    pub(in crate::store) path: PathBuf,
    lock_path: PathBuf,
    lock: Box<dyn Lock>,
}

impl Storage {
    /// Takes a new name in the staging folder. Nothing is there yet.
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

    /// Removes what is not in use any more: everything in the staging folder whose lock can be taken. What cannot be
    /// removed keeps nothing else from being removed; the first error is returned.
    pub(in crate::store) fn sweep_staging(&self) -> Result<()> {
        let mut names: Vec<String> = (self.list(&self.layout.staging())?.into_iter())
            .map(|name| name.strip_suffix(LOCK_SUFFIX).unwrap_or(&name).to_owned())
            .collect();
        // A folder and its lock.
        names.dedup();
        let removed = names.iter().map(|name| self.remove_staged(name));
        removed.fold(Ok(()), Result::and)
    }

    /// A new random name, and the lock on the file at `path_of` it.
    pub(in crate::store) fn lock_new_name(&self, path_of: impl Fn(&str) -> PathBuf) -> Result<(String, Box<dyn Lock>)> {
        for _ in 0..NAME_TRIES {
            let name = random_name()?;
            let path = path_of(&name);
            if let Some(lock) = self.files.try_lock(&path).with_path("lock", &path)?
                && self.kind(&path)?.is_some()
            {
                return Ok((name, lock));
            }
        }
        let problem = format!("no lock was to be had on any of {NAME_TRIES} new files");
        Err(Error::Corrupt {
            path: path_of(""),
            problem,
        })
    }

    /// Removes what is there, and the name.
    pub(in crate::store) fn unstage(&self, staged: Staged) -> Result<()> {
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

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(LOCK_SUFFIX);
    path.with_file_name(name)
}

pub(in crate::store) fn random_name() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random { source })?;
    Ok(format!("{:0NAME_LENGTH$x}", u128::from_be_bytes(bytes)))
}

//! Room for what must still be written when the disk is full.
//!
//! A confirmation that cannot be written is lost with the process, and the next launch takes it for a crash. So a file of no
//! use keeps some room; it is given up for the outcome of a trial and for what frees space, and no trial begins without it.

use std::io;

use super::Store;
use super::state::State;
use super::storage::Persistence;
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::io::vfs::Kind;

/// One more copy of a state that names a hundred bundles, a record and a mark, in blocks of 4 KiB. A device does not miss it.
const RESERVE: u64 = 64 << 10;
/// No zeros: some file systems give no room to them.
const FILLING: u8 = 0xa5;

impl Persistence {
    fn has_reserve(&self) -> Result<bool> {
        let path = self.layout.reserve();
        match self.files.size(&path) {
            // One that a crash cut short keeps too little.
            Ok(size) => Ok(size == RESERVE && self.kind(&path)? == Some(Kind::File)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("look at", &path, error)),
        }
    }

    /// Makes the reserve if there is none; durable when it returns. Called under the lock: who gave it up just then has not
    /// written yet.
    pub(super) fn keep_reserve(&self) -> Result<()> {
        if self.has_reserve()? {
            return Ok(());
        }
        let filling = vec![FILLING; usize::try_from(RESERVE).unwrap_or_default()];
        self.write_durably(&self.layout.reserve(), &filling)?;
        let root = self.layout.root();
        self.files.sync_folder(root).with_path("sync the folder", root)
    }

    /// Gives the reserve up. Says whether there was one.
    fn release_reserve(&self) -> Result<bool> {
        let (path, root) = (self.layout.reserve(), self.layout.root());
        match self.files.remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Something else has its name, and keeps no room.
            Err(_) if self.kind(&path)? != Some(Kind::File) => return Ok(false),
            Err(error) => return Err(Error::io("remove", &path, error)),
        }
        // File systems that write to new places only have the room when they know for good that it is free.
        self.files.sync_folder(root).with_path("sync the folder", root)?;
        Ok(true)
    }
}

impl Store {
    /// Makes the reserve if there is none and nobody else changes the store.
    pub(super) fn make_reserve(&self) -> Result<()> {
        if self.persistence.has_reserve()? {
            return Ok(());
        }
        let lock = self.persistence.layout.lock();
        match self.persistence.try_lock(&lock)? {
            Some(_lock) => self.persistence.keep_reserve(),
            None => Ok(()),
        }
    }

    /// As [`change`](Self::change), also on a full disk: for what ends or excuses an attempt, and for what frees space.
    pub(super) fn change_from_reserve<T>(&self, mut change: impl FnMut(&mut State) -> Result<T>) -> Result<T> {
        let _lock = self.lock(self.options.lock_timeout)?;
        self.change_locked_from_reserve(&mut change)
    }

    /// As [`change_from_reserve`](Self::change_from_reserve), for whoever holds the lock.
    pub(super) fn change_locked_from_reserve<T>(&self, change: &mut dyn FnMut(&mut State) -> Result<T>) -> Result<T> {
        match self.change_locked(&mut *change) {
            Err(error) if error.kind() == ErrorKind::NoSpace => {
                if !self.persistence.release_reserve()? {
                    return Err(error);
                }
            }
            result => return result,
        }
        // What is to be removed now needs some room as well. The next trial, or the next start, makes the reserve again.
        self.change_locked(change)
    }
}

//! Room for what must still be written when the disk is full.
//!
//! A confirmation that cannot be written is lost with the process, and the next launch takes it for a crash. So a file of no
//! use keeps some room; it is given up for the outcome of a trial and for what frees space, and no trial begins without it.

use std::io;

use super::files::Storage;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::Kind;

/// One more copy of a state that names a hundred bundles, a record and a mark, in blocks of 4 KiB. A device does not miss it.
const RESERVE: u64 = 64 << 10;
/// No zeros: some file systems give no room to them.
const FILLING: u8 = 0xa5;

impl Storage {
    pub(in crate::store) fn has_reserve(&self) -> Result<bool> {
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
    pub(in crate::store) fn keep_reserve(&self) -> Result<()> {
        if self.has_reserve()? {
            return Ok(());
        }
        let filling = vec![FILLING; usize::try_from(RESERVE).unwrap_or_default()];
        self.write_durably(&self.layout.reserve(), &filling)?;
        let root = self.layout.root();
        self.files.sync_folder(root).with_path("sync the folder", root)
    }

    /// Gives the reserve up. Says whether there was one.
    pub(in crate::store) fn release_reserve(&self) -> Result<bool> {
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

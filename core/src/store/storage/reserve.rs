//! Space for writes that must succeed on a full disk: how a trial ended, and what is to be removed.
//!
//! A confirmation that cannot be written is lost with the process, and the next launch counts a crash. So a file
//! without content of value reserves some space. It is given up to write the outcome of a trial or to free space, and
//! no trial begins without it.

use std::io;

use super::files::Storage;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::Kind;

/// Enough for one copy of a state with a hundred bundles, a record and a mark, in blocks of 4 KiB, and too little to
/// matter to a device.
const RESERVE: u64 = 64 << 10;
/// Not zero, since some file systems allocate no blocks for zeros.
const FILLING: u8 = 0xa5;

impl Storage {
    pub(in crate::store) fn has_reserve(&self) -> Result<bool> {
        let path = self.layout.reserve();
        match self.files.size(&path) {
            // One that a crash truncated reserves too little.
            Ok(size) => Ok(size == RESERVE && self.kind(&path)? == Some(Kind::File)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("inspect", &path, error)),
        }
    }

    /// Creates the reserve if it is missing, durable when it returns. Called under the lock: a process that just gave
    /// it up may not have written yet.
    pub(in crate::store) fn keep_reserve(&self) -> Result<()> {
        if self.has_reserve()? {
            return Ok(());
        }
        let filling = vec![FILLING; usize::try_from(RESERVE).unwrap_or_default()];
        self.write_durably(&self.layout.reserve(), &filling)?;
        let root = self.layout.root();
        self.files.sync_folder(root).with_path("sync the folder", root)
    }

    /// Gives up the reserve. Returns whether it existed.
    pub(in crate::store) fn release_reserve(&self) -> Result<bool> {
        let (path, root) = (self.layout.reserve(), self.layout.root());
        match self.files.remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // Something else is at its path, and reserves no space.
            Err(_) if self.kind(&path)? != Some(Kind::File) => return Ok(false),
            Err(error) => return Err(Error::io("remove", &path, error)),
        }
        // Copy-on-write file systems free the blocks only after the removal is durable.
        self.files.sync_folder(root).with_path("sync the folder", root)?;
        Ok(true)
    }
}

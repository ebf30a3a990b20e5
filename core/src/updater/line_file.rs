//! A file of lines, to which each process appends without reading it.
//!
//! Each line is a JSON object. A crash or a full disk can leave a part of a line at the end, and no part of an object
//! is an object. So a reader skips such a part, and each line begins with a line break, too, which ends it. Empty
//! lines mean nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::io::vfs::Lock;
use crate::store::SideFiles;

/// How long a change that cannot be postponed waits for another process, which holds the lock for milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct LineFile {
    files: SideFiles,
    name: &'static str,
    lock_name: &'static str,
    known: Mutex<Known>,
}

/// The state of the file after the last call.
#[derive(Debug, Default)]
struct Known {
    size: Option<u64>,
    /// Whether the name of the file is durable.
    is_named: bool,
    /// A durable append failed. The system may have dropped bytes that a later sync does not make durable.
    is_suspect: bool,
}

/// When a file is rotated: renamed to `into`, so that the next line begins a new file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotation {
    pub(super) into: &'static str,
    /// The maximum size of a file. It is rotated a sixteenth before, so that a line of another process still fits.
    pub(super) limit: u64,
}

impl LineFile {
    pub(super) fn new(files: SideFiles, name: &'static str, lock_name: &'static str) -> Self {
        Self {
            files,
            name,
            lock_name,
            known: Mutex::default(),
        }
    }

    /// Appends lines in one write and returns the size of the file afterwards.
    ///
    /// They survive the end of the process, and a power cut if they are `durable`. A new file always gets a durable
    /// name, since later durable lines of other processes rely on it.
    pub(super) fn append(&self, lines: &[String], durable: bool) -> Result<u64> {
        let mut known = self.known();
        let bytes: String = lines.iter().flat_map(|line| ["\n", line, "\n"]).collect();
        let (before, added) = (known.size.take(), bytes.len() as u64);
        let result = self.files.append(self.name, bytes.as_bytes(), durable);
        known.is_suspect |= durable && result.is_err();
        let size = result?;
        let is_new = size == added;
        if is_new || before.is_none_or(|before| size < before + added) {
            // A new file, or another one than before.
            known.is_named = false;
        }
        if !known.is_named && (durable || is_new) {
            self.files.sync_names()?;
            known.is_named = true;
        }
        known.size = Some(size);
        Ok(size)
    }

    /// The size of the file.
    pub(super) fn size(&self) -> Result<u64> {
        self.files.size(self.name)
    }

    /// The lines, without a last one that is torn or being written now.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the file is longer than `limit` or not a file.
    pub(super) fn read(&self, limit: u64) -> Result<Vec<Vec<u8>>> {
        read_lines(&self.files, self.name, limit)
    }

    /// Replaces the file, durable when it returns. The caller holds the lock. Returns the size.
    pub(super) fn rewrite(&self, lines: &[String]) -> Result<u64> {
        let mut known = self.known();
        known.size = None;
        let bytes: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        self.files.replace(self.name, bytes.as_bytes())?;
        let size = bytes.len() as u64;
        *known = Known {
            size: Some(size),
            is_named: true,
            is_suspect: false,
        };
        Ok(size)
    }

    /// Whether a durable append failed since the file was last rewritten.
    pub(super) fn is_suspect(&self) -> bool {
        self.known().is_suspect
    }

    /// Copies the file, so that the next durable append is durable as a whole.
    ///
    /// A line that another process appends in the same moment is lost. This happens only after the disk failed.
    pub(super) fn renew(&self, limit: u64) -> Result<()> {
        let _lock = self.lock(PATIENCE)?;
        let bytes = self.files.read(self.name, limit)?.unwrap_or_default();
        let mut known = self.known();
        known.size = None;
        self.files.replace(self.name, &bytes)?;
        known.is_named = true;
        known.is_suspect = false;
        Ok(())
    }

    /// Rotates the file if there is no room for `added` bytes.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if the file is full and another process holds the lock. Nothing may be appended
    /// then.
    pub(super) fn make_room(&self, added: u64, rotation: &Rotation) -> Result<()> {
        let mut known = self.known();
        let size = match known.size {
            Some(size) => size,
            None => self.size()?,
        };
        known.size = Some(size);
        let soft_limit = rotation.limit - rotation.limit / 16;
        if size + added <= soft_limit {
            return Ok(());
        }
        let is_full = size + added > rotation.limit;
        let _lock = match self.lock(if is_full { PATIENCE } else { Duration::ZERO }) {
            // A later line rotates it.
            Err(Error::Busy { .. }) if !is_full => return Ok(()),
            lock => lock?,
        };
        // Another process may have rotated it.
        let size = self.size()?;
        known.size = Some(size);
        if size + added > soft_limit {
            known.size = None;
            self.files.rename(self.name, rotation.into)?;
            *known = Known {
                size: Some(0),
                ..Known::default()
            };
        }
        Ok(())
    }

    /// Locks the file against rotation and rewriting.
    pub(super) fn lock(&self, patience: Duration) -> Result<Box<dyn Lock>> {
        self.files.lock(self.lock_name, patience)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The size is taken before each change, so that a panic leaves it unknown.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of a file of this name, as [`LineFile::read`].
pub(super) fn read_lines(files: &SideFiles, name: &str, limit: u64) -> Result<Vec<Vec<u8>>> {
    let bytes = files.read(name, limit)?.unwrap_or_default();
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    // After the last line break: nothing, a part of a line, or a line without its line break.
    if lines.last().is_some_and(|last| !is_object(last)) {
        lines.pop();
    }
    Ok(lines
        .into_iter()
        .filter(|line| !line.is_empty())
        .map(<[u8]>::to_vec)
        .collect())
}

fn is_object(line: &[u8]) -> bool {
    serde_json::from_slice::<Map<String, Value>>(line).is_ok()
}

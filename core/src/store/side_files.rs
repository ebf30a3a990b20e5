//! Small files beside the state that belong to modules above the store.
//!
//! They are in the store's folder under names of their own, and no sweep removes them. The store does not know what
//! they contain.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::open::Store;
use super::storage::{Storage, decode, encode, temporary_of};
use super::warnings::Warnings;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::{Kind, Lock, is_not_a_file};
use crate::time::Timestamp;

/// Number of damaged files kept of each name; a later one replaces the last.
const MAX_CORRUPT: u32 = 4;

/// Files in the folder of a store, by name, with the clock and the warnings of the store.
///
/// Like the store's own files, an entry that is not a file does not block its name: it is moved away.
#[derive(Clone)]
pub(crate) struct SideFiles {
    storage: Storage,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    warnings: Arc<Warnings>,
}

impl Store {
    /// The files beside the state.
    pub(crate) fn side_files(&self) -> SideFiles {
        SideFiles {
            storage: self.storage.clone(),
            clock: Arc::clone(&self.clock),
            warnings: Arc::clone(&self.warnings),
        }
    }
}

impl SideFiles {
    /// The time by the clock of the store.
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Adds to [`Store::take_warnings`].
    pub(crate) fn warn(&self, warning: Error) {
        self.warnings.add(warning);
    }

    /// The path of the file with this name, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.storage.layout.root().join(name)
    }

    /// The size of a file; 0 if it is missing.
    pub(crate) fn size(&self, name: &str) -> Result<u64> {
        let path = self.path(name);
        if self.storage.kind(&path)? != Some(Kind::File) {
            return Ok(0);
        }
        match self.storage.files.size(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            size => size.with_path("inspect", &path),
        }
    }

    /// The contents of a file, if it exists. [`Corrupt`](crate::ErrorKind::Corrupt) if it is longer than `limit` or not
    /// a file.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name);
        match self.storage.files.read(&path, limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if is_not_a_file(&error) => {
                let problem = error.to_string();
                Err(Error::Corrupt { path, problem })
            }
            Err(error) => Err(Error::io("read", &path, error)),
        }
    }

    /// Appends in one write, as [`Files::append`](crate::io::vfs::Files::append). The name of a new file is durable
    /// after [`sync_names`](Self::sync_names).
    pub(crate) fn append(&self, name: &str, bytes: &[u8], durable: bool) -> Result<u64> {
        self.storage.append(&self.path(name), bytes, durable)
    }

    /// Replaces a file: durable when it returns, the old or the new contents after a crash before.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(name);
        let temporary = temporary_of(&path);
        self.storage.write_durably(&temporary, bytes)?;
        self.storage.replace(&temporary, &path)?;
        self.sync_names()
    }

    /// Renames a file, replacing `to`. Not durable. A missing file is not an error.
    pub(crate) fn rename(&self, from: &str, to: &str) -> Result<()> {
        match self.storage.replace(&self.path(from), &self.path(to)) {
            Err(Error::NotFound { .. }) => Ok(()),
            renamed => renamed,
        }
    }

    /// Removes a file, if it exists. Not durable.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.storage.remove_file_if_there(&self.path(name))
    }

    /// Makes the names of files durable.
    pub(crate) fn sync_names(&self) -> Result<()> {
        self.storage.sync_root()
    }

    /// Locks the file with this name, waiting at most for `patience`. The lock ends with the process.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if another process or thread holds it for longer.
    pub(crate) fn lock(&self, name: &str, patience: Duration) -> Result<Box<dyn Lock>> {
        self.storage.lock(&self.path(name), patience)
    }

    /// Encodes a file with a header, which detects damage.
    pub(crate) fn encode(&self, name: &str, generation: u64, contents: &impl Serialize) -> Result<Vec<u8>> {
        encode(stem_of(name), generation, contents).map_err(|error| Error::Corrupt {
            path: self.path(name),
            problem: format!("cannot be written as JSON: {error}"),
        })
    }

    /// Decodes a file that [`encode`](Self::encode) made: its generation and contents, or what is wrong with it.
    #[allow(clippy::unused_self, reason = "the counterpart of encode")]
    pub(crate) fn decode(&self, name: &str, bytes: &[u8]) -> Result<(u64, Value), String> {
        decode(stem_of(name), bytes)
    }

    /// Renames a damaged file to `<stem>.corrupt-<n>.json`, for debugging. Returns the new name.
    pub(crate) fn set_aside(&self, name: &str) -> Result<String> {
        let place_of = |number| format!("{}.corrupt-{number}.json", stem_of(name));
        let mut number = 1;
        while number < MAX_CORRUPT && self.storage.kind(&self.path(&place_of(number)))?.is_some() {
            number += 1;
        }
        let (path, place) = (self.path(name), place_of(number));
        self.remove(&place)?;
        let renamed = self.storage.files.rename(&path, &self.path(&place));
        renamed.with_path("set aside", &path)?;
        Ok(place)
    }
}

fn stem_of(name: &str) -> &str {
    name.strip_suffix(".json").unwrap_or(name)
}

impl fmt::Debug for SideFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SideFiles")
            .field("root", &self.storage.layout.root())
            .finish_non_exhaustive()
    }
}

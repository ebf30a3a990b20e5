//! Uploads the archive.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::http::Url;
use capbundle::progress::Control;
use capbundle::size;

/// Storage for one archive under a fixed name: a key of a bucket, or a file on a server.
pub trait Storage: fmt::Debug {
    /// The location, for messages: `s3://bucket/key`. Contains no secret.
    fn place(&self) -> String;

    /// Checks whether it can be written, without changing anything.
    ///
    /// # Errors
    /// Why it cannot be written.
    fn prepare(&self, control: &Control) -> Result<()> {
        let _ = control;
        Ok(())
    }

    /// Stores the file. If it fails and [`may_have_stored`](Self::may_have_stored), [`remove`](Self::remove) is called.
    ///
    /// # Errors
    /// Why the file is not stored, or not known to be.
    fn store(&self, file: &Path, control: &Control) -> Result<StoredArchive>;

    /// Whether something may have been stored although [`store`](Self::store) failed with this error. By
    /// default after an error of the network, a cancellation, a server error (408, 500 and above), and a
    /// success (200 to 299) with an unusable body. A storage that confirmed the file returns `true` for any error.
    fn may_have_stored(&self, error: &Error) -> bool {
        may_have_been_done(error)
    }

    /// Removes the file that [`store`](Self::store) stored or may have stored.
    ///
    /// # Errors
    /// Why it was not removed. A missing file is not an error.
    fn remove(&self, control: &Control) -> Result<()>;
}

/// A stored archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArchive {
    /// Its URL for devices; `None` if registering determines it.
    pub url: Option<Url>,
    /// Whether the same bytes already existed, so that nothing was sent: they are not removed if a later step fails.
    pub already_there: bool,
}

/// Uploads a file.
#[derive(Debug)]
pub struct Upload<'a> {
    storage: &'a dyn Storage,
    file: PathBuf,
    size: u64,
    made: bool,
}

impl<'a> Upload<'a> {
    /// Uploads `file`. `size` is only for the description.
    #[must_use]
    pub fn new(storage: &'a dyn Storage, file: PathBuf, size: u64) -> Self {
        Self {
            storage,
            file,
            size,
            made: false,
        }
    }
}

impl Step for Upload<'_> {
    fn describe(&self) -> String {
        format!("upload {} to {}", size::text(self.size), self.storage.place())
    }

    fn prepare(&mut self, control: &Control) -> Result<()> {
        self.storage.prepare(control)
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        let stored = self.storage.store(&self.file, control).inspect_err(|error| {
            // The whole file may have arrived before the failure.
            self.made = self.storage.may_have_stored(error);
        })?;
        self.made = !stored.already_there;
        work.already_there = stored.already_there;
        if stored.url.is_some() {
            work.url = stored.url;
        }
        Ok(())
    }

    fn made(&self) -> Option<String> {
        self.made.then(|| self.storage.place())
    }

    fn undo(&mut self, control: &Control) -> Result<()> {
        self.storage.remove(control)
    }
}

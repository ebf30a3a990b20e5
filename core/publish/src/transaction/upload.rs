//! The archive goes to where devices get it.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Step, Work};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use capbundle::http::Url;
use capbundle::progress::Control;
use capbundle::size;

/// A place for archives, under a name that is settled: a key of a bucket, a file of a server.
pub trait Storage: fmt::Debug {
    /// The place, for people: `s3://bucket/key`. Holds no secret.
    fn place(&self) -> String;

    /// Looks whether it can be written to, and changes nothing.
    ///
    /// # Errors
    /// What speaks against it.
    fn prepare(&self, control: &Control) -> Result<()> {
        let _ = control;
        Ok(())
    }

    /// Puts the file there. When it fails and [`may_have_stored`](Self::may_have_stored), [`remove`](Self::remove) is called.
    ///
    /// # Errors
    /// Why it is not there, or not known to be there as it should.
    fn store(&self, file: &Path, control: &Control) -> Result<StoredArchive>;

    /// Whether something may be there that was not there before, although [`store`](Self::store) failed with this error. By
    /// default after an error of the network, a cancellation, an answer of a server that broke (408, 500 and above), and one that
    /// says success (200 to 299) and cannot be used otherwise. A place that was seen to take the file says so whatever the error.
    fn may_have_stored(&self, error: &Error) -> bool {
        may_have_been_done(error)
    }

    /// Removes what [`store`](Self::store) put there, or may have put there.
    ///
    /// # Errors
    /// Why it is still there; that it is not there is none.
    fn remove(&self, control: &Control) -> Result<()>;
}

/// What came of storing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArchive {
    /// Where devices get it; `None` if registering settles that.
    pub url: Option<Url>,
    /// Whether the same bytes were there before, and nothing was sent: they are not removed when a later step fails.
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
    /// Of `size` bytes, which is only told.
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
            // All of it may have arrived before that.
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

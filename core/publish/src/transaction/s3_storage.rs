//! Stores an archive in a bucket.

use std::cell::RefCell;
use std::path::Path;

use super::{Storage, StoredArchive};
use crate::ambiguity::may_have_been_done;
use crate::error::{Error, Result};
use crate::s3::{Bucket, Object, StoredObject, UploadOptions};
use capbundle::ErrorKind;
use capbundle::http::Url;
use capbundle::progress::Control;

/// One key of a bucket.
///
/// Undoing removes the object only if the key was free before, so that a failed release does not remove an object that another one
/// needs.
#[derive(Debug)]
pub struct S3Object<'a> {
    bucket: &'a Bucket,
    key: String,
    options: UploadOptions,
    public: Option<Url>,
    before: RefCell<Before>,
    /// The object that the server confirmed to have written.
    written: RefCell<Option<StoredObject>>,
}

/// The previous object under the key.
#[derive(Debug)]
enum Before {
    Nothing,
    Something(Object),
    /// It was not checked, or the credentials may not read.
    Unknown,
}

impl<'a> S3Object<'a> {
    /// An object with this key. `public` is its URL for devices.
    #[must_use]
    pub fn new(bucket: &'a Bucket, key: impl Into<String>, options: UploadOptions, public: Option<Url>) -> Self {
        Self {
            bucket,
            key: key.into(),
            options,
            public,
            before: RefCell::new(Before::Unknown),
            written: RefCell::new(None),
        }
    }

    fn refuse(&self, problem: &str) -> Error {
        Error::Core(capbundle::Error::Unsupported {
            what: format!("removing {}", self.place()),
            problem: problem.to_owned(),
        })
    }

    /// Checks that an upload whose response was lost did not change the object.
    fn require_unchanged(&self, before: &Object, control: &Control) -> Result<()> {
        let now = self.bucket.head(&self.key, control)?;
        if now.is_none_or(|now| now.etag == before.etag && now.size == before.size) {
            return Ok(());
        }
        Err(self.refuse("another file existed there, which seems to be replaced"))
    }
}

impl Storage for S3Object<'_> {
    fn place(&self) -> String {
        format!("s3://{}/{}", self.bucket.name(), self.key)
    }

    fn prepare(&self, control: &Control) -> Result<()> {
        *self.before.borrow_mut() = match self.bucket.head(&self.key, control) {
            Ok(Some(object)) => Before::Something(object),
            Ok(None) => Before::Nothing,
            // The credentials may be able to write but not read. The upload reports other problems better.
            Err(error) if error.kind() == ErrorKind::Server => Before::Unknown,
            Err(error) => return Err(error),
        };
        Ok(())
    }

    fn store(&self, file: &Path, control: &Control) -> Result<StoredArchive> {
        let mut written = self.written.borrow_mut();
        let uploaded = self
            .bucket
            .upload_noting(file, &self.key, &self.options, &mut written, control)?;
        Ok(StoredArchive {
            url: self.public.clone(),
            already_there: uploaded.already_there,
        })
    }

    fn may_have_stored(&self, error: &Error) -> bool {
        self.written.borrow().is_some() || may_have_been_done(error)
    }

    fn remove(&self, control: &Control) -> Result<()> {
        match (&*self.before.borrow(), &*self.written.borrow()) {
            (Before::Nothing, Some(written)) => self.bucket.delete_written(&self.key, written, control),
            (Before::Nothing, None) => self.bucket.delete(&self.key, control),
            (Before::Something(before), None) => self.require_unchanged(before, control),
            (Before::Unknown, None) => {
                Err(self.refuse("the credentials may not read, so it is unknown whether it arrived"))
            }
            (Before::Something(_), Some(_)) => Err(self.refuse("the upload replaced another file, which is lost")),
            (Before::Unknown, Some(_)) => {
                Err(self.refuse("the credentials may not read, so it is unknown whether the file existed before"))
            }
        }
    }
}

#[cfg(test)]
mod tests;

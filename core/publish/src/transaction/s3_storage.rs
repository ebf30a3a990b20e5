//! An object of a bucket as the place of an archive.

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
/// Undoing removes the object only if nothing was under the key before, so that no failed release takes away what another
/// one needs.
#[derive(Debug)]
pub struct S3Object<'a> {
    bucket: &'a Bucket,
    key: String,
    options: UploadOptions,
    public: Option<Url>,
    before: RefCell<Before>,
    /// What the server was seen to write.
    written: RefCell<Option<StoredObject>>,
}

/// What was under the key before.
#[derive(Debug)]
enum Before {
    Nothing,
    Something(Object),
    /// Nobody looked, or the credentials may not.
    Unknown,
}

impl<'a> S3Object<'a> {
    /// The object that has, or will have, this key. `public` is where devices get it.
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

    /// Whether an upload of which no answer came changed what was there.
    fn require_unchanged(&self, before: &Object, control: &Control) -> Result<()> {
        let now = self.bucket.head(&self.key, control)?;
        if now.is_none_or(|now| now.etag == before.etag && now.size == before.size) {
            return Ok(());
        }
        Err(self.refuse("another file was there, which seems to be replaced"))
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
            // Whoever may write need not be allowed to look. What else is wrong the upload says better.
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
                Err(self.refuse("the credentials may not look, so nobody knows whether it arrived"))
            }
            (Before::Something(_), Some(_)) => Err(self.refuse("it replaced another file, which is gone")),
            (Before::Unknown, Some(_)) => {
                Err(self.refuse("the credentials may not look, so nobody knows whether it was there before"))
            }
        }
    }
}

#[cfg(test)]
mod tests;

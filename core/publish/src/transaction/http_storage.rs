//! Stores an archive on an HTTP server: at any URL with `PUT`, which cannot be undone, or on your own server.

use std::cell::Cell;
use std::path::Path;

use super::{Storage, StoredArchive};
use crate::ambiguity::may_have_been_done;
use crate::api::{Api, AppId, ArchiveUpload};
use crate::error::{Error, Result};
use crate::http_upload::{HttpUpload, HttpUploadOptions, put_noting};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Transport, Url};
use capbundle::progress::Control;

/// A URL that accepts a `PUT`, for example a presigned one.
#[derive(Debug)]
pub struct PutFile<'a> {
    transport: &'a dyn Transport,
    to: Url,
    options: HttpUploadOptions,
    public: Url,
    repeated: Cell<bool>,
}

impl<'a> PutFile<'a> {
    /// Uploads the file `to` this URL; devices download it from `public`.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, to: Url, options: HttpUploadOptions, public: Url) -> Self {
        Self {
            transport,
            to,
            options,
            public,
            repeated: Cell::new(false),
        }
    }
}

impl Storage for PutFile<'_> {
    fn place(&self) -> String {
        self.to.to_string()
    }

    fn store(&self, file: &Path, control: &Control) -> Result<StoredArchive> {
        let mut repeated = false;
        let upload = HttpUpload {
            url: &self.to,
            file,
            options: &self.options,
        };
        let put = put_noting(self.transport, &upload, &mut repeated, control);
        self.repeated.set(repeated);
        put?;
        Ok(StoredArchive {
            url: Some(self.public.clone()),
            already_there: false,
        })
    }

    fn may_have_stored(&self, error: &Error) -> bool {
        self.repeated.get() || may_have_been_done(error)
    }

    fn remove(&self, _: &Control) -> Result<()> {
        Err(Error::Core(capbundle::Error::Unsupported {
            what: "removing the upload".to_owned(),
            problem: "a URL that accepts PUT may not accept DELETE; without a registered bundle no device downloads it"
                .to_owned(),
        }))
    }
}

/// Your own server that stores archives itself; see [`Api::upload`].
///
/// Undoing removes the archive only if the server did not have it before. If the response to the upload was lost, that is unknown,
/// and the server removes the archive if no bundle needs it.
#[derive(Debug)]
pub struct ServerFile<'a> {
    api: &'a Api,
    app: AppId,
    version: String,
    digest: Sha256Digest,
    repeated: Cell<bool>,
}

impl<'a> ServerFile<'a> {
    /// An archive of this app and version with this digest.
    #[must_use]
    pub fn new(api: &'a Api, app: AppId, version: impl Into<String>, digest: Sha256Digest) -> Self {
        Self {
            api,
            app,
            version: version.into(),
            digest,
            repeated: Cell::new(false),
        }
    }
}

impl Storage for ServerFile<'_> {
    fn place(&self) -> String {
        format!("the archive folder of {}", self.api.base())
    }

    fn store(&self, file: &Path, control: &Control) -> Result<StoredArchive> {
        let mut repeated = false;
        let archive = ArchiveUpload {
            version: &self.version,
            file,
            digest: &self.digest,
        };
        let uploaded = self.api.upload_noting(&self.app, &archive, &mut repeated, control);
        self.repeated.set(repeated);
        let uploaded = uploaded?;
        Ok(StoredArchive {
            url: Some(uploaded.url),
            already_there: uploaded.already_there,
        })
    }

    fn may_have_stored(&self, error: &Error) -> bool {
        self.repeated.get() || may_have_been_done(error)
    }

    fn remove(&self, control: &Control) -> Result<()> {
        self.api.remove_upload(&self.app, &self.digest, control)
    }
}

#[cfg(test)]
mod tests;

//! Archives stored by the server itself, if it is your own.

use std::path::Path;
use std::time::Duration;

use super::call::{Call, Place};
use super::{Api, AppId};
use crate::error::{Error, Result};
use crate::http_upload::{HttpUpload, HttpUploadOptions, put_noting};
use capbundle::digest::Sha256Digest;
use capbundle::http::Idempotency;
use capbundle::http::{Method, Url};
use capbundle::progress::Control;

/// The server verifies the archive with this header.
const DIGEST: &str = "x-checksum-sha256";
/// The server responds after it stored the archive, possibly in a remote bucket. A shorter timeout would send everything again.
const STORE_TIMEOUT: Duration = Duration::from_secs(300);
/// The status of a `PUT` that created the archive; an existing one gets another success (RFC 9110 §9.3.4).
const CREATED: u16 = 201;

/// An archive to upload.
#[derive(Debug, Clone, Copy)]
pub struct ArchiveUpload<'a> {
    /// The version of its bundle.
    pub version: &'a str,
    /// The path of the archive.
    pub file: &'a Path,
    /// The digest of the archive. The server refuses other bytes.
    pub digest: &'a Sha256Digest,
}

/// An archive stored by your own server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedArchive {
    /// The URL for devices, to register.
    pub url: Url,
    /// Whether the server already had the same archive. `false` if that is unknown because a response was lost.
    pub already_there: bool,
}

impl Api {
    /// Uploads an archive to a server that stores archives itself, such as the example server of this repository: `PUT
    /// /upload/{app}/{name}`. The response contains the URL to register. Idempotent, so it is retried when the network or the
    /// server fails. Capgo's servers do not support it.
    ///
    /// Devices do not see the archive until it is registered; [`remove_upload`](Self::remove_upload) removes it.
    ///
    /// # Errors
    /// The errors of [`put`](crate::http_upload::put); [`Server`](capbundle::ErrorKind::Server) also if the
    /// server does not return a URL.
    pub fn upload(&self, app: &AppId, archive: &ArchiveUpload<'_>, control: &Control) -> Result<UploadedArchive> {
        self.upload_noting(app, archive, &mut false, control)
    }

    /// Like [`upload`](Self::upload). Sets `repeated` if the archive was sent more than once, even if the upload fails.
    pub(crate) fn upload_noting(
        &self,
        app: &AppId,
        archive: &ArchiveUpload<'_>,
        repeated: &mut bool,
        control: &Control,
    ) -> Result<UploadedArchive> {
        let &ArchiveUpload { version, file, digest } = archive;
        super::version::check_new_version(version)?;
        // A semantic version needs no percent-encoding in a path.
        let address: Url = format!("{}/upload/{app}/{version}.zip", self.base).parse()?;
        let options = HttpUploadOptions::default()
            .with_header("authorization", self.key.secret())?
            .with_header(DIGEST, digest.to_string())?
            .with_first_wait(self.first_wait)
            .with_answer_timeout(STORE_TIMEOUT);
        let upload = HttpUpload {
            url: &address,
            file,
            options: &options,
        };
        let stored = put_noting(&*self.transport, &upload, repeated, control)?;
        let url = stored.url.ok_or_else(|| {
            Error::Core(capbundle::Error::Server {
                url: address.to_string(),
                status: stored.status,
                problem: "the response to the upload contains no URL for devices".to_owned(),
            })
        })?;
        Ok(UploadedArchive {
            url,
            already_there: stored.status != CREATED && !stored.repeated,
        })
    }

    /// Removes an archive that was [uploaded](Self::upload) and not registered: `DELETE /upload/{app}/{digest}.zip`. A missing
    /// archive is not an error.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`]; on the example server `cannot_delete_upload` while a bundle needs it.
    pub fn remove_upload(&self, app: &AppId, digest: &Sha256Digest, control: &Control) -> Result<()> {
        let call = Call {
            method: Method::Delete,
            place: Place::Upload { app, digest },
            query: &[],
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "remove an upload",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }
}

//! Archives kept by the server itself, where it is one of your own.

use std::path::Path;
use std::time::Duration;

use super::call::{Call, Place};
use super::{Api, AppId};
use crate::error::{Error, Result};
use crate::http_upload::{HttpUploadOptions, put_noting};
use capbundle::digest::Sha256Digest;
use capbundle::http::Idempotency;
use capbundle::http::{Method, Url};
use capbundle::progress::Control;

/// The server compares what arrived with it.
const DIGEST: &str = "x-checksum-sha256";
/// The server answers when the archive is where it is kept, which may be a bucket far away: whoever gives up before sends all of
/// it again.
const KEEPING: Duration = Duration::from_secs(300);
/// A `PUT` that made something is answered with it, and one of what was there with another success (RFC 9110, 9.3.4).
const CREATED: u16 = 201;

/// An archive that a server of one's own keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadedArchive {
    /// Where devices get it, for registering.
    pub url: Url,
    /// Whether the server had the same archive before. `false` too where nobody knows, since an earlier answer was lost.
    pub already_there: bool,
}

impl Api {
    /// Sends an archive to a server that keeps archives itself, such as the example server of this repository: `PUT
    /// /upload/{app}/{name}`. Its answer is the address to register. Sent again when the network or the server fails: the
    /// same archive twice is one. Capgo's own servers take none this way.
    ///
    /// `digest` is that of the file; the server refuses other bytes. An archive that is never registered is got by no device;
    /// [`remove_upload`](Self::remove_upload) takes it back.
    ///
    /// # Errors
    /// As of [`put`](crate::http_upload::put); [`Server`](capbundle::ErrorKind::Server) also if the server does not say where it put the archive.
    pub fn upload(
        &self,
        app: &AppId,
        version: &str,
        file: &Path,
        digest: &Sha256Digest,
        control: &Control,
    ) -> Result<UploadedArchive> {
        self.upload_noting(app, version, file, digest, &mut false, control)
    }

    /// As [`upload`](Self::upload); `repeated` is whether it was sent more than once, also when it fails.
    pub(crate) fn upload_noting(
        &self,
        app: &AppId,
        version: &str,
        file: &Path,
        digest: &Sha256Digest,
        repeated: &mut bool,
        control: &Control,
    ) -> Result<UploadedArchive> {
        super::version::check_new_version(version)?;
        // The characters of a semantic version stand for themselves in a path.
        let address: Url = format!("{}/upload/{app}/{version}.zip", self.base).parse()?;
        let mut options = HttpUploadOptions::default();
        options.headers.add("authorization", self.key.secret())?;
        options.headers.add(DIGEST, digest.to_string())?;
        options.first_wait = self.first_wait;
        options.answer_timeout = Some(KEEPING);
        let stored = put_noting(&*self.transport, &address, file, &options, repeated, control)?;
        let url = stored.url.ok_or_else(|| {
            Error::Core(capbundle::Error::Server {
                url: address.to_string(),
                status: stored.status,
                problem: "it took the archive and does not say where devices get it".to_owned(),
            })
        })?;
        Ok(UploadedArchive {
            url,
            already_there: stored.status != CREATED && !stored.repeated,
        })
    }

    /// Takes back an archive that was [uploaded](Self::upload) and not registered: `DELETE /upload/{app}/{digest}.zip`. That it
    /// is not there is no error.
    ///
    /// # Errors
    /// As of [`Api::bundle`]; on the example server `cannot_delete_upload` while a bundle needs it.
    pub fn remove_upload(&self, app: &AppId, digest: &Sha256Digest, control: &Control) -> Result<()> {
        let call = Call {
            method: Method::Delete,
            place: Place::Upload { app, digest },
            query: &[],
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "take an upload back",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }
}

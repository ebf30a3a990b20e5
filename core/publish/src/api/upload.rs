//! Archives stored by the server itself, if it is your own.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::call::{Call, Place};
use super::{Api, AppId};
use crate::error::{Error, IoContext as _, Result};
use crate::http_upload::{HttpUpload, HttpUploadOptions, put_noting};
use crate::manifest::ManifestRow;
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
const ARCHIVE_TYPE: &str = "application/zip";
const FILE_TYPE: &str = "application/octet-stream";

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
        self.put(&address, file, digest, ARCHIVE_TYPE, repeated, control)
    }

    /// Uploads a single file of a manifest to a server that stores files itself: `PUT /upload/{app}/{sha256}.bin`. The server
    /// stores it once, however many bundles contain it. Idempotent, as [`upload`](Self::upload).
    ///
    /// # Errors
    /// As of [`upload`](Self::upload).
    pub fn upload_file(
        &self,
        app: &AppId,
        file: &Path,
        digest: &Sha256Digest,
        control: &Control,
    ) -> Result<UploadedArchive> {
        let address: Url = self.address(Place::File { app, digest }, false).parse()?;
        self.put(&address, file, digest, FILE_TYPE, &mut false, control)
    }

    /// Which files with these digests the server already stores for the app, by digest, with their URLs for devices.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`].
    pub fn known_files(
        &self,
        app: &AppId,
        digests: &[Sha256Digest],
        control: &Control,
    ) -> Result<HashMap<Sha256Digest, Url>> {
        let digests: Vec<String> = digests.iter().map(ToString::to_string).collect();
        let call = Call {
            method: Method::Post,
            place: Place::KnownFiles,
            query: &[],
            body: Some(json!({ "app_id": app.as_str(), "sha256": digests })),
            idempotency: Idempotency::Idempotent,
            operation: "look for uploaded files",
        };
        let answer = self.ask(&call, control, &mut 0)?;
        let known = answer.get("known").and_then(Value::as_object);
        let entries = known.into_iter().flatten();
        // An entry that cannot be read only means that the file is sent again.
        Ok(entries
            .filter_map(|(digest, url)| Some((digest.parse().ok()?, url.as_str()?.parse().ok()?)))
            .collect())
    }

    /// Uploads the rows of a manifest, whose files are [uploaded](Self::upload_file) or stored elsewhere: `PUT
    /// /upload/{app}/manifest.json`. Returns the digest that
    /// [`with_manifest`](super::BundleRegistration::with_manifest) registers. A manifest that is not registered within a day is
    /// removed.
    ///
    /// # Errors
    /// As of [`upload`](Self::upload).
    pub fn upload_manifest(&self, app: &AppId, rows: &[ManifestRow], control: &Control) -> Result<Sha256Digest> {
        let address: Url = self.address(Place::Manifest(app), false).parse()?;
        let document = serde_json::to_vec(rows).map_err(|error| Error::invalid_input("manifest", error.to_string()))?;
        let digest = Sha256Digest::of(&document);
        let mut file = tempfile::NamedTempFile::new().with_path("create a file in", &std::env::temp_dir())?;
        file.write_all(&document).with_path("write", file.path())?;
        let options = self
            .put_options(&digest)?
            .with_header("content-type", "application/json")?;
        let upload = HttpUpload {
            url: &address,
            file: file.path(),
            options: &options,
        };
        put_noting(&*self.transport, &upload, &mut false, control)?;
        Ok(digest)
    }

    /// Removes a file that was [uploaded](Self::upload_file) and not registered. A missing file is not an error.
    ///
    /// # Errors
    /// As of [`remove_upload`](Self::remove_upload).
    pub fn remove_file(&self, app: &AppId, digest: &Sha256Digest, control: &Control) -> Result<()> {
        self.remove_stored(Place::File { app, digest }, control)
    }

    /// Removes a manifest that was [uploaded](Self::upload_manifest) and not registered, so that its files can be removed. A
    /// missing one is not an error, and a registered one stays.
    ///
    /// # Errors
    /// The errors of [`Api::bundle`].
    pub fn remove_manifest(&self, app: &AppId, digest: &Sha256Digest, control: &Control) -> Result<()> {
        let call = Call {
            method: Method::Delete,
            place: Place::Manifest(app),
            query: &[("sha256", &digest.to_string())],
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "remove a manifest",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }

    fn remove_stored(&self, place: Place<'_>, control: &Control) -> Result<()> {
        let call = Call {
            method: Method::Delete,
            place,
            query: &[],
            body: None,
            idempotency: Idempotency::Idempotent,
            operation: "remove an upload",
        };
        self.ask(&call, control, &mut 0).map(drop)
    }

    fn put_options(&self, digest: &Sha256Digest) -> Result<HttpUploadOptions> {
        Ok(HttpUploadOptions::default()
            .with_header("authorization", self.key.secret())?
            .with_header(DIGEST, digest.to_string())?
            .with_first_wait(self.first_wait)
            .with_answer_timeout(STORE_TIMEOUT))
    }

    fn put(
        &self,
        address: &Url,
        file: &Path,
        digest: &Sha256Digest,
        content_type: &str,
        repeated: &mut bool,
        control: &Control,
    ) -> Result<UploadedArchive> {
        let options = self.put_options(digest)?.with_header("content-type", content_type)?;
        let upload = HttpUpload {
            url: address,
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
        self.remove_stored(Place::Upload { app, digest }, control)
    }
}

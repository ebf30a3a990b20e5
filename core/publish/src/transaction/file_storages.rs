//! Where the single files of a manifest are stored: a bucket, any server that accepts `PUT`, or your own update server.

use std::collections::HashMap;
use std::time::Duration;

use super::{FileStorage, FileToStore, StoredFile};
use crate::api::{Api, AppId};
use crate::error::{Error, Result};
use crate::http_upload::{HttpUpload, HttpUploadOptions, put};
use crate::s3::{Bucket, UploadOptions};
use capbundle::digest::Sha256Digest;
use capbundle::http::client::Client;
use capbundle::http::{Method, Request, Transport, Url};
use capbundle::progress::Control;

/// So few that a server that limits requests to ten a second refuses none of them for good.
const SERVER_PARALLEL: usize = 4;
/// The type of all single files: a compressed or encrypted file is of no other.
const CONTENT_TYPE: &str = "application/octet-stream";

/// Below a prefix of a bucket.
#[derive(Debug)]
pub struct S3Files<'a> {
    bucket: &'a Bucket,
    prefix: String,
    options: UploadOptions,
    public_url: Option<&'a str>,
    signed_for: Option<Duration>,
}

impl<'a> S3Files<'a> {
    /// Files with keys below `prefix`, a folder without a trailing slash. The content type of `options` is not used.
    #[must_use]
    pub fn new(bucket: &'a Bucket, prefix: impl Into<String>, options: UploadOptions) -> Self {
        Self {
            bucket,
            prefix: prefix.into(),
            options: options.with_content_type(CONTENT_TYPE),
            public_url: None,
            signed_for: None,
        }
    }

    /// Sets the template of the URL for devices; see [`Bucket::public_url`].
    #[must_use]
    pub fn with_public_url(mut self, template: Option<&'a str>) -> Self {
        self.public_url = template;
        self
    }

    /// Uses presigned URLs of this lifetime; see [`Bucket::presigned_get`].
    #[must_use]
    pub fn with_signed_for(mut self, lifetime: Option<Duration>) -> Self {
        self.signed_for = lifetime;
        self
    }

    /// The URL for devices.
    ///
    /// # Errors
    /// As of [`Bucket::public_url`] and [`Bucket::presigned_get`].
    pub fn url(&self, key: &str) -> Result<Url> {
        let key = self.key(key);
        match self.signed_for {
            Some(lifetime) => self.bucket.presigned_get(&key, lifetime),
            None => self.bucket.public_url(&key, self.public_url),
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.prefix)
    }
}

impl FileStorage for S3Files<'_> {
    fn place(&self) -> String {
        format!("s3://{}/{}/delta", self.bucket.name(), self.prefix)
    }

    fn store(&self, file: &FileToStore<'_>, control: &Control) -> Result<StoredFile> {
        let key = self.key(file.key);
        // A shared key names the same content in any version, so another compressed form of it may be replaced.
        let options = self
            .options
            .clone()
            .with_replace(self.options.replace || file.is_shared);
        let uploaded = self.bucket.upload(file.path, &key, &options, control)?;
        Ok(StoredFile {
            url: self.url(file.key)?,
            size: uploaded.size,
            already_there: uploaded.already_there,
        })
    }

    fn remove(&self, key: &str, _: &Sha256Digest, control: &Control) -> Result<()> {
        self.bucket.delete(&self.key(key), control)
    }
}

/// Below a URL that accepts `PUT`, such as a folder of a `WebDAV` server.
#[derive(Debug)]
pub struct PutFiles<'a> {
    transport: &'a dyn Transport,
    folder: Url,
    public_folder: Url,
    options: HttpUploadOptions,
}

impl<'a> PutFiles<'a> {
    /// Files below `folder`, which devices download below `public_folder`. Both end in a slash and have no query.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for other URLs, and if `options` already has a `Content-Type`
    /// that cannot be added.
    pub fn new(
        transport: &'a dyn Transport,
        folder: Url,
        public_folder: Url,
        options: HttpUploadOptions,
    ) -> Result<Self> {
        for url in [&folder, &public_folder] {
            if !url.as_str().ends_with('/') {
                let problem = "expected the URL of a folder, which ends in a slash and has no query";
                return Err(Error::invalid_input(url.to_string(), problem));
            }
        }
        let options = match options.headers.get("content-type") {
            Some(_) => options,
            None => options.with_header("content-type", CONTENT_TYPE)?,
        };
        Ok(Self {
            transport,
            folder,
            public_folder,
            options,
        })
    }

    /// Whether the server has a file of this size there. Any other answer means that the file is sent.
    fn is_stored(&self, url: &Url, size: u64, control: &Control) -> Result<bool> {
        let client = Client::new(self.transport, control, "upload");
        let head = client.head(&mut || -> Result<Request> {
            let mut request = Request::new(Method::Head, url.clone());
            request.headers = self.options.headers.clone();
            request.connect_timeout = self.options.connect_timeout;
            request.stall_timeout = self.options.stall_timeout;
            Ok(request)
        });
        control.check("upload")?;
        let Ok(head) = head else { return Ok(false) };
        let length = head
            .headers
            .get("content-length")
            .and_then(|length| length.trim().parse().ok());
        Ok(head.status == 200 && length == Some(size))
    }
}

impl FileStorage for PutFiles<'_> {
    fn place(&self) -> String {
        format!("{}delta", self.folder)
    }

    fn store(&self, file: &FileToStore<'_>, control: &Control) -> Result<StoredFile> {
        let url = below(&self.folder, file.key)?;
        let already_there = file.is_shared && self.is_stored(&url, file.size, control)?;
        if !already_there {
            let upload = HttpUpload {
                url: &url,
                file: file.path,
                options: &self.options,
            };
            put(self.transport, &upload, control)?;
        }
        Ok(StoredFile {
            url: below(&self.public_folder, file.key)?,
            size: file.size,
            already_there,
        })
    }

    fn remove(&self, _: &str, _: &Sha256Digest, _: &Control) -> Result<()> {
        Err(Error::Core(capbundle::Error::Unsupported {
            what: "removing the uploads".to_owned(),
            problem:
                "a URL that accepts PUT may not accept DELETE; without a registered bundle no device downloads them"
                    .to_owned(),
        }))
    }
}

/// The URL of a key below a folder. Percent signs of the key are part of it, so they are encoded.
fn below(folder: &Url, key: &str) -> Result<Url> {
    Ok(format!("{}{}", folder.as_str(), key.replace('%', "%25")).parse()?)
}

/// Your own server that stores files itself; see [`Api::upload_file`].
#[derive(Debug)]
pub struct ServerFiles<'a> {
    api: &'a Api,
    app: AppId,
}

impl<'a> ServerFiles<'a> {
    /// The files of this app.
    #[must_use]
    pub fn new(api: &'a Api, app: AppId) -> Self {
        Self { api, app }
    }
}

impl FileStorage for ServerFiles<'_> {
    fn place(&self) -> String {
        format!("the archive folder of {}", self.api.base())
    }

    fn known(&self, files: &[Sha256Digest], control: &Control) -> Result<HashMap<Sha256Digest, Url>> {
        self.api.known_files(&self.app, files, control)
    }

    /// The server limits the requests of an address.
    fn parallel(&self) -> usize {
        SERVER_PARALLEL
    }

    fn store(&self, file: &FileToStore<'_>, control: &Control) -> Result<StoredFile> {
        let uploaded = self.api.upload_file(&self.app, file.path, file.digest, control)?;
        Ok(StoredFile {
            url: uploaded.url,
            size: file.size,
            already_there: uploaded.already_there,
        })
    }

    fn remove(&self, _: &str, digest: &Sha256Digest, control: &Control) -> Result<()> {
        self.api.remove_file(&self.app, digest, control)
    }

    fn knows_references(&self) -> bool {
        true
    }
}

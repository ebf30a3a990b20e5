//! Storage in an S3 bucket: this server receives uploads, and devices download from the bucket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::s3::{Bucket, BucketOptions, Settings, UploadOptions};

use super::{IncomingFile, Storage};
use crate::config::S3;
use crate::error::{Error, Result};

/// Lifetime of presigned URLs. An interrupted download requests a new one from this server.
const PRESIGNED_LIFETIME: Duration = Duration::from_secs(3600);
/// Short, because a publisher waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Stores archives in a bucket.
#[derive(Debug)]
pub(crate) struct BucketStorage {
    bucket: Bucket,
    /// The prefix of all keys: empty, or with a trailing slash.
    prefix: String,
    /// The public URL template of the bucket, if it has one.
    public_url: Option<String>,
}

impl BucketStorage {
    /// Opens the bucket and lists it once, so that wrong credentials or names fail at the start and not at the first upload.
    pub(crate) fn open(options: &S3) -> Result<Self> {
        let invalid = |error: capbundle_publish::Error| Error::InvalidSetting {
            setting: "--s3-bucket",
            reason: error.to_string(),
        };
        let region = options.region.clone().unwrap_or_default();
        let bucket_options = BucketOptions::new(region, options.bucket.clone())
            .with_endpoint(options.endpoint.clone())
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_stall_timeout(STALL_TIMEOUT);
        let profile = options.profile.as_deref();
        let settings =
            Settings::find_missing(&bucket_options, options.credentials.as_ref(), profile).map_err(invalid)?;
        let bucket_options = bucket_options.or_from(&settings);
        let credentials = match &options.credentials {
            Some(credentials) => credentials.clone(),
            None => settings.into_credentials().map_err(invalid)?,
        };
        let transport = Http::from_aws_env().map_err(|error| invalid(error.into()))?;
        let bucket = Bucket::new(&bucket_options, credentials, Arc::new(transport)).map_err(invalid)?;
        let prefix = match options.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        bucket
            .list(&prefix, &Control::new())
            .next()
            .transpose()
            .map_err(invalid)?;
        let opened = Self {
            bucket,
            prefix,
            public_url: options.public_url.clone(),
        };
        opened
            .redirect_url("example/archive.zip")
            .map_err(|error| Error::InvalidSetting {
                setting: "--s3-public-url",
                reason: error.to_string(),
            })?;
        Ok(opened)
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl Storage for BucketStorage {
    fn store(&self, archive: IncomingFile, path: &str) -> io::Result<bool> {
        let options = UploadOptions::default().with_cache_control("public, max-age=31536000, immutable".to_owned());
        let uploaded = self
            .bucket
            .upload(archive.path(), &self.key(path), &options, &Control::new());
        uploaded
            .map(|uploaded| !uploaded.already_there)
            .map_err(io::Error::other)
    }

    fn size(&self, path: &str) -> io::Result<Option<u64>> {
        let object = self.bucket.head(&self.key(path), &Control::new());
        Ok(object.map_err(io::Error::other)?.map(|object| object.size))
    }

    /// Does not query the bucket, which would make every update request slow: an archive existed when its bundle was registered.
    fn likely_exists(&self, _: &str) -> io::Result<bool> {
        Ok(true)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let removed = self.bucket.delete(&self.key(path), &Control::new());
        removed.map_err(io::Error::other)
    }

    fn redirect_url(&self, path: &str) -> io::Result<Option<String>> {
        let key = self.key(path);
        let url = match &self.public_url {
            None => self.bucket.presigned_get(&key, PRESIGNED_LIFETIME),
            Some(template) => self.bucket.public_url(&key, Some(template)),
        };
        // `Display` omits the query, which contains the signature of a presigned URL.
        url.map(|url| Some(url.as_str().to_owned())).map_err(io::Error::other)
    }
}

//! Archives in a bucket of an S3 store: this server takes them and answers questions, devices get them from there.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::s3::{Bucket, BucketOptions, Settings, UploadOptions};

use super::{Incoming, Storage};
use crate::config::S3;
use crate::error::{Error, Result};

/// How long the address that a device is sent to holds. A download that breaks off asks this server again.
const LIFETIME: Duration = Duration::from_secs(3600);
/// The store answers while a publisher waits.
const CONNECT: Duration = Duration::from_secs(5);
const STALL: Duration = Duration::from_secs(15);

/// A bucket, and the keys in it.
#[derive(Debug)]
pub(crate) struct InBucket {
    bucket: Bucket,
    /// Leads every key; empty, or with a slash at its end.
    prefix: String,
    /// Where everybody may read, if that is so.
    public: Option<String>,
}

impl InBucket {
    /// Asks the bucket once, so that a wrong key or name is told when the server starts and not by the first upload.
    pub(crate) fn open(options: &S3) -> Result<Self> {
        let wrong = |problem: capbundle_publish::Error| Error::Setting {
            what: "--s3-bucket",
            problem: problem.to_string(),
        };
        let region = options.region.clone().unwrap_or_default();
        let mut place = BucketOptions::new(region, options.bucket.clone());
        place.endpoint.clone_from(&options.endpoint);
        place.connect_timeout = CONNECT;
        place.stall_timeout = STALL;
        let profile = options.profile.as_deref();
        let settings = Settings::find_missing(&place, options.credentials.as_ref(), profile).map_err(wrong)?;
        let place = place.or_from(&settings);
        let credentials = match &options.credentials {
            Some(given) => given.clone(),
            None => settings.into_credentials().map_err(wrong)?,
        };
        let transport = Http::from_aws_env().map_err(|problem| wrong(problem.into()))?;
        let bucket = Bucket::new(&place, credentials, Arc::new(transport)).map_err(wrong)?;
        let prefix = match options.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        bucket
            .list(&prefix, &Control::new())
            .next()
            .transpose()
            .map_err(wrong)?;
        let opened = Self {
            bucket,
            prefix,
            public: options.public_url.clone(),
        };
        opened
            .elsewhere("example/archive.zip")
            .map_err(|error| Error::Setting {
                what: "--s3-public-url",
                problem: error.to_string(),
            })?;
        Ok(opened)
    }

    fn key(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

impl Storage for InBucket {
    fn keep(&self, archive: Incoming, path: &str) -> io::Result<bool> {
        let mut options = UploadOptions::default();
        options.cache_control = Some("public, max-age=31536000, immutable".to_owned());
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

    /// Asking the store for every device that asks would make both slow: what was registered was there.
    fn seems_there(&self, _: &str) -> io::Result<bool> {
        Ok(true)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let removed = self.bucket.delete(&self.key(path), &Control::new());
        removed.map_err(io::Error::other)
    }

    fn elsewhere(&self, path: &str) -> io::Result<Option<String>> {
        let key = self.key(path);
        let address = match &self.public {
            None => self.bucket.presigned_get(&key, LIFETIME),
            Some(template) => self.bucket.public_url(&key, Some(template)),
        };
        // A URL prints without its query, which is what makes a presigned one hold.
        address
            .map(|address| Some(address.as_str().to_owned()))
            .map_err(io::Error::other)
    }
}

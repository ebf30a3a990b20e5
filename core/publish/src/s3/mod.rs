//! Bundles in S3 and in every store that speaks its protocol: upload, look, list, remove, and addresses for devices.
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::Arc;
//!
//! use capbundle::digest::Sha256Digest;
//! use capbundle::progress::Control;
//! use capbundle_publish::s3::{Bucket, BucketOptions, KeyParts, KeyTemplate, Settings, UploadOptions};
//! # use capbundle::http::{Receiver, Request, Transport, TransportError};
//! # #[derive(Debug)] struct Http;
//! # impl Http { fn new() -> Self { Self } }
//! # impl Transport for Http {
//! #     fn send(&self, _: &Request, _: &mut dyn Receiver) -> Result<(), TransportError> { Ok(()) }
//! # }
//!
//! # fn main() -> capbundle::Result<()> {
//! // Key and secret from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or else from ~/.aws. `Http` is that of feature `http`.
//! let settings = Settings::find(None)?;
//! let options = BucketOptions::new("eu-central-1", "my-bundles").or_from(&settings);
//! let bucket = Bucket::new(&options, settings.into_credentials()?, Arc::new(Http::new()))?;
//!
//! let digest = Some(Sha256Digest::of_file(Path::new("app.zip"), &Control::new())?);
//! let key = KeyTemplate::default().key(&KeyParts { app: "com.example.app", version: "1.2.3", digest })?;
//! let uploaded = bucket.upload(Path::new("app.zip"), &key, &UploadOptions::default(), &Control::new())?;
//! println!("{} bytes at {}", uploaded.size, bucket.public_url(&key, None)?);
//! # Ok(())
//! # }
//! ```
//!
//! # What is sent
//!
//! Every request is signed with AWS Signature Version 4 in its headers, the digest of its body among them, so that a server
//! that checks signatures takes no byte that is not ours. A file goes as one `PUT` below 8 MiB, above that in parts
//! of 8 MiB, several at a time, each streamed from the disk. Each part has its SHA-256 in `x-amz-checksum-sha256`; a server that
//! knows checksums checks it and says so, and [`Uploaded::checked`] tells whether it did.
//!
//! # What is left after a failure
//!
//! No half file: an upload in parts that fails or is cancelled is aborted. One whose process was killed stays open, and the next
//! [`upload`](Bucket::upload) of the same bytes to the same key sends only what is missing: a part counts where the
//! server has its SHA-256. A file that was written and could not be looked at afterwards stays, and the error says so.

mod aws_config;
mod checksums;
mod credentials;
mod document;
mod endpoint;
mod error;
mod key;
mod list;
mod object;
mod options;
mod profile;
mod request;
mod sign;
mod upload;
mod xml;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

pub use aws_config::Settings;
pub use credentials::Credentials;
pub use document::{Fetched, ObjectHeaders, Precondition, Put};
pub use key::{KeyParts, KeyTemplate};
pub use list::Objects;
pub use object::Object;
pub use options::{BucketOptions, Style};
pub(crate) use upload::StoredObject;
pub use upload::{Checked, UploadOptions, Uploaded};

use self::checksums::Checksums;
use crate::error::Result;
use capbundle::http::{Cleartext, Transport};

/// One bucket, with the right to use it. Nothing is asked of the server before it is used.
pub struct Bucket {
    place: rusty_s3::Bucket,
    endpoint: String,
    credentials: Credentials,
    transport: Arc<dyn Transport>,
    cleartext: Cleartext,
    options: BucketOptions,
    checksums: Checksums,
    clock: Arc<dyn Fn() -> SystemTime + Send + Sync>,
}

impl Bucket {
    /// A bucket, its options checked.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for options that contradict each other or name no bucket.
    pub fn new(options: &BucketOptions, credentials: Credentials, transport: Arc<dyn Transport>) -> Result<Self> {
        let place = endpoint::place(options)?;
        Ok(Self {
            place: place.bucket,
            endpoint: place.endpoint,
            credentials,
            transport,
            cleartext: place.cleartext,
            options: options.clone(),
            checksums: Checksums::default(),
            clock: Arc::new(SystemTime::now),
        })
    }

    /// Signs with the time of another clock, where the machine's own is known to be wrong.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// The address of its store, without the bucket and without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The region that requests are signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        self.place.region()
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bucket")
            .field("url", &self.place.base_url().as_str())
            .field("region", &self.place.region())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

//! Bundles in S3 and compatible object stores: upload, inspect, list, delete, and URLs for devices.
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
//! # fn main() -> capbundle_publish::Result<()> {
//! // Key and secret from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, otherwise from ~/.aws. `Http` is `capbundle::http::Http`.
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
//! Every request is signed with AWS Signature Version 4 in its headers. The signature covers the digest of the body, so a server
//! that checks signatures refuses altered bytes. A file below 8 MiB is sent as one `PUT`, a larger one in parts of 8 MiB, several
//! at a time, each streamed from the disk. Each part carries its SHA-256 in `x-amz-checksum-sha256`; a server that supports
//! checksums verifies and confirms it, and [`Uploaded::checked`] reports whether it did.
//!
//! # After a failure
//!
//! No partial object remains: a multipart upload that fails or is cancelled is aborted. If the process is killed, the upload stays
//! open, and the next [`upload`](Bucket::upload) of the same bytes to the same key sends only the missing parts; a part counts
//! if the server has its SHA-256. If the object was written but could not be verified afterwards, it stays, and the error says
//! so.

mod aws_config;
mod bucket;
mod checksums;
mod credentials;
mod document;
mod endpoint;
mod error;
mod header;
mod key;
mod list;
mod object;
mod options;
mod profile;
mod request;
mod response;
mod sign;
mod upload;
mod xml;

pub use aws_config::Settings;
pub use bucket::Bucket;
pub use credentials::Credentials;
pub use document::{Fetched, Precondition, Put, SmallObject};
pub use key::{KeyParts, KeyTemplate};
pub use list::Objects;
pub use object::Object;
pub(crate) use object::StoredObject;
pub use options::{BucketOptions, Style};
pub use upload::{Checked, UploadOptions, Uploaded};

//! The bucket of the `--s3-…` options.

use capbundle::digest::Sha256Digest;
use capbundle::http::Url;
use capbundle_publish::s3::{Bucket, KeyParts, KeyTemplate, UploadOptions};
use serde::Serialize;

use super::destination;
use crate::args::{S3Args, UploadArgs};
use crate::commands::{s3, server};
use crate::error::{Failure, Result};

pub(super) fn bucket(args: &UploadArgs, s3: &S3Args) -> Result<Bucket> {
    let name = s3.bucket.as_deref().unwrap_or_default();
    let transport = server::s3_transport(&args.server.network)?;
    s3::bucket(&s3.access, name, args.dry_run, transport)
}

pub(super) fn key_template(s3: &S3Args) -> Result<KeyTemplate> {
    let template = match &s3.key {
        Some(template) => KeyTemplate::new(template)?,
        None => KeyTemplate::default(),
    };
    match &s3.prefix {
        Some(prefix) => Ok(template.under(prefix)?),
        None => Ok(template),
    }
}

pub(super) fn key(template: &KeyTemplate, app: &str, version: &str, digest: Option<Sha256Digest>) -> Result<String> {
    Ok(template.key(&KeyParts { app, version, digest })?)
}

pub(super) fn upload_options(s3: &S3Args) -> UploadOptions {
    UploadOptions::default()
        .with_cache_control(s3.cache_control.clone())
        .with_replace(s3.replace)
}

/// The download URL of the object. Registering requires https. A dry run may have no credentials to sign with, so it
/// shows the URL without a signature.
pub(super) fn public_url(bucket: &Bucket, key: &str, args: &UploadArgs) -> Result<Url> {
    let url = match args.s3.signed_for {
        Some(lifetime) if !args.dry_run => bucket.presigned_get(key, lifetime)?,
        _ => bucket.public_url(key, args.s3.public_url.as_deref())?,
    };
    if args.no_register {
        return Ok(url);
    }
    destination::require_https(url, "the URL in the bucket").map_err(|failure: Failure| {
        failure.adding("pass the download URL with --s3-public-url, for example that of a CDN")
    })
}

/// The location of the object, for the output.
#[derive(Debug, Clone, Serialize)]
pub(super) struct S3Location {
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) bucket: String,
    pub(super) key: String,
}

impl S3Location {
    pub(super) fn new(bucket: &Bucket, key: &str) -> Self {
        Self {
            endpoint: bucket.endpoint().to_owned(),
            region: bucket.region().to_owned(),
            bucket: bucket.name().to_owned(),
            key: key.to_owned(),
        }
    }
}

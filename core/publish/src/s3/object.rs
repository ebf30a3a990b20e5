//! One object: its metadata, its URLs, its removal.

use std::time::Duration;

use rusty_s3::S3Action as _;

use super::bucket::Bucket;
use super::header::{CHECKSUM, DIGEST};
use super::key;
use super::request::S3Request;
use super::response::{Refused, S3Response};
use crate::error::{Error, Result};
use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Headers, Method, Url};
use capbundle::progress::Control;

/// S3's limit for the lifetime of a presigned URL.
const MAX_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LOOK: &str = "read the metadata of an object";
/// The metadata of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of the whole object, as stored by [`upload`](Bucket::upload); `None` in a list and for objects uploaded otherwise.
    /// The server does not check it.
    pub sha256: Option<Sha256Digest>,
    /// The checksum that the server stores: the SHA-256 in Base64, or for a multipart upload that of the part digests, with the
    /// number of parts. `None` in a list.
    pub checksum: Option<String>,
    /// The entity tag, which changes with the content.
    pub etag: Option<String>,
    /// When it was written, as the server formats it.
    pub modified: Option<String>,
    /// Its `Content-Type`; `None` in a list.
    pub content_type: Option<String>,
    /// Its `Cache-Control`; `None` in a list.
    pub cache_control: Option<String>,
}

impl Object {
    fn from_head(key: &str, headers: &Headers) -> Option<Self> {
        let text = |name: &str| headers.get(name).map(str::to_owned);
        Some(Self {
            key: key.to_owned(),
            size: headers.get("content-length")?.trim().parse().ok()?,
            sha256: headers.get(DIGEST).and_then(|digest| digest.parse().ok()),
            checksum: text(CHECKSUM),
            etag: text("etag"),
            modified: text("last-modified"),
            content_type: text("content-type"),
            cache_control: text("cache-control"),
        })
    }
}

/// The result of looking at an object.
pub(super) enum Looked {
    /// The object exists.
    There(Object),
    /// The object or the bucket does not exist: the response has no body that says which.
    Absent,
    /// The credentials may not read it; they may still be able to write.
    Hidden(Refused),
}

/// An object that the server confirmed to have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    pub(super) digest: Sha256Digest,
    /// If the server sent one.
    pub(super) etag: Option<String>,
}

impl StoredObject {
    /// Whether `object` is this one, by its stored digest or entity tag.
    pub(super) fn is(&self, object: &Object) -> bool {
        object.sha256 == Some(self.digest) || (self.etag.is_some() && self.etag == object.etag)
    }
}

impl Bucket {
    /// The object under this key; `None` if it does not exist.
    ///
    /// # Errors
    /// [`Server`](capbundle::ErrorKind::Server) with the meaning of a refusal, also if the credentials may not read;
    /// [`Network`](capbundle::ErrorKind::Network) after five attempts; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for an
    /// invalid key; [`Cancelled`](capbundle::ErrorKind::Cancelled).
    pub fn head(&self, key: &str, control: &Control) -> Result<Option<Object>> {
        match self.look(key, control)? {
            Looked::There(object) => Ok(Some(object)),
            Looked::Absent => Ok(None),
            Looked::Hidden(refused) => Err(refused.into_error()),
        }
    }

    pub(super) fn look(&self, key: &str, control: &Control) -> Result<Looked> {
        let with_checksum = self.checksums.are_sent();
        let mut refused = match self.request_head(key, with_checksum, control)? {
            Ok(looked) => return Ok(looked),
            Err(refused) => refused,
        };
        // The reason of a refusal is in the body, which the response to HEAD does not have.
        let request = S3Request::new(Method::Get, Some(key), LOOK).with_header("range", "bytes=0-0");
        let get = self.send(&request, control, &mut ())?;
        if with_checksum && self.checksums.may_explain_head(&refused, &get) {
            refused = match self.request_head(key, false, control)? {
                Ok(looked) => {
                    self.checksums.were_refused();
                    return Ok(looked);
                }
                Err(again) => {
                    self.checksums.do_not_matter_to_heads();
                    again
                }
            };
        }
        let refused = match get {
            S3Response::Refused(get) if get.status == 404 => return Ok(Looked::Absent),
            S3Response::Refused(get) if get.status == refused.status && !get.code.is_empty() => get,
            S3Response::Done(_) | S3Response::Refused(_) => refused,
        };
        if refused.is_not_allowed() {
            return Ok(Looked::Hidden(refused));
        }
        Err(refused.into_error())
    }

    fn request_head(&self, key: &str, with_checksum: bool, control: &Control) -> Result<Result<Looked, Refused>> {
        let mut request = S3Request::new(Method::Head, Some(key), LOOK);
        if with_checksum {
            request = request.with_header("x-amz-checksum-mode", "ENABLED");
        }
        match self.send(&request, control, &mut ())? {
            S3Response::Done(reply) => {
                let object = Object::from_head(key, &reply.head.headers);
                let object = object.ok_or_else(|| {
                    Error::Core(capbundle::Error::Server {
                        url: self.place.object_url(key).to_string(),
                        status: reply.head.status,
                        problem: "the response has no Content-Length".to_owned(),
                    })
                })?;
                if with_checksum {
                    self.checksums.do_not_matter_to_heads();
                }
                Ok(Ok(Looked::There(object)))
            }
            S3Response::Refused(refused) if refused.status == 404 => Ok(Ok(Looked::Absent)),
            S3Response::Refused(refused) => Ok(Err(refused)),
        }
    }

    /// Removes the object under this key. A missing object is not an error.
    ///
    /// # Errors
    /// As [`head`](Self::head).
    pub fn delete(&self, key: &str, control: &Control) -> Result<()> {
        let request = S3Request::new(Method::Delete, Some(key), "remove an object");
        match self.send(&request, control, &mut ())? {
            S3Response::Refused(refused) if refused.status == 404 && refused.code != "NoSuchBucket" => Ok(()),
            answer => answer.done().map(|_| ()),
        }
    }

    /// Removes the object that an upload wrote, unless another one has replaced it.
    pub(crate) fn delete_written(&self, key: &str, written: &StoredObject, control: &Control) -> Result<()> {
        match self.look(key, control) {
            Ok(Looked::Absent) => Ok(()),
            Ok(Looked::There(object)) if !written.is(&object) => Err(Error::Core(capbundle::Error::Unsupported {
                what: format!("removing s3://{}/{key}", self.name()),
                problem: "another file has replaced the uploaded one".to_owned(),
            })),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            // If the object cannot be read, the response to the upload decides.
            Ok(Looked::There(_) | Looked::Hidden(_)) | Err(_) => self.delete(key, control),
        }
    }

    /// A URL that grants read access to the object for `lifetime`: one second to seven days.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for another lifetime and an invalid key.
    pub fn presigned_get(&self, key: &str, lifetime: Duration) -> Result<Url> {
        key::check(key)?;
        if lifetime < Duration::from_secs(1) || lifetime > MAX_LIFETIME {
            let problem = format!(
                "expected 1 s to {} s (7 days), found {} s",
                MAX_LIFETIME.as_secs(),
                lifetime.as_secs()
            );
            return Err(Error::invalid_input("lifetime of a presigned URL", problem));
        }
        let (access, secret) = (self.credentials.key(), self.credentials.secret());
        let credentials = match self.credentials.token() {
            Some(token) => rusty_s3::Credentials::new_with_token(access, secret, token),
            None => rusty_s3::Credentials::new(access, secret),
        };
        let action = self.place.get_object(Some(&credentials), key);
        Ok(action.sign_with_time(lifetime, &self.now()?).as_str().parse()?)
    }

    /// The public URL of the object, if the bucket or a CDN in front of it allows public reads.
    ///
    /// Derived from the endpoint and the bucket, or from a template with the placeholders `{key}` (percent-encoded), `{bucket}` and
    /// `{region}`. A template without `{key}` is a prefix.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a template that gives no valid URL, and an invalid key.
    pub fn public_url(&self, key: &str, template: Option<&str>) -> Result<Url> {
        key::check(key)?;
        let own = self.place.object_url(key);
        let Some(template) = template else {
            return Ok(own.as_str().parse()?);
        };
        let encoded = own
            .path()
            .strip_prefix(self.place.base_url().path())
            .unwrap_or_default();
        let filled = if template.contains("{key}") {
            template.to_owned()
        } else {
            format!("{}/{{key}}", template.trim_end_matches('/'))
        };
        // The key is replaced last, since it may contain braces.
        let filled = filled
            .replace("{bucket}", self.place.name())
            .replace("{region}", self.place.region())
            .replace("{key}", encoded);
        if filled.contains(['{', '}']) {
            let problem = format!("{template:?}: the only placeholders are {{key}}, {{bucket}} and {{region}}");
            return Err(Error::invalid_input("template of public URLs", problem));
        }
        filled.parse().map_err(|error: capbundle::Error| {
            Error::invalid_input(
                "template of public URLs",
                format!("{template:?} gives no valid URL: {error}"),
            )
        })
    }
}

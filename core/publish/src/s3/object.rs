//! One object: what it is, its addresses, its end.

use std::time::Duration;

use rusty_s3::S3Action as _;

use super::error::Refused;
use super::request::{S3Request, S3Response};
use super::upload::StoredObject;
use super::{Bucket, key};
use crate::error::{Error, Result};
use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Headers, Method, Url};
use capbundle::progress::Control;

/// A presigned URL lives at most this long.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LOOK: &str = "look at an object";
/// In this header the digest of the whole file is kept, whatever the server does with checksums.
pub(super) const DIGEST: &str = "x-amz-meta-sha256";
/// In this one the server tells the checksum it keeps.
pub(super) const CHECKSUM: &str = "x-amz-checksum-sha256";

/// What a server says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its key.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// The SHA-256 of the whole, as [`upload`](Bucket::upload) noted it; `None` in a list, and for objects of others. The server
    /// does not check it.
    pub sha256: Option<Sha256Digest>,
    /// The checksum the server itself keeps, in its own form: the Base64 of the SHA-256, for an upload in parts that of the
    /// digests of the parts with their number. `None` in a list.
    pub checksum: Option<String>,
    /// Changes with the content.
    pub etag: Option<String>,
    /// When it was written, in the server's words.
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

/// What asking for an object's head gives.
pub(super) enum Looked {
    /// It is there.
    There(Object),
    /// It is not, or the bucket is not: the answer has no body that says which.
    Absent,
    /// The credentials may not look, which does not mean that they may not write.
    Hidden(Refused),
}

impl Bucket {
    /// What is stored under this key; `None` if nothing is.
    ///
    /// # Errors
    /// [`Server`](capbundle::ErrorKind::Server) with what the refusal means, also when the credentials may not look;
    /// [`Network`](capbundle::ErrorKind::Network) after five tries; [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a key
    /// that cannot be one; [`Cancelled`](capbundle::ErrorKind::Cancelled).
    pub fn head(&self, key: &str, control: &Control) -> Result<Option<Object>> {
        match self.look(key, control)? {
            Looked::There(object) => Ok(Some(object)),
            Looked::Absent => Ok(None),
            Looked::Hidden(refused) => Err(refused.into_error()),
        }
    }

    pub(super) fn look(&self, key: &str, control: &Control) -> Result<Looked> {
        let with_checksum = self.checksums.are_sent();
        let mut refused = match self.ask_head(key, with_checksum, control)? {
            Ok(looked) => return Ok(looked),
            Err(refused) => refused,
        };
        // No answer to HEAD has a body, and why it is refused stands in the body.
        let asked = S3Request::new(Method::Get, Some(key), LOOK).with_header("range", "bytes=0-0");
        let told = self.send(&asked, control, &mut ())?;
        if with_checksum && self.checksums.may_explain_head(&refused, &told) {
            refused = match self.ask_head(key, false, control)? {
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
        let refused = match told {
            S3Response::Refused(told) if told.status == 404 => return Ok(Looked::Absent),
            S3Response::Refused(told) if told.status == refused.status && !told.code.is_empty() => told,
            S3Response::Done(_) | S3Response::Refused(_) => refused,
        };
        if refused.is_not_allowed() {
            return Ok(Looked::Hidden(refused));
        }
        Err(refused.into_error())
    }

    fn ask_head(&self, key: &str, with_checksum: bool, control: &Control) -> Result<Result<Looked, Refused>> {
        let mut asked = S3Request::new(Method::Head, Some(key), LOOK);
        if with_checksum {
            asked = asked.with_header("x-amz-checksum-mode", "ENABLED");
        }
        match self.send(&asked, control, &mut ())? {
            S3Response::Done(reply) => {
                let object = Object::from_head(key, &reply.head.headers);
                let object = object.ok_or_else(|| {
                    Error::Core(capbundle::Error::Server {
                        url: self.place.object_url(key).to_string(),
                        status: reply.head.status,
                        problem: "it did not say how large the object is".to_owned(),
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

    /// Removes what is stored under this key. That nothing is there is no error.
    ///
    /// # Errors
    /// As [`head`](Self::head).
    pub fn delete(&self, key: &str, control: &Control) -> Result<()> {
        let asked = S3Request::new(Method::Delete, Some(key), "remove an object");
        match self.send(&asked, control, &mut ())? {
            S3Response::Refused(refused) if refused.status == 404 && refused.code != "NoSuchBucket" => Ok(()),
            answer => answer.done().map(|_| ()),
        }
    }

    /// Removes what an upload wrote under this key, unless another file has taken its place since.
    pub(crate) fn delete_written(&self, key: &str, written: &StoredObject, control: &Control) -> Result<()> {
        match self.look(key, control) {
            Ok(Looked::Absent) => Ok(()),
            Ok(Looked::There(object)) if !written.is(&object) => Err(Error::Core(capbundle::Error::Unsupported {
                what: format!("removing s3://{}/{key}", self.name()),
                problem: "another file than the uploaded one is stored there now".to_owned(),
            })),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            // Where nobody can look, the answer to the upload counts.
            Ok(Looked::There(_) | Looked::Hidden(_)) | Err(_) => self.delete(key, control),
        }
    }

    /// An address from which whoever has it can fetch the object for so long: one second to seven days.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for another lifetime and a key that cannot be one.
    pub fn presigned_get(&self, key: &str, lifetime: Duration) -> Result<Url> {
        key::check(key)?;
        if lifetime < Duration::from_secs(1) || lifetime > LONGEST_LIFE {
            let problem = format!(
                "expected 1 s to {} s (7 days), found {} s",
                LONGEST_LIFE.as_secs(),
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

    /// The address under which devices fetch the object, if the bucket or a CDN in front of it lets everybody read.
    ///
    /// Derived from the endpoint, bucket included, or made from a template in which `{key}` (each letter encoded that must
    /// be), `{bucket}` and `{region}` stand for what they say; a template without `{key}` is what comes before it.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a template that gives no URL, and a key that cannot be one.
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
        // The key last: what it holds is no placeholder.
        let filled = filled
            .replace("{bucket}", self.place.name())
            .replace("{region}", self.place.region())
            .replace("{key}", encoded);
        if filled.contains(['{', '}']) {
            let problem = format!("{template:?}: expected {{key}}, {{bucket}} and {{region}} alone in braces");
            return Err(Error::invalid_input("template of public URLs", problem));
        }
        filled.parse().map_err(|error: capbundle::Error| {
            Error::invalid_input(
                "template of public URLs",
                format!("{template:?} gives no address: {error}"),
            )
        })
    }
}

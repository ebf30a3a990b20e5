//! Small objects, read and written with preconditions.
//!
//! Two programs that modify the same object concurrently would silently overwrite each other's changes. A precondition lets the
//! server refuse the second write. Amazon and most other stores support it.

use std::fmt;

use super::header::{CHECKSUM, DIGEST, base64, header};
use super::request::S3Request;
use super::response::S3Response;
use super::{Bucket, key};
use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Body, Method};
use capbundle::progress::Control;

/// The precondition of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precondition<'a> {
    /// No object exists under the key: `If-None-Match: *`.
    Absent,
    /// The object still has this entity tag: `If-Match`.
    Unchanged(&'a str),
    /// None: an existing object is replaced.
    None,
}

/// A small object to write, and the headers that it is served with.
#[derive(Clone, Copy)]
pub struct SmallObject<'a> {
    /// Its content.
    pub bytes: &'a [u8],
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Cache-Control`.
    pub cache_control: &'a str,
}

/// The result of a write with a precondition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Put {
    /// The object was written.
    Stored,
    /// The precondition does not hold; nothing was changed. If an earlier attempt of the same call lost its response, that attempt
    /// may have written the object: compare what is stored.
    Refused,
    /// The server reports that it does not support preconditions for `PUT`; nothing was changed.
    NoConditions,
}

/// A small object and its entity tag.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The requested bytes.
    pub bytes: Vec<u8>,
    /// The entity tag, which changes with the content.
    pub etag: Option<String>,
}

impl Bucket {
    /// Reads an object of at most `limit` bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) for a longer one; otherwise as of [`head`](Self::head).
    pub fn read(&self, key: &str, limit: u64, control: &Control) -> Result<Option<Fetched>> {
        // One byte more than allowed, to detect a longer object.
        let fetched = self.read_start(key, limit.saturating_add(1), control)?;
        match fetched {
            Some(fetched) if fetched.bytes.len() as u64 > limit => Err(Error::Core(capbundle::Error::LimitExceeded {
                path: format!("s3://{}/{key}", self.name()).into(),
                entry: None,
                what: "the object",
                limit,
            })),
            fetched => Ok(fetched),
        }
    }

    /// Reads the first `length` bytes of an object, or all of a shorter one.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub fn read_start(&self, key: &str, length: u64, control: &Control) -> Result<Option<Fetched>> {
        let range = format!("bytes=0-{}", length.max(1) - 1);
        let request = S3Request::new(Method::Get, Some(key), "read an object").with_header("range", range);
        let reply = match self.send(&request, control, &mut ())? {
            S3Response::Refused(refused) if refused.status == 404 && refused.code != "NoSuchBucket" => return Ok(None),
            // An empty object has no range.
            S3Response::Refused(refused) if refused.status == 416 => {
                return Ok(Some(Fetched {
                    bytes: Vec::new(),
                    etag: self.head(key, control)?.and_then(|object| object.etag),
                }));
            }
            answer => answer.done()?,
        };
        let mut bytes = reply.body;
        // A server may ignore the range.
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(Some(Fetched {
            bytes,
            etag: reply.head.headers.get("etag").map(str::to_owned),
        }))
    }

    /// Writes a small object if the precondition holds.
    ///
    /// # Errors
    /// As of [`upload`](Self::upload); a precondition that does not hold is not an error.
    pub fn write(
        &self,
        key: &str,
        object: &SmallObject<'_>,
        only_if: Precondition<'_>,
        control: &Control,
    ) -> Result<Put> {
        key::check(key)?;
        let mut checksums = self.checksums.are_sent();
        loop {
            match self.put_object(key, object, only_if, checksums, control)? {
                S3Response::Refused(refused) if checksums && self.checksums.may_explain(&refused) => {
                    // Without them, a 501 is about the condition.
                    checksums = false;
                }
                S3Response::Done(_) => {
                    self.note_checksums(checksums);
                    return Ok(Put::Stored);
                }
                S3Response::Refused(refused) if refused.status == 412 || refused.is_concurrent() => {
                    return Ok(Put::Refused);
                }
                // The object was removed since it was read.
                S3Response::Refused(refused) if refused.status == 404 && refused.code == "NoSuchKey" => {
                    return Ok(Put::Refused);
                }
                S3Response::Refused(refused) if refused.status == 501 && only_if != Precondition::None => {
                    return Ok(Put::NoConditions);
                }
                S3Response::Refused(refused) => return Err(refused.into_error()),
            }
        }
    }

    /// Notes that a write succeeded with checksum headers, or only without them.
    pub(super) fn note_checksums(&self, sent: bool) {
        if sent {
            self.checksums.were_taken();
        } else {
            self.checksums.were_refused();
        }
    }

    fn put_object(
        &self,
        key: &str,
        object: &SmallObject<'_>,
        only_if: Precondition<'_>,
        checksums: bool,
        control: &Control,
    ) -> Result<S3Response> {
        let digest = Sha256Digest::of(object.bytes);
        let mut request = S3Request::new(Method::Put, Some(key), "write an object")
            .with_header("content-type", header("Content-Type", object.content_type)?)
            .with_header("cache-control", header("Cache-Control", object.cache_control)?)
            .with_header(DIGEST, digest.to_string());
        if checksums {
            request = request.with_header(CHECKSUM, base64(&digest));
        }
        request = match only_if {
            Precondition::Absent => request.with_header("if-none-match", "*"),
            Precondition::Unchanged(etag) => request.with_header("if-match", etag),
            Precondition::None => request,
        };
        request.body = Some((Body::Bytes(object.bytes.to_vec()), digest));
        self.send(&request, control, &mut ())
    }

    /// Updates the modification time of an object by copying it onto itself; `false` if it does not exist.
    ///
    /// Its headers stay the same.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub fn renew(&self, key: &str, control: &Control) -> Result<bool> {
        let Some(object) = self.head(key, control)? else {
            return Ok(false);
        };
        // A copy onto itself must change something; replacing the metadata counts.
        let mut request = S3Request::new(Method::Put, Some(key), "renew an object")
            .with_header("x-amz-copy-source", self.copy_source(key))
            .with_header("x-amz-metadata-directive", "REPLACE");
        let headers = [
            ("content-type", object.content_type),
            ("cache-control", object.cache_control),
            (DIGEST, object.sha256.map(|digest| digest.to_string())),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request = request.with_header(name, header(name, &value)?);
            }
        }
        request.is_slow = true;
        self.send(&request, control, &mut ())?.done()?;
        Ok(true)
    }

    /// The bucket and the key, percent-encoded.
    fn copy_source(&self, key: &str) -> String {
        let own = self.place.object_url(key);
        let path = own.path().strip_prefix(self.place.base_url().path());
        let path = path.unwrap_or_else(|| own.path()).trim_start_matches('/');
        format!("/{}/{path}", self.name())
    }
}

impl fmt::Debug for SmallObject<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmallObject")
            .field("bytes", &self.bytes.len())
            .field("content_type", &self.content_type)
            .field("cache_control", &self.cache_control)
            .finish()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetched")
            .field("bytes", &self.bytes.len())
            .field("etag", &self.etag)
            .finish()
    }
}

impl fmt::Debug for Precondition<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Absent => "Absent",
            Self::Unchanged(_) => "Unchanged",
            Self::None => "None",
        })
    }
}

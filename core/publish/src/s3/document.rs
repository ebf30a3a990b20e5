//! Objects that fit into memory, read and written under conditions.
//!
//! Two programs that change the same object at once would undo each other's change without a word. A condition lets the
//! server decide, where it knows conditions for `PUT`: Amazon, and most others by now.

use std::fmt;

use super::object::{CHECKSUM, DIGEST};
use super::request::{S3Request, S3Response};
use super::upload::{base64, header};
use super::{Bucket, key};
use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Body, Method};
use capbundle::progress::Control;

/// What must hold for an object to be written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precondition<'a> {
    /// Nothing is under the key: `If-None-Match: *`.
    Absent,
    /// It still has this mark: `If-Match`.
    Unchanged(&'a str),
    /// Whatever is there is replaced.
    Whatever,
}

/// How a small object is served.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ObjectHeaders<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Cache-Control`.
    pub cache_control: &'a str,
}

impl<'a> ObjectHeaders<'a> {
    /// With both.
    #[must_use]
    pub fn new(content_type: &'a str, cache_control: &'a str) -> Self {
        Self {
            content_type,
            cache_control,
        }
    }
}

/// What came of writing under a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Put {
    /// It is stored.
    Stored,
    /// The condition does not hold; nothing was changed. After an answer that got lost this may be the doing of the very
    /// same call: look what is there.
    Refused,
    /// The server knows no conditions for `PUT`, and said so; nothing was changed.
    NoConditions,
}

/// A small object and its mark.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// All of it, or as much as was asked for.
    pub bytes: Vec<u8>,
    /// Changes with the content.
    pub etag: Option<String>,
}

impl Bucket {
    /// The whole of an object of at most `limit` bytes; `None` if nothing is under the key.
    ///
    /// # Errors
    /// [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) for a longer one; else as of [`head`](Self::head).
    pub fn read(&self, key: &str, limit: u64, control: &Control) -> Result<Option<Fetched>> {
        // One byte more than is allowed, so that a longer one is seen to be longer.
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

    /// The first `length` bytes of an object, or all of a shorter one.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub fn read_start(&self, key: &str, length: u64, control: &Control) -> Result<Option<Fetched>> {
        let range = format!("bytes=0-{}", length.max(1) - 1);
        let asked = S3Request::new(Method::Get, Some(key), "read an object").with_header("range", range);
        let reply = match self.send(&asked, control, &mut ())? {
            S3Response::Refused(refused) if refused.status == 404 && refused.code != "NoSuchBucket" => return Ok(None),
            // No byte of an empty object can be asked for.
            S3Response::Refused(refused) if refused.status == 416 => {
                return Ok(Some(Fetched {
                    bytes: Vec::new(),
                    etag: self.head(key, control)?.and_then(|object| object.etag),
                }));
            }
            answer => answer.done()?,
        };
        let mut bytes = reply.body;
        // A server may give all of it.
        bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        Ok(Some(Fetched {
            bytes,
            etag: reply.head.headers.get("etag").map(str::to_owned),
        }))
    }

    /// Writes a small object, if the condition holds.
    ///
    /// # Errors
    /// As of [`upload`](Self::upload); a condition that does not hold is no error.
    pub fn write(
        &self,
        key: &str,
        bytes: &[u8],
        served: ObjectHeaders<'_>,
        only_if: Precondition<'_>,
        control: &Control,
    ) -> Result<Put> {
        key::check(key)?;
        let mut checksums = self.checksums.are_sent();
        loop {
            match self.put_bytes(key, bytes, served, only_if, checksums, control)? {
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
                // It was there a moment ago.
                S3Response::Refused(refused) if refused.status == 404 && refused.code == "NoSuchKey" => {
                    return Ok(Put::Refused);
                }
                S3Response::Refused(refused) if refused.status == 501 && only_if != Precondition::Whatever => {
                    return Ok(Put::NoConditions);
                }
                S3Response::Refused(refused) => return Err(refused.into_error()),
            }
        }
    }

    /// A write succeeded with these headers, or without them after it had been refused with them.
    pub(super) fn note_checksums(&self, sent: bool) {
        if sent {
            self.checksums.were_taken();
        } else {
            self.checksums.were_refused();
        }
    }

    fn put_bytes(
        &self,
        key: &str,
        bytes: &[u8],
        served: ObjectHeaders<'_>,
        only_if: Precondition<'_>,
        checksums: bool,
        control: &Control,
    ) -> Result<S3Response> {
        let digest = Sha256Digest::of(bytes);
        let mut asked = S3Request::new(Method::Put, Some(key), "write an object")
            .with_header("content-type", header("Content-Type", served.content_type)?)
            .with_header("cache-control", header("Cache-Control", served.cache_control)?)
            .with_header(DIGEST, digest.to_string());
        if checksums {
            asked = asked.with_header(CHECKSUM, base64(&digest));
        }
        asked = match only_if {
            Precondition::Absent => asked.with_header("if-none-match", "*"),
            Precondition::Unchanged(etag) => asked.with_header("if-match", etag),
            Precondition::Whatever => asked,
        };
        asked.body = Some((Body::Bytes(bytes.to_vec()), digest));
        self.send(&asked, control, &mut ())
    }

    /// Gives an object the age of a new one, by copying it onto itself; `false` if nothing is under the key.
    ///
    /// What it is served as stays as it is.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub fn renew(&self, key: &str, control: &Control) -> Result<bool> {
        let Some(object) = self.head(key, control)? else {
            return Ok(false);
        };
        // A copy onto itself must change something, and saying all headers anew counts as that.
        let mut asked = S3Request::new(Method::Put, Some(key), "renew an object")
            .with_header("x-amz-copy-source", self.copy_source(key))
            .with_header("x-amz-metadata-directive", "REPLACE");
        let told = [
            ("content-type", object.content_type),
            ("cache-control", object.cache_control),
            (DIGEST, object.sha256.map(|digest| digest.to_string())),
        ];
        for (name, value) in told {
            if let Some(value) = value {
                asked = asked.with_header(name, header(name, &value)?);
            }
        }
        asked.is_slow = true;
        self.send(&asked, control, &mut ())?.done()?;
        Ok(true)
    }

    /// The bucket and the key, encoded as in an address.
    fn copy_source(&self, key: &str) -> String {
        let own = self.place.object_url(key);
        let path = own.path().strip_prefix(self.place.base_url().path());
        let path = path.unwrap_or_else(|| own.path()).trim_start_matches('/');
        format!("/{}/{path}", self.name())
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
            Self::Whatever => "Whatever",
        })
    }
}

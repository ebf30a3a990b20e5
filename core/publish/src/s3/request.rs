//! One signed request and its answer.

use std::sync::Arc;

use jiff::Timestamp;

use super::error;
use super::error::Refused;
use super::sign::{self, Signed};
use super::{Bucket, key};
use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::client::{Client, Response, UploadProgress};
use capbundle::http::{Body, Headers, Idempotency, Method, RedirectPolicy, Request, RetryPolicy, Url};
use capbundle::progress::Control;

/// The largest small object: a file list. A list of a thousand keys, each of the longest kind, every letter escaped, is a
/// quarter of it.
const MAX_RESPONSE_LEN: usize = 65 << 20;
/// How often a request is tried that gets no answer, or one that asks to come back.
const TRIES: u32 = 5;
/// So much longer is waited for an answer that takes work.
const SLOW: u32 = 10;
/// How often an answer is asked for anew that blames the way, not the request.
const MORE_TRIES: u32 = 2;

/// What is asked of the server.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    /// `None`: the bucket itself.
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// With the digest of its bytes.
    pub(super) body: Option<(Body, Sha256Digest)>,
    pub(super) repeat: Idempotency,
    /// How often at most.
    pub(super) tries: u32,
    /// Whether the server works for a while before it answers.
    pub(super) is_slow: bool,
    /// What is being done, for errors.
    pub(super) operation: &'static str,
}

impl<'a> Asked<'a> {
    /// A request without query, headers and body that may be repeated.
    pub(super) fn new(method: Method, key: Option<&'a str>, operation: &'static str) -> Self {
        Self {
            method,
            key,
            query: &[],
            headers: Vec::new(),
            body: None,
            repeat: Idempotency::Idempotent,
            tries: TRIES,
            is_slow: false,
            operation,
        }
    }

    pub(super) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// How it ended when an answer came.
pub(super) enum Answer {
    /// With success.
    Done(Response),
    /// With an error.
    Refused(Refused),
}

impl Answer {
    /// An error status becomes an error.
    pub(super) fn done(self) -> Result<Response> {
        match self {
            Self::Done(reply) => Ok(reply),
            Self::Refused(refused) => Err(refused.into_error()),
        }
    }
}

impl Bucket {
    /// Asks, and asks again where that may help.
    pub(super) fn ask(&self, asked: &Asked<'_>, control: &Control, sending: &mut dyn UploadProgress) -> Result<Answer> {
        if let Some(key) = asked.key {
            key::check(key)?;
        }
        let mut url = match asked.key {
            Some(key) => self.place.object_url(key),
            None => self.place.base_url().clone(),
        };
        if !asked.query.is_empty() {
            url.set_query(Some(&sign::query(asked.query)));
        }
        let to: Url = url.as_str().parse()?;
        // A signature is for one host: a redirect is an error that names the right endpoint.
        let client = Client::new(&*self.transport, control, asked.operation)
            .with_cleartext(self.cleartext)
            .with_redirects(RedirectPolicy::Never)
            .with_retry(RetryPolicy::new(asked.tries))
            .with_max_response_len(MAX_RESPONSE_LEN);
        let mut make = || -> Result<Request> {
            let mut request = Request::new(asked.method, to.clone());
            request.connect_timeout = self.options.connect_timeout;
            request.stall_timeout = self.options.stall_timeout * if asked.is_slow { SLOW } else { 1 };
            request.headers = self.sign(asked, &url)?;
            request.body = asked.body.as_ref().map(|(body, _)| body.clone());
            Ok(request)
        };
        let mut left = MORE_TRIES;
        loop {
            let reply = client.send(asked.repeat, &mut make, sending)?;
            let context = error::Context {
                bucket: self,
                url: &to,
                operation: asked.operation,
            };
            let Some(refused) = error::refused(&context, &reply) else {
                return Ok(Answer::Done(reply));
            };
            if left == 0 || !refused.is_transient() {
                return Ok(Answer::Refused(refused));
            }
            left -= 1;
            sending.restarted();
        }
    }

    fn sign(&self, asked: &Asked<'_>, url: &url::Url) -> Result<Headers> {
        let signed = Signed {
            method: asked.method,
            url,
            headers: &asked.headers,
            body: asked
                .body
                .as_ref()
                .map_or_else(|| Sha256Digest::of(b""), |(_, digest)| *digest),
            region: self.place.region(),
            time: self.now()?,
        };
        signed.headers(&self.credentials)
    }

    pub(super) fn now(&self) -> Result<Timestamp> {
        Timestamp::try_from((self.clock)())
            .map_err(|error| Error::invalid_input("the clock of this machine", error.to_string()))
    }
}

/// So that an open file is shared by the parts that are sent from it.
pub(super) fn file_part(file: &Arc<std::fs::File>, offset: u64, length: u64) -> Body {
    Body::File {
        file: Arc::clone(file),
        offset,
        length,
    }
}

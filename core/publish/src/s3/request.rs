//! One signed request and its response.

use std::sync::Arc;

use super::bucket::Bucket;
use super::response::S3Response;
use super::sign::{self, Signed};
use super::{error, key};
use crate::error::Result;
use capbundle::digest::Sha256Digest;
use capbundle::http::client::{Client, UploadProgress};
use capbundle::http::{Body, Headers, Idempotency, Method, RedirectPolicy, Request, RetryPolicy, Url};
use capbundle::progress::Control;

/// The longest response: a file list. A list of a thousand keys, each as long as allowed and fully escaped, is a quarter of it.
const MAX_RESPONSE_LEN: usize = 65 << 20;
/// Attempts of one request.
const ATTEMPTS: u32 = 5;
/// How many times longer to wait for a response that needs work on the server.
const SLOW_FACTOR: u32 = 10;
/// How often a request is retried after a response that reports corruption in transit.
const TRANSIENT_RETRIES: u32 = 2;

/// One request to the server.
pub(super) struct S3Request<'a> {
    pub(super) method: Method,
    /// `None` for the bucket itself.
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// With the digest of its bytes.
    pub(super) body: Option<(Body, Sha256Digest)>,
    pub(super) idempotency: Idempotency,
    pub(super) attempts: u32,
    /// Whether the server works for a while before it responds.
    pub(super) is_slow: bool,
    /// The operation, for errors.
    pub(super) operation: &'static str,
}

impl<'a> S3Request<'a> {
    /// An idempotent request without query, headers and body.
    pub(super) fn new(method: Method, key: Option<&'a str>, operation: &'static str) -> Self {
        Self {
            method,
            key,
            query: &[],
            headers: Vec::new(),
            body: None,
            idempotency: Idempotency::Idempotent,
            attempts: ATTEMPTS,
            is_slow: false,
            operation,
        }
    }

    pub(super) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Bucket {
    /// Sends a request, with retries.
    pub(super) fn send(
        &self,
        request: &S3Request<'_>,
        control: &Control,
        progress: &mut dyn UploadProgress,
    ) -> Result<S3Response> {
        if let Some(key) = request.key {
            key::check(key)?;
        }
        let mut url = match request.key {
            Some(key) => self.place.object_url(key),
            None => self.place.base_url().clone(),
        };
        if !request.query.is_empty() {
            url.set_query(Some(&sign::query(request.query)));
        }
        let to: Url = url.as_str().parse()?;
        // A signature is for one host: a redirect is an error that names the right endpoint.
        let client = Client::new(&*self.transport, control, request.operation)
            .with_cleartext(self.cleartext)
            .with_redirects(RedirectPolicy::Never)
            .with_retry(RetryPolicy::new(request.attempts))
            .with_max_response_len(MAX_RESPONSE_LEN);
        let mut make = || self.signed(request, &to, &url);
        let mut left = TRANSIENT_RETRIES;
        loop {
            let response = client.send(request.idempotency, &mut make, progress)?;
            let context = error::Context {
                bucket: self,
                url: &to,
                operation: request.operation,
            };
            let Some(refused) = error::refused(&context, &response) else {
                return Ok(S3Response::Done(response));
            };
            if left == 0 || !refused.is_transient() {
                return Ok(S3Response::Refused(refused));
            }
            left -= 1;
            progress.restarted();
        }
    }

    fn signed(&self, request: &S3Request<'_>, to: &Url, url: &url::Url) -> Result<Request> {
        let mut signed = Request::new(request.method, to.clone());
        signed.connect_timeout = self.options.connect_timeout;
        signed.stall_timeout = self.options.stall_timeout * if request.is_slow { SLOW_FACTOR } else { 1 };
        signed.headers = self.sign(request, url)?;
        signed.body = request.body.as_ref().map(|(body, _)| body.clone());
        Ok(signed)
    }

    fn sign(&self, request: &S3Request<'_>, url: &url::Url) -> Result<Headers> {
        let signed = Signed {
            method: request.method,
            url,
            headers: &request.headers,
            body: request
                .body
                .as_ref()
                .map_or_else(|| Sha256Digest::of(b""), |(_, digest)| *digest),
            region: self.place.region(),
            time: self.now()?,
        };
        signed.headers(&self.credentials)
    }
}

/// A part of an open file that several requests share.
pub(super) fn file_part(file: &Arc<std::fs::File>, offset: u64, length: u64) -> Body {
    Body::File {
        file: Arc::clone(file),
        offset,
        length,
    }
}

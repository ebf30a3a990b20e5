//! One API call and its response.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::answer;
use super::client::Api;
use crate::error::Result;
use crate::percent::percent_encode;
use capbundle::AppId;
use capbundle::digest::Sha256Digest;
use capbundle::http::client::{Client, Response};
use capbundle::http::{Body, Idempotency, Method, Request, RetryPolicy, Url};
use capbundle::progress::Control;

/// A page of Capgo's list may have 1,000 rows, each with the native packages of an app.
const MAX_RESPONSE_LEN: usize = 32 << 20;

/// One API call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) place: Place<'a>,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
    pub(super) idempotency: Idempotency,
    /// The operation, for the error of a cancellation.
    pub(super) operation: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Bundle,
    Metadata,
    /// Which single files the server stores.
    KnownFiles,
    Channel,
    /// An archive that the server stores itself.
    Upload {
        app: &'a AppId,
        digest: &'a Sha256Digest,
    },
    /// The manifests of an app that are not registered yet.
    Manifest(&'a AppId),
    /// A single file that the server stores itself.
    File {
        app: &'a AppId,
        digest: &'a Sha256Digest,
    },
}

impl Place<'_> {
    /// Whether some servers require a trailing slash.
    fn is_collection(self) -> bool {
        matches!(self, Self::Bundle | Self::Channel)
    }
}

impl Api {
    /// Sends a call and returns the body of its success. Adds the number of requests to `requests`.
    pub(super) fn ask(&self, call: &Call<'_>, control: &Control, requests: &mut u32) -> Result<Value> {
        let slash = self.slash.load(Ordering::Relaxed);
        let mut reply = self.send(call, slash, control, requests)?;
        if answer::is_no_such_path(&reply) && call.place.is_collection() {
            let other = self.send(call, !slash, control, requests)?;
            if !answer::is_no_such_path(&other) {
                self.slash.store(!slash, Ordering::Relaxed);
                reply = other;
            }
        }
        answer::read(&reply, &self.address(call.place, false), self.key.secret())
    }

    fn send(&self, call: &Call<'_>, slash: bool, control: &Control, requests: &mut u32) -> Result<Response> {
        let mut address = self.address(call.place, slash);
        for (index, (name, value)) in call.query.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.extend(percent_encode(value));
        }
        let url: Url = address.parse()?;
        let make = &mut || {
            *requests += 1;
            let mut request = Request::new(call.method, url.clone());
            request.headers.add("authorization", self.key.secret())?;
            request.headers.add("accept", "application/json")?;
            request
                .headers
                .add("user-agent", concat!("capbundle/", env!("CARGO_PKG_VERSION")))?;
            if let Some(body) = &call.body {
                request.headers.add("content-type", "application/json")?;
                request.body = Some(Body::Bytes(body.to_string().into_bytes()));
            }
            Ok(request)
        };
        Client::new(&*self.transport, control, call.operation)
            .with_max_response_len(MAX_RESPONSE_LEN)
            .with_retry(RetryPolicy::default().with_first_wait(self.first_wait))
            .send(call.idempotency, make, &mut ())
    }

    pub(super) fn address(&self, place: Place<'_>, slash: bool) -> String {
        let path = match place {
            Place::Bundle => "/bundle".to_owned(),
            Place::Metadata => "/bundle/metadata".to_owned(),
            Place::KnownFiles => "/bundle/files".to_owned(),
            Place::Channel => "/channel".to_owned(),
            Place::Upload { app, digest } => format!("/upload/{app}/{digest}.zip"),
            Place::Manifest(app) => format!("/upload/{app}/manifest.json"),
            Place::File { app, digest } => format!("/upload/{app}/{digest}.bin"),
        };
        let end = if slash && place.is_collection() { "/" } else { "" };
        format!("{}{path}{end}", self.base)
    }
}

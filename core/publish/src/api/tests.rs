//! The Bundles API with documented responses and with those that Capgo's servers send.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod any_json;
mod changing;
mod creating;
mod listing;
mod refusing;
mod sending;
mod shapes;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::error::{Error, Result};
use crate::mock_transport::{Answer, MockTransport};
use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Body, Request, Transport};
use capbundle::progress::Control;

const KEY: &str = "c591b04e-cf29-4945-b9a0-776d0672061a";

/// An API whose server sends these responses.
fn api(answers: impl IntoIterator<Item = Answer>) -> (Api, Arc<MockTransport>) {
    at(Api::DEFAULT_BASE, answers)
}

fn at(base: &str, answers: impl IntoIterator<Item = Answer>) -> (Api, Arc<MockTransport>) {
    let transport = Arc::new(MockTransport::new(answers));
    let mut api = Api::new(
        Arc::clone(&transport) as Arc<dyn Transport>,
        &base.parse().unwrap(),
        ApiKey::new(KEY).unwrap(),
    )
    .unwrap();
    api.first_wait = Duration::ZERO;
    (api, transport)
}

fn app() -> AppId {
    "com.example.app".parse().unwrap()
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, body.to_string().as_bytes()).with("content-type", "application/json")
}

fn ok() -> Answer {
    answer(200, &json!({ "status": "ok" }))
}

/// The response of Capgo's servers for a page beyond the last, and for a list without access.
fn no_page() -> Answer {
    let body =
        json!({ "error": "cannot_get_bundle", "message": "Cannot get bundle", "moreInfo": { "supabaseError": null } });
    answer(400, &body)
}

/// A row as Capgo's servers send it.
fn row(id: u64, version: &str) -> Value {
    json!({
        "app_id": "com.example.app", "checksum": null, "cli_version": "8.68.1", "comment": null,
        "created_at": "2026-07-01T10:00:00+00:00", "created_by_apikey_rbac_id": null, "deleted": false, "deleted_at": null,
        "external_url": format!("https://cdn.example.com/{version}.zip"), "id": id, "key_id": null, "link": null,
        "manifest": null, "manifest_count": 0, "min_update_version": null, "name": version,
        "native_packages": [{ "name": "@capacitor/app", "version": "8.0.0" }], "owner_org": "046a36ac-e03c-4590-9257-bd6c9dba9ee8",
        "r2_path": null, "session_key": null, "storage_provider": "external", "updated_at": "2026-07-01T10:00:00+00:00",
        "user_id": "6aa76066-55ef-4238-ade6-0b32334a4097"
    })
}

/// Each request as `METHOD URL body`.
fn request_lines(transport: &MockTransport) -> Vec<String> {
    let line = |request: &Request| {
        let body = match &request.body {
            Some(Body::Bytes(bytes)) => format!(" {}", String::from_utf8(bytes.clone()).unwrap()),
            _ => String::new(),
        };
        format!("{} {}{body}", request.method.as_str(), request.url.as_str())
    };
    transport.requests().iter().map(line).collect()
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> ApiError {
    match result.unwrap_err() {
        Error::Api(error) => *error,
        other => panic!("{other:?}"),
    }
}

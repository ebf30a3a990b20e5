//! Reports a file that the server may have stored although a later attempt was refused.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::api::ApiKey;
use crate::mock_transport::{Answer, MockTransport};
use crate::transaction::{Plan, TransactionError, Upload, Work};
use capbundle::http::Method;

fn failed(storage: &dyn Storage) -> Box<TransactionError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"archive").unwrap();
    let plan = Plan::new().then(Upload::new(storage, file.path().to_owned(), 7));
    plan.run(&mut Work::new(), &Control::new(), &mut |_| ()).unwrap_err()
}

#[test]
fn a_refusal_after_a_lost_response_does_not_hide_the_file() {
    let put = |answers: Vec<Answer>| {
        let transport = MockTransport::new(answers);
        let options = HttpUploadOptions {
            first_wait: Duration::from_millis(1),
            ..HttpUploadOptions::default()
        };
        let url: Url = "https://files.example/app.zip".parse().unwrap();
        failed(&PutFile::new(&transport, url.clone(), options, url))
    };
    // For example, the presigned URL expires meanwhile.
    let after_a_lost_response = put(vec![Answer::new(201, b"").then_breaks(), Answer::new(403, b"")]);
    assert_eq!(after_a_lost_response.left[0].what, "https://files.example/app.zip");
    let at_once = put(vec![Answer::new(403, b"")]);
    assert!(at_once.left.is_empty(), "{at_once}");
}

#[test]
fn an_archive_stored_without_a_url_in_the_response_is_removed() {
    let transport = Arc::new(MockTransport::new([Answer::new(201, b"{}"), Answer::new(200, b"{}")]));
    let base: Url = "https://updates.example".parse().unwrap();
    let sent = Arc::clone(&transport);
    let api = Api::new(transport, &base, ApiKey::new("key").unwrap()).unwrap();
    let digest = Sha256Digest::of(b"archive");
    let app = "com.example.app".parse().unwrap();
    let failed = failed(&ServerFile::new(&api, app, "1.0.0", digest));
    assert_eq!(failed.undone.len(), 1, "{failed}");
    assert_eq!(sent.requests().last().unwrap().method, Method::Delete);
}

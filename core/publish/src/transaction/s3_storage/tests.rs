//! Undoes an upload that may have arrived.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::Arc;

use super::*;
use crate::mock_transport::{Answer, MockTransport};
use crate::s3::{BucketOptions, Credentials};
use crate::transaction::{Plan, TransactionError, Upload, Work};
use capbundle::http::Method;

fn there(etag: &str) -> Answer {
    Answer::new(200, b"").with("content-length", "3").with("etag", etag)
}

/// The credentials may not read.
fn hidden() -> [Answer; 2] {
    let body = b"<Error><Code>AccessDenied</Code></Error>";
    [Answer::new(403, b""), Answer::new(403, body)]
}

/// The first refusal may be caused by the header for checksums, so the request is repeated without it.
fn hidden_at_first() -> [Answer; 3] {
    let [head, get] = hidden();
    [head.clone(), get, head]
}

/// The response of a proxy when the store behind it failed: the effect is unknown.
fn proxy_error() -> [Answer; 2] {
    [Answer::new(501, b""), Answer::new(501, b"")]
}

/// Undoes an upload that replaces an object and fails with a server error.
fn undone(answers: impl IntoIterator<Item = Answer>) -> Result<()> {
    let transport = Arc::new(MockTransport::new(answers));
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let bucket = Bucket::new(&BucketOptions::new("us-east-1", "bucket"), credentials, transport).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"archive").unwrap();
    let options = UploadOptions {
        replace: true,
        ..UploadOptions::default()
    };
    let object = S3Object::new(&bucket, "app.zip", options, None);
    let control = Control::new();
    object.prepare(&control).unwrap();
    assert_eq!(
        object.store(file.path(), &control).unwrap_err().kind(),
        ErrorKind::Server
    );
    object.remove(&control)
}

/// A release that fails at its upload, to a free key or over the object `replaces`.
fn failed_release(
    replaces: Option<Answer>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Box<TransactionError>, Vec<Method>) {
    let first = replaces.unwrap_or_else(absent);
    let checks = [first.clone(), first];
    let transport = Arc::new(MockTransport::new(checks.into_iter().chain(answers)));
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let sent = Arc::clone(&transport);
    let bucket = Bucket::new(&BucketOptions::new("us-east-1", "bucket"), credentials, transport).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"archive").unwrap();
    let options = UploadOptions {
        replace: true,
        ..UploadOptions::default()
    };
    let object = S3Object::new(&bucket, "app.zip", options, None);
    let plan = Plan::new().then(Upload::new(&object, file.path().to_owned(), 7));
    let failed = plan.run(&mut Work::new(), &Control::new(), &mut |_| ()).unwrap_err();
    let methods = sent.requests().iter().map(|request| request.method).collect();
    (failed, methods)
}

fn absent() -> Answer {
    Answer::new(404, b"")
}

fn done() -> Answer {
    Answer::new(200, b"").with("etag", "\"mine\"")
}

/// An object of this size, which is not that of the upload.
fn of_size(size: &str, etag: &str) -> Answer {
    Answer::new(200, b"").with("content-length", size).with("etag", etag)
}

#[test]
fn an_object_written_but_not_confirmed_is_removed_or_reported() {
    const OBJECT: &str = "s3://bucket/app.zip";
    // The credentials may not read any more: the response to the upload counts.
    let answers = || [done()].into_iter().chain(hidden_at_first()).chain(hidden());
    let (failed, methods) = failed_release(None, answers().chain([Answer::new(204, b"")]));
    assert_eq!(
        (failed.undone.as_slice(), failed.left.len()),
        (&[OBJECT.to_owned()][..], 0),
        "{failed}"
    );
    assert_eq!(methods.last(), Some(&Method::Delete));
    // They may not delete either.
    let denied = Answer::new(403, b"<Error><Code>AccessDenied</Code></Error>");
    let (failed, _) = failed_release(None, answers().chain([denied]));
    assert_eq!(
        (failed.undone.len(), failed.left[0].what.as_str()),
        (0, OBJECT),
        "{failed}"
    );
    // The size is not that of the upload.
    let answers = [
        done(),
        of_size("3", "\"mine\""),
        of_size("3", "\"mine\""),
        Answer::new(204, b""),
    ];
    let (failed, _) = failed_release(None, answers);
    assert_eq!(
        (failed.undone.as_slice(), failed.left.len()),
        (&[OBJECT.to_owned()][..], 0),
        "{failed}"
    );
    // Another writer replaced it meanwhile.
    let answers = [done(), of_size("3", "\"theirs\""), of_size("3", "\"theirs\"")];
    let (failed, methods) = failed_release(None, answers);
    assert_eq!(
        (failed.undone.len(), failed.left[0].what.as_str()),
        (0, OBJECT),
        "{failed}"
    );
    assert!(!methods.contains(&Method::Delete), "{failed}");
    // The previous object is lost.
    let (failed, _) = failed_release(Some(there("\"old\"")), [done(), of_size("3", "\"mine\"")]);
    assert!(failed.to_string().contains("replaced another file"), "{failed}");
}

#[test]
fn an_upload_that_may_have_arrived_is_not_reported_as_undone() {
    let answers = hidden_at_first().into_iter().chain(hidden()).chain(proxy_error());
    let problem = undone(answers).unwrap_err().to_string();
    assert!(problem.contains("it is unknown"), "{problem}");
}

#[test]
fn the_previous_object_is_checked_again() {
    let answers = || [there("\"old\""), there("\"old\"")].into_iter().chain(proxy_error());
    undone(answers().chain([there("\"old\"")])).unwrap();
    let problem = undone(answers().chain([there("\"new\"")])).unwrap_err().to_string();
    assert!(problem.contains("replaced"), "{problem}");
    undone(answers()).unwrap_err();
}

//! What is undone of an upload that may have arrived.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::Arc;

use super::*;
use crate::mock_transport::{Answer, Scripted};
use crate::s3::{BucketOptions, Credentials};
use crate::transaction::{Plan, TransactionError, Upload, Work};
use capbundle::http::Method;

fn there(etag: &str) -> Answer {
    Answer::new(200, b"").with("content-length", "3").with("etag", etag)
}

/// The credentials may not look.
fn hidden() -> [Answer; 2] {
    let body = b"<Error><Code>AccessDenied</Code></Error>";
    [Answer::new(403, b""), Answer::new(403, body)]
}

/// The first time it may be the header for checksums, so that it is asked without, too.
fn hidden_at_first() -> [Answer; 3] {
    let [head, get] = hidden();
    [head.clone(), get, head]
}

/// What a proxy says when the store behind it broke: nobody knows over what.
fn broke() -> [Answer; 2] {
    [Answer::new(501, b""), Answer::new(501, b"")]
}

/// An upload over what is there, which fails with a server error, and what comes of undoing it.
fn undone(answers: impl IntoIterator<Item = Answer>) -> Result<()> {
    let transport = Arc::new(Scripted::new(answers));
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

/// A release that ends with its upload, to a key under which nothing is.
fn released(
    replaces: Option<Answer>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Box<TransactionError>, Vec<Method>) {
    let first = replaces.unwrap_or_else(absent);
    let looks = [first.clone(), first];
    let transport = Arc::new(Scripted::new(looks.into_iter().chain(answers)));
    let credentials = Credentials::new("key", "secret", None).unwrap();
    let asked = Arc::clone(&transport);
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
    let methods = asked.asked().iter().map(|request| request.method).collect();
    (failed, methods)
}

fn absent() -> Answer {
    Answer::new(404, b"")
}

fn done() -> Answer {
    Answer::new(200, b"").with("etag", "\"mine\"")
}

/// As long as the object is said to be, and no longer what was sent.
fn of_size(size: &str, etag: &str) -> Answer {
    Answer::new(200, b"").with("content-length", size).with("etag", etag)
}

#[test]
fn what_was_written_and_not_confirmed_is_removed_or_named() {
    const OBJECT: &str = "s3://bucket/app.zip";
    // The credentials may not look any more: the server's word for the upload counts.
    let answers = || [done()].into_iter().chain(hidden_at_first()).chain(hidden());
    let (failed, methods) = released(None, answers().chain([Answer::new(204, b"")]));
    assert_eq!(
        (failed.undone.as_slice(), failed.left.len()),
        (&[OBJECT.to_owned()][..], 0),
        "{failed}"
    );
    assert_eq!(methods.last(), Some(&Method::Delete));
    // Nor remove.
    let denied = Answer::new(403, b"<Error><Code>AccessDenied</Code></Error>");
    let (failed, _) = released(None, answers().chain([denied]));
    assert_eq!(
        (failed.undone.len(), failed.left[0].what.as_str()),
        (0, OBJECT),
        "{failed}"
    );
    // It is not as it was sent.
    let answers = [
        done(),
        of_size("3", "\"mine\""),
        of_size("3", "\"mine\""),
        Answer::new(204, b""),
    ];
    let (failed, _) = released(None, answers);
    assert_eq!(
        (failed.undone.as_slice(), failed.left.len()),
        (&[OBJECT.to_owned()][..], 0),
        "{failed}"
    );
    // Another writer replaced it since.
    let answers = [done(), of_size("3", "\"theirs\""), of_size("3", "\"theirs\"")];
    let (failed, methods) = released(None, answers);
    assert_eq!(
        (failed.undone.len(), failed.left[0].what.as_str()),
        (0, OBJECT),
        "{failed}"
    );
    assert!(!methods.contains(&Method::Delete), "{failed}");
    // What was there before is gone.
    let (failed, _) = released(Some(there("\"old\"")), [done(), of_size("3", "\"mine\"")]);
    assert!(failed.to_string().contains("replaced another file"), "{failed}");
}

#[test]
fn what_may_have_arrived_unseen_is_not_called_undone() {
    let answers = hidden_at_first().into_iter().chain(hidden()).chain(broke());
    let problem = undone(answers).unwrap_err().to_string();
    assert!(problem.contains("it is unknown"), "{problem}");
}

#[test]
fn what_was_there_before_is_looked_at_again() {
    let answers = || [there("\"old\""), there("\"old\"")].into_iter().chain(broke());
    undone(answers().chain([there("\"old\"")])).unwrap();
    let problem = undone(answers().chain([there("\"new\"")])).unwrap_err().to_string();
    assert!(problem.contains("replaced"), "{problem}");
    undone(answers()).unwrap_err();
}

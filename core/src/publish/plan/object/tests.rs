//! What is undone of an upload that may have arrived.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::sync::Arc;

use super::*;
use crate::publish::s3::{BucketOptions, Credentials};
use crate::transport::scripted::{Answer, Scripted};

fn there(etag: &str) -> Answer {
    Answer::new(200, b"").with("content-length", "3").with("etag", etag)
}

/// The credentials may not look.
fn hidden() -> [Answer; 2] {
    let body = b"<Error><Code>AccessDenied</Code></Error>";
    [Answer::new(403, b""), Answer::new(403, body)]
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

#[test]
fn what_may_have_arrived_unseen_is_not_called_undone() {
    let answers = hidden().into_iter().chain(hidden()).chain(broke());
    let problem = undone(answers).unwrap_err().to_string();
    assert!(problem.contains("nobody knows"), "{problem}");
}

#[test]
fn what_was_there_before_is_looked_at_again() {
    let answers = || [there("\"old\""), there("\"old\"")].into_iter().chain(broke());
    undone(answers().chain([there("\"old\"")])).unwrap();
    let problem = undone(answers().chain([there("\"new\"")])).unwrap_err().to_string();
    assert!(problem.contains("replaced"), "{problem}");
    undone(answers()).unwrap_err();
}

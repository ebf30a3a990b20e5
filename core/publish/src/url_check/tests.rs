#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::mock_transport::{Answer, MockTransport};
use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::progress::{CancelToken, Phase, Progress};

const ADDRESS: &str = "https://cdn.example.com/app.zip";

fn archive() -> Vec<u8> {
    b"PK\x03\x04"
        .iter()
        .copied()
        .chain((0..=255).cycle().take(200_000))
        .collect()
}

fn expected() -> Expected {
    let size = Some(archive().len() as u64);
    Expected {
        size,
        ..Expected::of_digest(Sha256Digest::of(&archive()))
    }
}

fn run(transport: &MockTransport) -> Result<CheckedUrl> {
    run_with(transport, &expected(), &Control::new())
}

fn run_with(transport: &MockTransport, expected: &Expected, control: &Control) -> Result<CheckedUrl> {
    let options = UrlCheckOptions {
        first_wait: Duration::ZERO,
        ..UrlCheckOptions::new(expected.clone())
    };
    check(transport, &ADDRESS.parse().unwrap(), &options, control)
}

fn file(bytes: &[u8]) -> Answer {
    Answer::new(200, bytes)
        .with("content-length", &archive().len().to_string())
        .with("content-type", "application/zip")
        .with("etag", "\"1\"")
}

fn rest(from: usize) -> Answer {
    let size = archive().len();
    Answer::new(206, &archive()[from..])
        .with("content-range", &format!("bytes {from}-{}/{size}", size - 1))
        .with("etag", "\"1\"")
}

/// The response of a correct server to the request for one byte.
fn one_byte() -> Answer {
    Answer::new(206, b"P")
        .with("content-range", "bytes 0-0/200004")
        .with("etag", "\"1\"")
        .with("access-control-allow-origin", "*")
}

fn names(checked: &CheckedUrl) -> Vec<&'static str> {
    checked.notes.iter().map(UrlNote::as_str).collect()
}

#[test]
fn the_expected_public_file_has_no_notes() {
    let transport = MockTransport::new([file(&archive()), one_byte()]);
    let checked = run(&transport).unwrap();
    assert_eq!(
        (checked.size, checked.content_type.as_deref()),
        (200_004, Some("application/zip"))
    );
    assert_eq!(checked.notes, []);
    assert_eq!(transport.request_headers("authorization"), ["-", "-"]);
    assert_eq!(transport.request_headers("origin"), ["-", "https://localhost"]);
}

#[test]
fn a_minor_problem_is_a_note_and_not_an_error() {
    let bare = Answer::new(200, &archive()).with("content-type", "text/plain");
    let checked = run(&MockTransport::new([bare.clone(), bare.clone()])).unwrap();
    assert_eq!(names(&checked), ["content_type", "no_ranges", "no_cors"]);
    let parts = Answer::new(206, b"P").with("content-range", "bytes 0-0/200004");
    let other = parts.with("access-control-allow-origin", "https://other.example");
    let checked = run(&MockTransport::new([file(&archive()), other])).unwrap();
    assert_eq!(names(&checked), ["no_validator", "no_cors"]);
    let checked = run(&MockTransport::new([file(&archive())])).unwrap();
    assert!(
        checked.notes[0].to_string().contains("the connection was refused"),
        "{:?}",
        checked.notes
    );
    for note in &checked.notes {
        assert!(!note.is_warning() && !note.to_string().is_empty());
    }
}

#[test]
fn a_url_that_expires_or_contains_a_secret_is_a_warning() {
    for (query, expected) in [
        ("X-Amz-Expires=3600&X-Amz-Signature=hidden", vec!["expires"]),
        ("se=2026&sig=hidden", vec!["expires"]),
        ("token=hidden", vec!["secret_in_address"]),
        ("Expires=1&access_token=hidden", vec!["expires", "secret_in_address"]),
        ("v=1", vec![]),
    ] {
        let url = format!("{ADDRESS}?{query}").parse().unwrap();
        let transport = MockTransport::new([file(&archive()), one_byte()]);
        let options = UrlCheckOptions::new(self::expected());
        let checked = check(&transport, &url, &options, &Control::new()).unwrap();
        assert_eq!(names(&checked), expected, "{query}");
        for note in checked.notes {
            assert!(note.is_warning() && !note.to_string().contains("hidden"), "{note}");
        }
    }
    assert_eq!(
        "https://me:hidden@cdn.example.com/".parse::<Url>().unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn responses_that_are_not_the_file_are_explained() {
    let denied = b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    for (answer, says) in [
        (Answer::new(404, b"<html>"), "no such file"),
        (
            Answer::new(403, denied),
            "its bucket is private, or a signed URL has expired (server message: AccessDenied)",
        ),
        (Answer::new(401, b""), "must be public"),
        (Answer::new(405, b""), "does not serve files"),
        (Answer::new(204, b""), "unexpected status for a download"),
        (
            Answer::new(206, b"PK").with("content-range", "bytes 0-1/9"),
            "unexpected status for a download",
        ),
        (
            Answer::new(200, b"<!DOCTYPE html><p>Sign in"),
            "expected an archive, found a web page",
        ),
        (
            Answer::new(200, b"\n <html>")
                .with("content-type", "text/html; charset=utf-8")
                .with("content-length", "8"),
            "web page",
        ),
        (
            file(&archive()).with("content-encoding", "gzip"),
            "Content-Encoding \"gzip\"",
        ),
        (
            Answer::new(200, b"PK").with("content-length", "2"),
            "expected 200004 bytes, found 2",
        ),
        (Answer::new(200, b"PK"), "expected 200004 bytes, found 2"),
        (Answer::new(200, &vec![1; 300_000]), "expected 200004"),
    ] {
        let transport = MockTransport::new([answer]);
        let error = run(&transport).unwrap_err();
        assert_eq!(
            (error.kind(), transport.requests().len()),
            (ErrorKind::Server, 1),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn other_bytes_of_the_same_size_are_a_digest_mismatch() {
    let mut other = archive();
    other[100_000] ^= 1;
    let transport = MockTransport::new([file(&other)]);
    let error = run(&transport).unwrap_err();
    assert_eq!(
        (error.kind(), transport.requests().len()),
        (ErrorKind::DigestMismatch, 1)
    );
    assert!(error.to_string().starts_with(ADDRESS), "{error}");
}

#[test]
fn a_digest_without_a_size_is_sufficient() {
    let expected = Expected::of_digest(Sha256Digest::of(&archive()));
    let transport = MockTransport::new([file(&archive()), one_byte()]);
    assert_eq!(run_with(&transport, &expected, &Control::new()).unwrap().size, 200_004);
    let huge = Answer::new(200, b"PK").with("content-length", "99999999999");
    let error = run_with(&MockTransport::new([huge]), &expected, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

#[test]
fn the_expected_digest_and_size_are_those_of_the_local_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.zip");
    std::fs::write(&path, archive()).unwrap();
    assert_eq!(Expected::of_file(&path, &Control::new()).unwrap(), expected());
}

#[test]
fn redirects_are_followed_to_https_only() {
    let to = |address| Answer::new(302, b"").with("location", address);
    let transport = MockTransport::new([
        to("https://objects.example/1"),
        file(&archive()),
        to("https://objects.example/1"),
        one_byte(),
    ]);
    assert_eq!(run(&transport).unwrap().notes, []);
    let error = run(&MockTransport::new([to("http://objects.example/1")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    let plain = "http://cdn.example.com/app.zip".parse().unwrap();
    let options = UrlCheckOptions::new(expected());
    let error = check(&MockTransport::new([]), &plain, &options, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
}

#[test]
fn a_broken_download_is_resumed() {
    let transport = MockTransport::new([
        file(&archive()[..70_000]).then_breaks(),
        Answer::new(503, b"").with("retry-after", "0"),
        rest(70_000),
        one_byte(),
    ]);
    assert_eq!(run(&transport).unwrap().notes, []);
    assert_eq!(
        transport.request_headers("range"),
        ["-", "bytes=70000-", "bytes=70000-", "bytes=0-0"]
    );
    assert_eq!(transport.request_headers("if-range"), ["-", "\"1\"", "\"1\"", "-"]);
}

#[test]
fn a_full_response_or_a_wrong_range_restarts_the_download() {
    let cut = || file(&archive()[..70_000]).then_breaks();
    run(&MockTransport::new([cut(), file(&archive()), one_byte()])).unwrap();
    run(&MockTransport::new([cut(), rest(60_000), file(&archive()), one_byte()])).unwrap();
    run(&MockTransport::new([
        cut(),
        Answer::new(416, b""),
        file(&archive()),
        one_byte(),
    ]))
    .unwrap();
    // The file was replaced, but its ETag did not change.
    let mut other = archive();
    other[10] ^= 1;
    let old = file(&other[..70_000]).then_breaks();
    run(&MockTransport::new([old, rest(70_000), file(&archive()), one_byte()])).unwrap();
}

#[test]
fn an_unreachable_server_is_reported_after_some_attempts() {
    let transport = MockTransport::new([]);
    let error = run(&transport).unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Network, 6));
    let overloaded = MockTransport::new((0..9).map(|_| Answer::new(503, b"")));
    assert_eq!(run(&overloaded).unwrap_err().kind(), ErrorKind::Server);
}

#[test]
fn progress_never_decreases_and_a_check_can_be_cancelled() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (observed, token) = (Arc::clone(&seen), CancelToken::new());
    let control = Control::new().with_observer(Arc::new(move |progress: Progress| {
        observed.lock().unwrap().push((progress.phase, progress.done));
    }));
    let transport = MockTransport::new([file(&archive()[..150_000]).then_breaks(), file(&archive()), one_byte()]);
    run_with(&transport, &expected(), &control).unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen.is_sorted_by_key(|(_, done)| *done), "{seen:?}");
    assert_eq!(seen.last(), Some(&(Phase::Download, 200_004)));
    let cancel = token.clone();
    let control = Control::new()
        .with_observer(Arc::new(move |_: Progress| cancel.cancel()))
        .with_cancel_token(&token);
    let error = run_with(&MockTransport::new([file(&archive())]), &expected(), &control).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

/// Refuses, and sends the reason slowly.
#[derive(Debug, Default)]
struct SlowRefusal(std::sync::atomic::AtomicUsize);

impl Transport for SlowRefusal {
    fn send(
        &self,
        _: &capbundle::http::Request,
        receiver: &mut dyn capbundle::http::Receiver,
    ) -> Result<(), capbundle::http::TransportError> {
        let refused = |error| Err(capbundle::http::TransportError::Receiver(error));
        let head = capbundle::http::Head::new(403, capbundle::http::Headers::new());
        receiver.begin(&head).or_else(refused)?;
        for _ in 0..1000 {
            std::thread::sleep(Duration::from_millis(2));
            receiver.write(b"x").or_else(refused)?;
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn a_slow_error_response_is_not_read_to_its_end() {
    let transport = SlowRefusal::default();
    let options = UrlCheckOptions {
        stall_timeout: Duration::from_millis(5),
        ..UrlCheckOptions::new(expected())
    };
    let url = ADDRESS.parse().unwrap();
    let error = check(&transport, &url, &options, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(transport.0.into_inner() < 1000);
}

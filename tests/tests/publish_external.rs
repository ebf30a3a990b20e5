//! URL checks over real sockets, against a server with the faults that the query selects.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::time::Duration;

use capbundle::ErrorKind;
use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::progress::Control;
use capbundle_publish::url_check::{CheckedUrl, Expected, UrlCheckOptions, UrlNote, check};
use capbundle_tests::rough_server::{RoughServer, contents};

const SIZE: usize = 300_000;

fn check_of(server: &RoughServer, size: usize, words: &str) -> capbundle_publish::Result<CheckedUrl> {
    let name = "app.zip";
    let url = server.url(&format!("{name}?size={size}&{words}")).parse().unwrap();
    let mut expected = Expected::of_digest(Sha256Digest::of(&contents(name, size)));
    expected.size = Some(size as u64);
    let mut options = UrlCheckOptions::new(expected);
    options.first_wait = Duration::from_millis(2);
    options.stall_timeout = Duration::from_millis(300);
    check(&Http::new(), &url, &options, &Control::new())
}

#[test]
fn a_file_is_checked_over_failing_connections() {
    for words in [
        "x=1",
        "cut=1.100000.299999",
        "stall=100000",
        "status=503.429&retry-after=0",
        "length=no",
        "chunked=1",
        "ranges=no&cut=100000",
        "ranges=wrong-start&cut=100000",
        "early-416=1&cut=100000",
        "etag=changing&cut=100000",
        "etag=none&cut=100000",
    ] {
        let server = RoughServer::start();
        let checked = check_of(&server, SIZE, words).unwrap_or_else(|error| panic!("{words}: {error}"));
        assert_eq!(checked.size, SIZE as u64, "{words}");
    }
}

#[test]
fn with_half_of_all_connections_cut_few_bytes_arrive_twice() {
    let server = RoughServer::start();
    let size = 20_000_000;
    check_of(&server, size, "cut-half=7").unwrap();
    let wasted = server.sent() - size as u64;
    assert!(wasted < size as u64 / 20, "{wasted} bytes arrived twice");
}

#[test]
fn a_url_that_does_not_serve_the_file_is_reported_with_a_reason() {
    for (words, kind, says) in [
        ("status=404", ErrorKind::Server, "no such file"),
        ("status=403", ErrorKind::Server, "private"),
        ("html=9", ErrorKind::Server, "web page"),
        ("encoding=gzip", ErrorKind::Server, "Content-Encoding"),
        ("endless=1", ErrorKind::Server, "expected 300000"),
        ("loop=1", ErrorKind::Network, "redirected more than"),
        (
            "redirect=http://example.com/app.zip",
            ErrorKind::NotTrusted,
            "plain http",
        ),
    ] {
        let error = check_of(&RoughServer::start(), SIZE, words).unwrap_err();
        assert_eq!(error.kind(), kind, "{words}: {error}");
        assert!(error.to_string().contains(says), "{words}: {error}");
    }
    let server = RoughServer::start();
    let url = server.url(&format!("app.zip?size={SIZE}")).parse().unwrap();
    let expected = Expected::of_digest(Sha256Digest::of(b"another"));
    let error = check(&Http::new(), &url, &UrlCheckOptions::new(expected), &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
}

#[test]
fn a_server_without_range_support_is_noted() {
    let checked = check_of(&RoughServer::start(), SIZE, "ranges=no").unwrap();
    let has = |name: &str| checked.notes.iter().any(|note| note.as_str() == name);
    assert!(has("no_ranges") && has("no_cors"), "{:?}", checked.notes);
    assert!(!checked.notes.iter().any(UrlNote::is_warning));
}

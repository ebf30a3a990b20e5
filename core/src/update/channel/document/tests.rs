#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;
use crate::http::mock_transport::{Answer, MockTransport};

fn ask<T>(answers: impl IntoIterator<Item = Answer>, ask: impl FnOnce(&SiteReader<'_>) -> T) -> (T, MockTransport) {
    let transport = MockTransport::new(answers);
    let mut site = Site::new("https://example.com/app".parse().unwrap());
    site.headers.add("Authorization", "Bearer 1").unwrap();
    let options = DownloadOptions {
        attempts: 3,
        first_wait: Duration::from_millis(1),
        ..DownloadOptions::default()
    };
    let reader = SiteReader {
        transport: &transport,
        site: &site,
        options: &options,
        control: &Control::new(),
    };
    let result = ask(&reader);
    (result, transport)
}

fn read(answers: impl IntoIterator<Item = Answer>) -> (Result<Vec<u8>>, MockTransport) {
    ask(answers, |reader| reader.read("channels/a.json", 10))
}

#[test]
fn requests_bypass_caches_and_carry_the_headers_of_the_site() {
    let (document, transport) = read([Answer::new(200, b"{}")]);
    assert_eq!(document.unwrap(), b"{}");
    assert_eq!(transport.request_headers("Cache-Control"), ["no-cache"]);
    assert_eq!(transport.request_headers("Authorization"), ["Bearer 1"]);
    assert_eq!(
        transport.requests()[0].url.as_str(),
        "https://example.com/app/channels/a.json"
    );
}

#[test]
fn only_transient_failures_are_retried() {
    let (document, transport) = read([
        Answer::new(503, b"").with("Retry-After", "0"),
        Answer::new(200, b"{").then_breaks(),
        Answer::new(200, b"{}"),
    ]);
    assert_eq!((document.unwrap(), transport.requests().len()), (b"{}".to_vec(), 3));

    let (refused, transport) = read([Answer::new(401, b"")]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(transport.requests().len(), 1);

    let (given_up, transport) = read([]);
    assert_eq!(given_up.unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(transport.requests().len(), 3);
}

#[test]
fn a_truncated_document_is_fetched_again_even_if_the_transport_missed_it() {
    let (document, transport) = read([
        Answer::new(200, b"{").with("Content-Length", "2"),
        Answer::new(200, b"{}").with("Content-Length", "2"),
    ]);
    assert_eq!((document.unwrap(), transport.requests().len()), (b"{}".to_vec(), 2));

    let (unpacked, _) = read([Answer::new(200, b"{}")
        .with("Content-Length", "26")
        .with("Content-Encoding", "gzip")]);
    assert_eq!(unpacked.unwrap(), b"{}");
}

#[test]
fn every_status_of_a_missing_document_is_recognized() {
    for status in [403, 404, 410] {
        let (found, _) = ask([Answer::new(status, b"a page of more than ten bytes")], |reader| {
            reader.read_if_any("keys/2.json", 10)
        });
        assert_eq!(found.unwrap(), None);
        let (refused, _) = read([Answer::new(status, b"")]);
        assert!(matches!(refused.unwrap_err(), Error::Server { status: found, .. } if found == status));
    }
    let (failed, _) = ask(
        [Answer::new(500, b""), Answer::new(500, b""), Answer::new(500, b"")],
        |reader| reader.read_if_any("keys/2.json", 10),
    );
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Server);
}

#[test]
fn an_endless_document_is_stopped() {
    let endless = vec![b' '; 1 << 20];
    let (refused, transport) = read([Answer::new(200, &endless)]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(transport.requests().len(), 1);
    assert_eq!(read([Answer::new(200, b"0123456789")]).0.unwrap().len(), 10);
}

#[test]
fn a_redirect_to_plain_http_is_not_followed() {
    let (refused, _) = read([Answer::new(302, b"").with("Location", "http://example.com/")]);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
}

#[test]
fn a_web_page_instead_of_a_document_is_named_and_retried() {
    let page = || Answer::new(200, b"<!DOCTYPE html><title>Welcome</title><p>Please accept our terms.");
    let (refused, transport) = read([page(), page(), page()]);
    let error = refused.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Server, 3));
    let text = error.to_string();
    assert!(
        text.contains("found an HTML page (a captive portal or login page?)"),
        "{text}"
    );
    let (document, _) = read([Answer::new(200, b"<p>"), page(), Answer::new(200, b"{}")]);
    assert_eq!(document.unwrap(), b"{}");
}

/// Fails each request after 30 ms.
#[derive(Debug, Default)]
struct Slow(std::sync::atomic::AtomicU32);

impl Transport for Slow {
    fn send(&self, _: &Request, _: &mut dyn Receiver) -> Result<(), crate::http::TransportError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(30));
        Err(crate::http::TransportError::Broken("connection closed".to_owned()))
    }
}

#[test]
fn all_attempts_together_have_a_limit() {
    let transport = Slow::default();
    let site = Site::new("https://example.com/app".parse().unwrap());
    let options = DownloadOptions {
        attempts: 1_000,
        first_wait: Duration::from_micros(1),
        stall_timeout: Duration::from_millis(30),
        ..DownloadOptions::default()
    };
    let reader = SiteReader {
        transport: &transport,
        site: &site,
        options: &options,
        control: &Control::new(),
    };
    assert_eq!(
        reader.read("channels/a.json", 10).unwrap_err().kind(),
        ErrorKind::Network
    );
    assert!(transport.0.into_inner() < 100);
}

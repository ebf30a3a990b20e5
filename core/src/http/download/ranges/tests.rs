#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::error::ErrorKind;
use crate::http::mock_transport::{Answer, MockTransport};

/// The bytes from 2 to 5 of a file of ten.
fn part() -> Answer {
    Answer::new(206, b"cdef").with("Content-Range", "bytes 2-5/10")
}

/// Fetches that range as often as `times` says.
fn fetch(transport: &MockTransport, times: usize) -> Result<Vec<u8>> {
    let (url, mut headers) = ("https://example.com/app.zip".parse().unwrap(), Headers::new());
    headers.add("Authorization", "Bearer token").unwrap();
    let options = DownloadOptions::default().with_first_wait(Duration::from_millis(1));
    let mut file = RemoteFile::new(transport, &url, &headers, 10, &options);
    let mut bytes = Vec::new();
    for _ in 0..times {
        file.expect(4);
        let mut take = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        file.fetch(&(2..6), &mut take, &Control::new())?;
    }
    assert_eq!(file.traffic().requests as usize, times);
    Ok(bytes)
}

#[test]
fn a_range_has_exactly_the_requested_bytes() {
    let transport = MockTransport::new([part()]);
    assert_eq!(fetch(&transport, 1).unwrap(), b"cdef");
    assert_eq!(transport.request_headers("range"), ["bytes=2-5"]);
}

#[test]
fn a_redirect_to_another_origin_receives_the_range_and_no_secret() {
    let redirect = Answer::new(302, b"").with("Location", "https://cdn.example.com/app.zip");
    let transport = MockTransport::new([redirect, part()]);
    assert_eq!(fetch(&transport, 1).unwrap(), b"cdef");
    assert_eq!(transport.request_headers("range"), ["bytes=2-5", "bytes=2-5"]);
    assert_eq!(transport.request_headers("authorization"), ["Bearer token", "-"]);
}

#[test]
fn only_a_validator_that_identifies_the_bytes_is_sent_again() {
    let dated = |date: &str| {
        let modified = "Mon, 01 Jan 2024 00:00:00 GMT";
        part().with("Last-Modified", modified).with("Date", date)
    };
    for (answer, expected) in [
        (part().with("ETag", "\"1\""), "\"1\""),
        (part().with("ETag", "W/\"1\""), "-"),
        (dated("Mon, 01 Jan 2024 00:01:00 GMT"), "Mon, 01 Jan 2024 00:00:00 GMT"),
        (dated("Mon, 01 Jan 2024 00:00:59 GMT"), "-"),
        (part(), "-"),
    ] {
        let transport = MockTransport::new([answer.clone(), answer]);
        fetch(&transport, 2).unwrap();
        assert_eq!(transport.request_headers("if-range"), ["-", expected]);
    }
}

#[test]
fn a_range_of_a_file_of_unknown_size_is_refused() {
    let transport = MockTransport::new([Answer::new(206, b"cdef").with("Content-Range", "bytes 2-5/*")]);
    assert_eq!(fetch(&transport, 1).unwrap_err().kind(), ErrorKind::Server);
}

#[test]
fn how_the_connection_ends_after_the_last_byte_does_not_matter() {
    let transport = MockTransport::new([part().then_breaks()]);
    assert_eq!(fetch(&transport, 1).unwrap(), b"cdef");
}

#[test]
fn a_server_that_requests_a_long_wait_ends_the_fetch() {
    let transport = MockTransport::new([Answer::new(429, b"").with("Retry-After", "3600")]);
    assert_eq!(fetch(&transport, 1).unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(transport.requests().len(), 1);
}

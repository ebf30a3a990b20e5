#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::error::Error;
use crate::error::ErrorKind;

#[test]
fn a_header_cannot_inject_another_header() {
    let mut headers = Headers::new();
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("a:", "x"),
        ("a", "x\r\nb: y"),
        ("a", "x\ny"),
        ("a", "\0"),
    ] {
        let error = headers.add(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}: {value:?}");
    }
    headers.add("X-Name", "één\tvalue").unwrap();
    assert_eq!(headers.get("x-name"), Some("één\tvalue"));
    assert_eq!(headers.iter().count(), 1);
}

#[test]
fn header_values_are_not_printed() {
    let mut headers = Headers::new();
    headers.add("Authorization", "Bearer secret").unwrap();
    assert_eq!(format!("{headers:?}"), r#"{"Authorization"}"#);
}

#[test]
fn a_transport_error_is_an_error_with_its_cause() {
    let broken = TransportError::Broken("no byte arrived for 30 s".to_owned());
    assert_eq!(broken.to_string(), "no byte arrived for 30 s");
    let received = TransportError::Receiver(Error::Cancelled { operation: "download" });
    let received: Box<dyn std::error::Error> = Box::new(received);
    assert!(received.to_string().contains("cancelled"), "{received}");
    assert!(received.source().is_some());
}

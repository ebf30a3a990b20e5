#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn ranges_are_read_strictly() {
    assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
    assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
    for wrong in [
        "",
        "5-9/10",
        "bytes 9-5/10",
        "bytes 5-10/10",
        "bytes */10",
        "bytes 5-/10",
        "bytes -5/10",
        "items 5-9/10",
    ] {
        assert_eq!(content_range(wrong), None, "{wrong}");
    }
    assert_eq!(unsatisfied_range("bytes */10"), Some(10));
    assert_eq!(unsatisfied_range("bytes 0-9/10"), None);
}

#[test]
fn an_archive_is_no_web_page() {
    assert!(is_text(b"<html>"));
    assert!(is_text(
        "\n <!doctype html><title>Bienvenue \u{e0} l'h\u{f4}tel".as_bytes()
    ));
    assert!(!is_text(b"PK\x03\x04"));
    assert!(!is_text(b"<\x00\x01\x02"));
}

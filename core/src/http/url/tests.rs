#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use super::*;
use crate::error::ErrorKind;

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn only_absolute_http_urls_without_credentials_are_accepted() {
    for text in [
        "",
        "app.zip",
        "/app.zip",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///x",
        "https://user:password@example.com/",
        "https://token@example.com/",
        "https://example.com:99999/",
        "https://exämple.com/",
        "https://example.com/a b",
        "https://example.com/\r\nHost: evil",
        "javascript:alert(1)",
        &format!("https://example.com/{}", "a".repeat(20_000)),
    ] {
        assert_eq!(
            text.parse::<Url>().unwrap_err().kind(),
            ErrorKind::InvalidInput,
            "{text}"
        );
    }
}

#[test]
fn a_signature_is_sent_and_never_printed() {
    let signed = url("https://example.com/app.zip?X-Amz-Signature=secret#part");
    assert_eq!(signed.as_str(), "https://example.com/app.zip?X-Amz-Signature=secret");
    assert_eq!(signed.to_string(), "https://example.com/app.zip?…");
    assert!(!format!("{signed:?}").contains("secret"));
    assert_eq!(
        url("https://example.com/app.zip").to_string(),
        "https://example.com/app.zip"
    );
}

#[test]
fn origins_differ_by_scheme_host_and_port() {
    assert_eq!(
        url("https://Example.com/a").origin(),
        url("HTTPS://example.com:443/b?c").origin()
    );
    for other in [
        "http://example.com/",
        "https://example.com:444/",
        "https://a.example.com/",
    ] {
        assert_ne!(url("https://example.com/").origin(), url(other).origin());
    }
}

#[test]
fn only_loopback_hosts_are_this_machine() {
    for here in [
        "http://localhost:1/",
        "http://LOCALHOST/",
        "http://127.8.9.1/",
        "http://[::1]:8080/",
    ] {
        assert!(url(here).is_loopback(), "{here}");
    }
    for elsewhere in [
        "http://localhost.example.com/",
        "http://128.0.0.1/",
        "http://127.0.0.1.nip.io/",
        "http://[::2]/",
    ] {
        assert!(!url(elsewhere).is_loopback(), "{elsewhere}");
    }
}

#[test]
fn redirects_are_resolved_against_the_url() {
    let base = url("https://example.com/a/b?c");
    for (location, expected) in [
        ("d", "https://example.com/a/d"),
        ("/d?e#f", "https://example.com/d?e"),
        ("//cdn.example.com/d", "https://cdn.example.com/d"),
        ("http://example.com/", "http://example.com/"),
        ("../../x", "https://example.com/x"),
    ] {
        assert_eq!(base.join(location).unwrap().as_str(), expected);
    }
}

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

#[test]
fn names_and_values_are_added_to_the_query() {
    let with = |url: &str| {
        let url: Url = url.parse().unwrap();
        let added = url.with_query([("a", "1 &=#?+%"), ("\u{e9}", "")]).unwrap();
        added.as_str().to_owned()
    };
    let pairs = "a=1%20%26%3D%23%3F%2B%25&%C3%A9=";
    assert_eq!(with("https://example.com/x"), format!("https://example.com/x?{pairs}"));
    assert_eq!(with("https://example.com/x?"), format!("https://example.com/x?{pairs}"));
    assert_eq!(
        with("https://example.com/x?b=2"),
        format!("https://example.com/x?b=2&{pairs}")
    );
    let url: Url = "https://example.com/x".parse().unwrap();
    assert_eq!(url.with_query([]).unwrap(), url);
    assert!(url.with_query([("a", "b".repeat(20_000).as_str())]).is_err());
}

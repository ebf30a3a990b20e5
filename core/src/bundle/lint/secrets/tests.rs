#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::limits::Limits;

fn path(text: &str) -> SafePath {
    SafePath::parse(text.as_bytes(), &Limits::default()).unwrap().unwrap()
}

#[test]
fn secrets_are_recognised_in_any_folder_and_case() {
    for name in [
        ".env",
        "config/.env.production",
        "a/.capgo_key_v2",
        ".capgo_key_v2.pub",
        "dist/.capbundle_content_key",
        "server.PEM",
        ".npmrc",
        "x.p12",
        "tls/server.key",
        "putty.ppk",
        "ssh/id_dsa",
    ] {
        assert!(secret(&path(name)).is_some_and(|finding| finding.is_error()), "{name}");
    }
    for name in [
        "environment.js",
        "env.js",
        "assets/pem.js",
        "key.json",
        ".well-known/assetlinks.json",
    ] {
        assert!(secret(&path(name)).is_none(), "{name}");
    }
}

#[cfg(feature = "check")]
#[test]
fn private_keys_are_recognised_by_their_first_bytes() {
    for head in [
        "-----BEGIN PRIVATE KEY-----\nMII",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "const k = `-----BEGIN RSA PRIVATE KEY-----",
    ] {
        assert!(is_private_key(head.as_bytes()), "{head}");
    }
    for head in ["", "-----BEGIN PUBLIC KEY-----", "PRIVATE KEY-----"] {
        assert!(!is_private_key(head.as_bytes()), "{head}");
    }
}

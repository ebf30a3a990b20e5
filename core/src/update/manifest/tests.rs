//! Tests of checking manifests and opening their files.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Read as _;

use super::*;
use crate::ErrorKind;
use crate::capgo::{Encryption, encrypt};
use crate::keys::{KeyBits, SigningKey};
use crate::progress::Control;

/// `hello` in Brotli.
const HELLO: [u8; 9] = [0x0b, 0x02, 0x80, b'h', b'e', b'l', b'l', b'o', 0x03];

#[allow(clippy::needless_pass_by_value, reason = "texts and digests")]
fn entry(name: &str, hash: impl std::fmt::Display) -> ManifestEntry {
    ManifestEntry::new(
        name,
        hash.to_string(),
        format!("https://cdn.example.com/{}", name.len()),
    )
}

fn offer(manifest: Vec<ManifestEntry>) -> UpdateOffer {
    UpdateOffer::new("1.2.3", "https://cdn.example.com/app.zip").with_manifest(manifest)
}

fn digest(bytes: &[u8]) -> Sha256Digest {
    Sha256Digest::of(bytes)
}

fn check(names: &[&str]) -> Result<ManifestFiles> {
    let entries = names.iter().map(|name| entry(name, digest(b"hello"))).collect();
    ManifestFiles::check(&offer(entries), None, &Limits::default())
}

fn read(files: &ManifestFiles, number: usize, mut source: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    files
        .open(&files.files()[number], &mut source, limit)?
        .read_to_end(&mut plain)?;
    Ok(plain)
}

/// A key, and the session key of one of its archives.
fn keys() -> (SigningKey, VerifyingKeys, String) {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let session = session(&key, folder.path());
    let trusted = VerifyingKeys::new(vec![key.verifying_key()]).unwrap();
    (key, trusted, session)
}

fn session(key: &SigningKey, folder: &std::path::Path) -> String {
    let plain = folder.join("plain");
    fs::write(&plain, "plain").unwrap();
    let encryption = Encryption {
        expected: &digest(b"plain"),
        key,
        form: ChecksumForm::V3,
    };
    let encrypted = encrypt(&plain, &folder.join("encrypted"), &encryption, &Control::new()).unwrap();
    encrypted.iv_session_key.to_string()
}

fn signed(key: &SigningKey, bytes: &[u8]) -> String {
    SignedChecksum::sign(&digest(bytes), key, ChecksumForm::V3)
        .unwrap()
        .to_string()
}

fn kind_with(keys: &VerifyingKeys, offer: &UpdateOffer) -> ErrorKind {
    let keys = ManifestKeys {
        keys,
        form: ChecksumForm::V3,
    };
    ManifestFiles::check(offer, Some(keys), &Limits::default())
        .unwrap_err()
        .kind()
}

#[test]
fn a_name_without_br_is_the_path_and_br_means_brotli() {
    let files = check(&["index.html", "assets/app.js.br", "a b/ü.br.br"]).unwrap();
    let found: Vec<_> = files
        .files()
        .iter()
        .map(|file| (file.path.as_str(), file.is_brotli))
        .collect();
    assert_eq!(
        found,
        [("index.html", false), ("assets/app.js", true), ("a b/ü.br", true)]
    );
    assert_eq!(files.signer(), None);
}

#[test]
fn unsafe_names_are_refused() {
    for name in [
        "",
        ".br",
        "../a",
        "a/../../b.br",
        "/a",
        "a\\b",
        "C:/a",
        "a\0",
        ".",
        "a/",
        "a/.br",
        "./.br",
    ] {
        assert_eq!(check(&[name]).unwrap_err().kind(), ErrorKind::UnsafeArchive, "{name:?}");
    }
}

#[test]
fn names_that_occur_twice_or_are_also_folders_are_refused() {
    for names in [
        ["a", "a"],
        ["a", "a.br"],
        ["a", "./a"],
        ["a", "a/b"],
        ["a/b/c", "a/b.br"],
        ["x/y", "x"],
    ] {
        assert_eq!(check(&names).unwrap_err().kind(), ErrorKind::UnsafeArchive, "{names:?}");
    }
    check(&["a!b", "a/b", "a.b"]).unwrap();
}

#[test]
fn missing_members_and_too_many_files_are_refused() {
    let mut bad = entry("a", digest(b""));
    bad.file_hash = None;
    let refused = |entries, limits: &Limits| ManifestFiles::check(&offer(entries), None, limits).unwrap_err().kind();
    assert_eq!(refused(vec![bad.clone()], &Limits::default()), ErrorKind::NotTrusted);
    bad.file_hash = Some("00".repeat(256));
    assert_eq!(refused(vec![bad.clone()], &Limits::default()), ErrorKind::NotTrusted);
    bad.file_hash = Some("00".repeat(32));
    bad.download_url = None;
    assert_eq!(refused(vec![bad], &Limits::default()), ErrorKind::InvalidInput);
    assert_eq!(refused(Vec::new(), &Limits::default()), ErrorKind::InvalidInput);
    let two = vec![entry("a", digest(b"")), entry("b", digest(b""))];
    assert_eq!(
        refused(two, &Limits::default().with_entries(1)),
        ErrorKind::LimitExceeded
    );
}

#[test]
fn plain_and_compressed_files_are_opened_and_compared() {
    let files = check(&["a", "b.br"]).unwrap();
    assert_eq!(read(&files, 0, b"hello", 5).unwrap(), b"hello");
    assert_eq!(read(&files, 1, &HELLO, 5).unwrap(), b"hello");
    for (number, source) in [(0, &b"hallo"[..]), (0, b""), (1, b"hello"), (1, &HELLO[..8])] {
        assert!(read(&files, number, source, 100).is_err(), "{number} {source:?}");
    }
    assert!(read(&files, 0, b"hello", 4).is_err());
}

#[test]
fn with_a_key_every_file_is_decrypted_and_every_hash_is_signed() {
    let (key, keys, session) = keys();
    let entries = vec![
        entry("a", signed(&key, b"hello")),
        entry("b.br", signed(&key, b"hello")),
    ];
    let offer = offer(entries).with_session_key(session.clone());
    let trusted = ManifestKeys {
        keys: &keys,
        form: ChecksumForm::V3,
    };
    let files = ManifestFiles::check(&offer, Some(trusted), &Limits::default()).unwrap();
    assert_eq!(files.signer(), Some(keys.first().id()));
    let cipher = FileCipher::new(&session.parse().unwrap(), keys.first()).unwrap();
    for (number, plain) in [&b"hello"[..], &HELLO].into_iter().enumerate() {
        let mut encrypted = Vec::new();
        cipher.encrypt(&mut &plain[..]).read_to_end(&mut encrypted).unwrap();
        assert_eq!(read(&files, number, &encrypted, 5).unwrap(), b"hello");
        assert!(read(&files, number, plain, 5).is_err(), "not encrypted");
    }
}

#[test]
fn with_a_key_nothing_unsigned_is_accepted() {
    let (key, keys, session) = keys();
    let (good, other) = (signed(&key, b"hello"), SigningKey::generate(KeyBits::B2048).unwrap());
    let manifest = |hash: String| {
        let entries = vec![entry("a", good.clone()), entry("b", hash)];
        offer(entries).with_session_key(session.clone())
    };
    let of_other = signed(&other, b"hello");
    assert_eq!(
        kind_with(&keys, &manifest(digest(b"hello").to_string())),
        ErrorKind::NotTrusted
    );
    assert_eq!(kind_with(&keys, &manifest(String::new())), ErrorKind::NotTrusted);
    assert_eq!(
        kind_with(&keys, &manifest(of_other.clone())),
        ErrorKind::SignatureInvalid
    );
    let without_session = offer(vec![entry("a", good.clone())]);
    assert_eq!(kind_with(&keys, &without_session), ErrorKind::NotTrusted);
    // Both keys are trusted, but one must have made everything.
    let both = VerifyingKeys::new(vec![key.verifying_key(), other.verifying_key()]).unwrap();
    assert_eq!(
        kind_with(&both, &manifest(of_other.clone())),
        ErrorKind::SignatureInvalid
    );
    let first = offer(vec![entry("a", of_other)]).with_session_key(session.clone());
    assert_eq!(kind_with(&both, &first), ErrorKind::SignatureInvalid);
}

#[test]
fn an_encrypted_manifest_needs_a_key() {
    let (key, _, session) = keys();
    let offer = offer(vec![entry("a", signed(&key, b"hello"))]).with_session_key(session);
    let error = ManifestFiles::check(&offer, None, &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
}

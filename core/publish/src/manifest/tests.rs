//! Tests of making manifests.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use capbundle::bundle::{PackOptions, UnpackOptions, pack, unpack};
use capbundle::capgo::{self, ChecksumForm, Encryption, FileCipher, IvSessionKey, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::progress::Control;
use capbundle::release::FileList;
use capbundle::{Limits, VerifiedArchive};

/// An unpacked bundle.
struct Bundle {
    folder: TempDir,
    archive: Sha256Digest,
    list: FileList,
}

impl Bundle {
    fn of(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (app, zip) = (folder.path().join("app"), folder.path().join("app.zip"));
        for (path, bytes) in files
            .iter()
            .chain(&[("index.html", &b"<script>notifyAppReady()</script>"[..])])
        {
            let path = app.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        pack(&app, &zip, &PackOptions::default(), &Control::new()).unwrap();
        let archive = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap();
        let list = FileList::of_archive(&archive, &Limits::default(), &Control::new()).unwrap();
        unpack(
            &archive,
            &folder.path().join("www"),
            &UnpackOptions::default(),
            &Control::new(),
        )
        .unwrap();
        let archive = archive.digest();
        Self { folder, archive, list }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn prepare(&self, options: &ManifestOptions<'_>) -> crate::Result<Manifest> {
        prepare(
            &self.path("www"),
            &self.list,
            self.folder.path(),
            options,
            &Control::new(),
        )
    }

    /// The session key of its encrypted archive.
    fn encrypt(&self, key: &SigningKey) -> IvSessionKey {
        let encryption = Encryption {
            expected: &self.archive,
            key,
            form: ChecksumForm::V3,
        };
        let (zip, to) = (self.path("app.zip"), self.path("encrypted.zip"));
        capgo::encrypt(&zip, &to, &encryption, &Control::new())
            .unwrap()
            .iv_session_key
    }
}

fn find<'a>(manifest: &'a Manifest, name: &str) -> &'a ManifestFile {
    manifest.files.iter().find(|file| file.file_name == name).unwrap()
}

fn names(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|file| file.file_name.as_str()).collect()
}

fn unbrotli(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain).unwrap();
    plain
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn only_files_from_8192_bytes_that_shrink_are_compressed() {
    let bundle = Bundle::of(&[
        ("large.js", &[b'a'; 8192]),
        ("small.js", &[b'a'; 8191]),
        ("photo.jpg", &noise(20_000)),
    ]);
    let manifest = bundle.prepare(&ManifestOptions::default()).unwrap();
    assert_eq!(names(&manifest), ["index.html", "large.js.br", "photo.jpg", "small.js"]);
    let large = find(&manifest, "large.js.br");
    assert_eq!(unbrotli(&read(large.path())), [b'a'; 8192]);
    assert_eq!(large.file_hash, Sha256Digest::of(&[b'a'; 8192]).to_string());
    assert_eq!(large.digest, Sha256Digest::of(&read(large.path())));
    assert_eq!(large.size, read(large.path()).len() as u64);
    assert_eq!((manifest.compressed(), manifest.is_encrypted()), (1, false));
}

#[test]
fn compression_can_be_disabled_for_all_files_or_some() {
    let bundle = Bundle::of(&[("a/one.js", &[b'a'; 9000]), ("a/two.css", &[b'b'; 9000])]);
    let none = bundle.prepare(&ManifestOptions::default().with_brotli(false)).unwrap();
    assert_eq!(none.compressed(), 0);
    let except = BrotliExclusion::of(&["*.js".to_owned(), " ".to_owned()]).unwrap();
    let some = bundle.prepare(&ManifestOptions::default().with_except(except)).unwrap();
    assert_eq!(names(&some), ["a/one.js", "a/two.css.br", "index.html"]);
}

#[test]
fn a_name_that_ends_in_br_is_compressed_again_since_devices_strip_the_ending() {
    let bundle = Bundle::of(&[("app.js.br", &noise(50)), ("empty.br", b"")]);
    let manifest = bundle.prepare(&ManifestOptions::default().with_brotli(false)).unwrap();
    assert_eq!(names(&manifest), ["app.js.br.br", "empty.br.br", "index.html"]);
    assert_eq!(unbrotli(&read(find(&manifest, "app.js.br.br").path())), noise(50));
    assert_eq!(find(&manifest, "empty.br.br").size, 0);
}

#[test]
fn empty_files_are_in_the_manifest() {
    let bundle = Bundle::of(&[("empty.txt", b"")]);
    let manifest = bundle.prepare(&ManifestOptions::default()).unwrap();
    let empty = find(&manifest, "empty.txt");
    assert_eq!(empty.file_hash, Sha256Digest::of(b"").to_string());
    assert!(read(empty.path()).is_empty());
}

#[test]
fn files_are_encrypted_after_compression_and_their_hashes_are_signed() {
    let bundle = Bundle::of(&[("large.js", &[b'a'; 9000]), ("empty.txt", b"")]);
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let iv_session_key = bundle.encrypt(&key);
    let protection = FileProtection {
        iv_session_key: &iv_session_key,
        key: &key,
        form: ChecksumForm::V3,
    };
    let manifest = bundle
        .prepare(&ManifestOptions::default().with_protection(protection))
        .unwrap();
    let public = key.verifying_key();
    let cipher = FileCipher::new(&iv_session_key, &public).unwrap();
    let decrypt = |file: &ManifestFile| {
        let mut plain = Vec::new();
        cipher
            .decrypt(&mut &read(file.path())[..])
            .read_to_end(&mut plain)
            .unwrap();
        plain
    };
    let large = find(&manifest, "large.js.br");
    assert_eq!(unbrotli(&decrypt(large)), [b'a'; 9000]);
    let signed = SignedChecksum::parse(&large.file_hash, ChecksumForm::V3).unwrap();
    assert_eq!(signed.verify(&public).unwrap(), Sha256Digest::of(&[b'a'; 9000]));
    assert_eq!(find(&manifest, "empty.txt").size, 16);
    assert!(decrypt(find(&manifest, "empty.txt")).is_empty());
}

#[test]
fn keys_of_unencrypted_files_depend_on_content_and_name_only() {
    let bundle = Bundle::of(&[("a b/ü.js", b"1"), ("c", b"1")]);
    let manifest = bundle.prepare(&ManifestOptions::default()).unwrap();
    let hash = Sha256Digest::of(Sha256Digest::of(b"1").to_string().as_bytes());
    let file = find(&manifest, "a b/ü.js");
    assert_eq!(file_key(&manifest, file), format!("delta/{hash}_a%20b/%C3%BC.js"));
    assert_eq!(file_key(&manifest, find(&manifest, "c")), format!("delta/{hash}_c"));
}

#[test]
fn a_key_leaves_out_a_name_that_is_too_long() {
    let name = format!("{}.js", "ü".repeat(60));
    let bundle = Bundle::of(&[(&name, &[b'a'; 9000])]);
    let manifest = bundle.prepare(&ManifestOptions::default()).unwrap();
    let file = find(&manifest, &format!("{name}.br"));
    let hash = Sha256Digest::of(file.file_hash.as_bytes());
    assert_eq!(file_key(&manifest, file), format!("delta/{hash}.br"));
}

#[test]
fn a_file_that_changed_since_it_was_listed_is_refused() {
    let bundle = Bundle::of(&[("a.js", &[b'a'; 9000]), ("b.js", b"1")]);
    for name in ["www/a.js", "www/b.js"] {
        let path = bundle.path(name);
        let before = read(&path);
        fs::write(&path, b"other").unwrap();
        let error = bundle.prepare(&ManifestOptions::default()).unwrap_err();
        assert_eq!(error.kind(), capbundle::ErrorKind::DigestMismatch, "{name}");
        fs::write(&path, before).unwrap();
    }
}

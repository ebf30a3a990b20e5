//! All damage is detected: every flipped bit and every missing byte.

use std::fs;

use capbundle::capgo;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::capgo::{Encrypted, IvSessionKey};
use capbundle::digest::Sha256Digest;
use capbundle::progress::Control;
use capbundle::{ErrorKind, Result};
use capbundle_tests::forge::{Archive, Entry, INDEX_HTML};
use capbundle_tests::tree::Tree;
use proptest::prelude::*;

use super::strategies::{Workspace, cases, noise, signer};

/// A sealed bundle that the tests damage.
struct SealedBundle {
    workspace: Workspace,
    bytes: Vec<u8>,
    sealed: Encrypted,
}

impl SealedBundle {
    fn of(tree: &Tree) -> Self {
        let workspace = Workspace::with(tree);
        let (plain, to) = (workspace.path("out/bundle.zip"), workspace.path("out/sealed"));
        let digest = Sha256Digest::of(&workspace.pack(2));
        let sealed = capgo::encrypt(
            &plain,
            &to,
            &capgo::Encryption {
                expected: &digest,
                key: &signer(),
                form: ChecksumForm::V3,
            },
            &Control::new(),
        )
        .unwrap();
        Self {
            bytes: fs::read(&to).unwrap(),
            workspace,
            sealed,
        }
    }

    fn open(&self, bytes: &[u8]) -> Result<Sha256Digest> {
        self.open_with(bytes, &self.sealed.iv_session_key, &self.sealed.checksum)
    }

    fn open_with(&self, bytes: &[u8], session: &IvSessionKey, checksum: &SignedChecksum) -> Result<Sha256Digest> {
        let (file, staging) = (self.workspace.path("out/sealed"), self.workspace.path("staging"));
        fs::write(&file, bytes).unwrap();
        let key = signer().verifying_key();
        capgo::decrypt(
            &file,
            &staging,
            &capgo::Decryption {
                iv_session_key: session,
                checksum,
                key: &key,
            },
            &Control::new(),
        )
        .map(|archive| archive.digest())
    }

    /// Expects that the damaged bytes are refused and leave no files.
    fn require_refused(&self, damaged: &[u8]) {
        let kind = self.open(damaged).unwrap_err().kind();
        assert!(
            matches!(kind, ErrorKind::DigestMismatch | ErrorKind::DecryptionFailed),
            "{kind:?}"
        );
        assert!(fs::read_dir(self.workspace.path("staging")).unwrap().next().is_none());
    }
}

#[test]
fn every_flipped_bit_of_a_small_sealed_bundle_is_refused() {
    let bundle = SealedBundle::of(&Tree::bundle());
    assert_eq!(bundle.open(&bundle.bytes).unwrap(), bundle.sealed.digest);
    for at in 0..bundle.bytes.len() * 8 {
        bundle.require_refused(&with_bit_flipped(&bundle.bytes, at));
    }
}

#[test]
fn every_truncation_of_a_small_sealed_bundle_is_refused() {
    let bundle = SealedBundle::of(&Tree::bundle());
    for length in 0..bundle.bytes.len() {
        bundle.require_refused(&bundle.bytes[..length]);
    }
}

#[test]
fn every_flipped_bit_of_the_checksum_is_refused() {
    let bundle = SealedBundle::of(&Tree::bundle());
    let text = bundle.sealed.checksum.to_string();
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect();
    for at in 0..bytes.len() * 8 {
        let damaged = capbundle_tests::forge::capgo::hex(&with_bit_flipped(&bytes, at));
        let checksum = SignedChecksum::parse(&damaged, ChecksumForm::V3).unwrap();
        let outcome = bundle.open_with(&bundle.bytes, &bundle.sealed.iv_session_key, &checksum);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::SignatureInvalid);
    }
}

#[test]
fn every_changed_character_of_the_session_key_is_refused() {
    let bundle = SealedBundle::of(&Tree::bundle());
    let text = bundle.sealed.iv_session_key.to_string();
    for (at, character) in text.char_indices().filter(|(_, character)| *character != '=') {
        let other = if character == 'A' { "B" } else { "A" };
        let mut damaged = text.clone();
        damaged.replace_range(at..=at, other);
        let outcome = damaged
            .parse()
            .and_then(|session| bundle.open_with(&bundle.bytes, &session, &bundle.sealed.checksum));
        assert!(outcome.is_err(), "character {at}");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_flipped_bit_of_a_larger_sealed_bundle_is_refused(at in any::<prop::sample::Index>()) {
        LARGER.with(|bundle| bundle.require_refused(&with_bit_flipped(&bundle.bytes, at.index(bundle.bytes.len() * 8))));
    }

    #[test]
    fn a_truncation_of_a_larger_sealed_bundle_is_refused(length in any::<prop::sample::Index>()) {
        LARGER.with(|bundle| bundle.require_refused(&bundle.bytes[..length.index(bundle.bytes.len())]));
    }
}

thread_local! {
    static LARGER: SealedBundle = SealedBundle::of(&Tree::bundle().with_file("noise.bin", &noise(700_000, 3)));
}

/// An unsigned bundle: a flipped bit is detected or does not change the unpacked files.
#[test]
fn every_flipped_bit_of_a_plain_archive_is_refused_or_changes_nothing() {
    let tree = Tree::bundle()
        .with_file("assets/a.js", b"let a = 1; let b = 1; let c = 1;")
        .with_folder("empty");
    let workspace = Workspace::with(&tree);
    require_detected_or_harmless(&workspace.pack(1), &tree);
}

/// The same for a streamed archive with data descriptors, as Java and macOS write it.
#[test]
fn every_flipped_bit_of_a_streamed_archive_is_refused_or_changes_nothing() {
    let entries = [
        Entry::deflated("index.html", INDEX_HTML).streamed(true),
        Entry::deflated("assets/app.js", b"notifyAppReady()").streamed(false),
    ];
    let tree = Tree::default()
        .with_file("index.html", INDEX_HTML)
        .with_file("assets/app.js", b"notifyAppReady()");
    require_detected_or_harmless(&Archive::of(entries).bytes(), &tree);
}

fn require_detected_or_harmless(bytes: &[u8], tree: &Tree) {
    let workspace = Workspace::with(&Tree::default());
    for at in 0..bytes.len() * 8 {
        fs::write(workspace.path("out/bundle.zip"), with_bit_flipped(bytes, at)).unwrap();
        if workspace.unpack(&Control::new()).is_ok() {
            assert!(
                workspace.unpacked() == *tree,
                "bit {} of byte {} changed the files undetected",
                at % 8,
                at / 8
            );
            fs::remove_dir_all(workspace.path("staging/bundle")).unwrap();
        }
        assert_eq!(
            workspace.written(),
            ["bundle.zip"],
            "bit {} of byte {} left files",
            at % 8,
            at / 8
        );
    }
}

fn with_bit_flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    damaged[at / 8] ^= 1 << (at % 8);
    damaged
}

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::fs;
use std::sync::LazyLock;

use super::*;
use crate::capgo::{ChecksumForm, Encrypted, Encryption, encrypt};
use crate::keys::{KeyBits, SigningKey};
use crate::progress::Control;

static OLD: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static NEW: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
static LARGER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B3072).unwrap());

fn keys(keys: &[&SigningKey]) -> VerifyingKeys {
    VerifyingKeys::new(keys.iter().map(|key| key.verifying_key()).collect()).unwrap()
}

fn id(key: &SigningKey) -> String {
    key.verifying_key().id().to_string()
}

fn made_with(key: &SigningKey, form: ChecksumForm) -> Encrypted {
    let folder = tempfile::tempdir().unwrap();
    let (plain, sealed) = (folder.path().join("a.zip"), folder.path().join("sealed.zip"));
    fs::write(&plain, "bundle").unwrap();
    let encryption = Encryption {
        expected: &Sha256Digest::of(b"bundle"),
        key,
        form,
    };
    encrypt(&plain, &sealed, &encryption, &Control::new()).unwrap()
}

fn refusal(keys: &VerifyingKeys, checksum: &Encrypted, session_key: &Encrypted) -> Error {
    find_signer(keys, &checksum.checksum, Some(&session_key.iv_session_key)).unwrap_err()
}

#[test]
fn the_key_that_made_both_parts_is_found_wherever_it_stands() {
    for form in [ChecksumForm::V3, ChecksumForm::V2] {
        for signer in [&*OLD, &*NEW, &*LARGER] {
            let parts = made_with(signer, form);
            for order in [
                [&*OLD, &*NEW, &*LARGER],
                [&*LARGER, &*OLD, &*NEW],
                [&*NEW, &*LARGER, &*OLD],
            ] {
                let keys = keys(&order);
                for session_key in [None, Some(&parts.iv_session_key)] {
                    let found = find_signer(&keys, &parts.checksum, session_key).unwrap();
                    assert_eq!(found.key.id().to_string(), id(signer));
                    assert_eq!(found.digest, Sha256Digest::of(b"bundle"));
                }
            }
        }
    }
}

#[test]
fn a_checksum_by_one_key_with_a_session_key_by_another_is_refused() {
    let (old, new, larger) = (
        made_with(&OLD, ChecksumForm::V3),
        made_with(&NEW, ChecksumForm::V3),
        made_with(&LARGER, ChecksumForm::V3),
    );
    let trusted = keys(&[&OLD, &NEW, &LARGER]);
    for (checksum, session_key, signer) in [(&old, &new, &*OLD), (&new, &old, &*NEW)] {
        let error = refusal(&trusted, checksum, session_key);
        assert_eq!(error.kind(), ErrorKind::SignatureInvalid);
        let text = error.to_string();
        assert!(text.starts_with("ivSessionKey: not signed by a trusted key"), "{text}");
        assert!(
            text.contains(&id(signer)) && text.contains("one key must have made both"),
            "{text}"
        );
    }
    assert_eq!(refusal(&trusted, &old, &larger).kind(), ErrorKind::NotTrusted);
    assert_eq!(refusal(&keys(&[&OLD]), &old, &new).kind(), ErrorKind::SignatureInvalid);
}

#[test]
fn a_key_that_is_not_in_the_set_is_refused_with_the_ids_of_those_that_are() {
    let error = refusal(
        &keys(&[&NEW, &LARGER]),
        &made_with(&OLD, ChecksumForm::V3),
        &made_with(&OLD, ChecksumForm::V3),
    );
    assert_eq!(error.kind(), ErrorKind::SignatureInvalid);
    let text = error.to_string();
    let expected = format!("none of the 2 keys {}, {}", id(&NEW), id(&LARGER));
    assert!(text.starts_with("checksum: ") && text.contains(&expected), "{text}");
}

#[test]
fn a_signature_with_the_length_of_no_key_is_not_trusted() {
    let larger = made_with(&LARGER, ChecksumForm::V3);
    let error = refusal(&keys(&[&OLD, &NEW]), &larger, &larger);
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    assert!(error.to_string().contains("none of the 2 keys"), "{error}");
}

#[test]
fn with_one_key_the_error_is_that_of_verifying_with_it() {
    let old = made_with(&OLD, ChecksumForm::V3);
    for only in [&*NEW, &*LARGER] {
        let expected = old.checksum.verify(&only.verifying_key()).unwrap_err();
        let error = refusal(&keys(&[only]), &old, &old);
        assert_eq!(
            (error.kind(), error.to_string()),
            (expected.kind(), expected.to_string())
        );
    }
}

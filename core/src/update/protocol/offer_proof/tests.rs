#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use super::*;
use crate::digest::Sha256Digest;
use crate::error::ErrorKind;
use crate::keys::{KeyBits, SigningKey};
use crate::update::protocol::UpdateResponse;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());
const FORM: ChecksumForm = ChecksumForm::V3;

fn keys() -> VerifyingKeys {
    KEY.verifying_key().into()
}

fn digest() -> Sha256Digest {
    Sha256Digest::of(b"bundle")
}

fn signed() -> String {
    SignedChecksum::sign(&digest(), &KEY, FORM).unwrap().to_string()
}

fn session_key() -> String {
    format!("{}==:{}", "A".repeat(22), "A".repeat(344))
}

fn offer(checksum: &str, session_key: &str) -> UpdateOffer {
    offer_at("https://cdn.example/2.zip", checksum, session_key)
}

/// As a server sends it.
fn offer_at(url: &str, checksum: &str, session_key: &str) -> UpdateOffer {
    let body = format!(r#"{{"version":"2.0.0","url":"{url}","checksum":"{checksum}","session_key":"{session_key}"}}"#);
    match UpdateResponse::parse("https://example.com/updates", 200, body.as_bytes()).unwrap() {
        UpdateResponse::Offer(offer) => offer,
        other => panic!("{other:?}"),
    }
}

fn refusal(proof: Result<ExpectedProof>) -> String {
    let error = proof.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted, "{error}");
    assert!(!matches!(error, Error::ChecksumRequired { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("version 2.0.0"), "{text}");
    text
}

fn assert_checksum_required(proof: Result<ExpectedProof>) {
    let error = proof.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted);
    assert!(matches!(error, Error::ChecksumRequired { .. }), "{error}");
    assert!(error.to_string().starts_with("version 2.0.0: no checksum: "), "{error}");
}

#[test]
fn with_keys_a_signed_checksum_and_a_session_key_are_required() {
    let proof = offer(&signed(), &session_key())
        .expected_proof(Some(&keys()), FORM)
        .unwrap();
    let ExpectedProof::CapgoSealed {
        checksum, keys: with, ..
    } = proof
    else {
        panic!("{proof:?}")
    };
    assert_eq!((checksum.to_string(), with), (signed(), keys()));

    let required =
        |checksum: &str, session_key: &str| refusal(offer(checksum, session_key).expected_proof(Some(&keys()), FORM));
    assert!(required(&digest().to_string(), &session_key()).contains("unsigned SHA-256"));
    assert!(required(&digest().to_string(), "").contains("upload the bundle with the private key"));
    assert!(required("352441c2", &session_key()).contains("unsigned CRC-32"));
    assert!(required("not hex", &session_key()).contains("V3"));
    assert!(required(&signed(), "").contains("must be encrypted"));
    assert!(required(&signed(), "AAAA").contains("session key of version 2.0.0"));
}

#[test]
fn an_unencrypted_archive_is_accepted_only_on_request_and_still_by_its_signature() {
    let (keys, plain) = (keys(), offer(&signed(), ""));
    refusal(plain.expected_proof(Some(&keys), FORM));
    let proof = plain.expected_proof_allowing_unencrypted(&keys, FORM).unwrap();
    assert!(matches!(proof, ExpectedProof::CapgoSigned { .. }), "{proof:?}");

    let sealed = offer(&signed(), &session_key());
    let proof = sealed.expected_proof_allowing_unencrypted(&keys, FORM).unwrap();
    assert!(matches!(proof, ExpectedProof::CapgoSealed { .. }), "{proof:?}");
    let unsigned = offer(&digest().to_string(), "");
    refusal(unsigned.expected_proof_allowing_unencrypted(&keys, FORM));
    assert_checksum_required(offer("", "").expected_proof_allowing_unencrypted(&keys, FORM));
}

#[test]
fn without_keys_the_checksum_must_be_a_sha_256_in_either_case() {
    for text in [digest().to_string(), digest().to_string().to_uppercase()] {
        for proof in [
            offer(&text, "").expected_proof(None, FORM),
            offer(&text, "").expected_proof_allowing_unverified_https(),
        ] {
            assert!(matches!(proof.unwrap(), ExpectedProof::Digest(found) if found == digest()));
        }
    }
    for (checksum, hint) in [
        ("352441c2", "CRC-32"),
        (signed().as_str(), "public key"),
        ("x", "64 hexadecimal digits"),
    ] {
        for proof in [
            offer(checksum, "").expected_proof(None, FORM),
            offer(checksum, "").expected_proof_allowing_unverified_https(),
        ] {
            let text = refusal(proof);
            assert!(text.contains(hint), "{text}");
        }
    }
}

#[test]
fn a_missing_checksum_is_refused_with_a_reason_of_its_own() {
    for empty in [offer("", ""), offer("", &session_key())] {
        assert_checksum_required(empty.expected_proof(None, FORM));
        assert_checksum_required(empty.expected_proof(Some(&keys()), FORM));
    }
}

#[test]
fn an_archive_without_a_checksum_is_accepted_only_on_request_and_only_over_https() {
    let proof = offer("", "").expected_proof_allowing_unverified_https().unwrap();
    assert!(matches!(proof, ExpectedProof::UnverifiedHttps), "{proof:?}");
    for url in ["http://cdn.example/2.zip", "http://localhost/2.zip"] {
        assert_checksum_required(offer_at(url, "", "").expected_proof_allowing_unverified_https());
    }
}

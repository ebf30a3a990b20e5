#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs;
use std::sync::LazyLock;

use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::pkcs8::EncodePublicKey as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::*;
use crate::error::{ErrorKind, Result};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(KeyBits::B2048).unwrap());

fn problem<T: std::fmt::Debug>(result: Result<T>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KeyInvalid, "{error}");
    error.to_string()
}

#[test]
fn a_key_round_trips_through_pem_with_either_line_ending() {
    let pem = KEY.to_pem().unwrap();
    assert!(
        pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"),
        "Capgo reads PKCS#1 only"
    );
    for text in [
        pem.to_string(),
        pem.replace('\n', "\r\n"),
        format!("a comment\n{}\n\n", &*pem),
        pem.replace("\nM", "M"),
    ] {
        assert_eq!(
            SigningKey::from_pem(&text).unwrap().verifying_key(),
            KEY.verifying_key()
        );
    }
    let public = KEY.verifying_key().to_pem();
    assert!(public.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    for text in [public.clone(), public.replace('\n', "\r\n"), public.replace('\n', " ")] {
        assert_eq!(VerifyingKey::from_pem(&text).unwrap(), KEY.verifying_key());
    }
}

#[test]
fn pkcs8_and_spki_are_the_same_key() {
    use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
    let pkcs8 = KEY.0.to_pkcs8_pem(LineEnding::LF).unwrap();
    assert_eq!(
        SigningKey::from_pem(&pkcs8).unwrap().verifying_key(),
        KEY.verifying_key()
    );
    let spki = KEY.0.to_public_key().to_public_key_pem(LineEnding::CRLF).unwrap();
    let from_spki = VerifyingKey::from_pem(&spki).unwrap();
    assert_eq!(from_spki, KEY.verifying_key());
    assert_eq!(from_spki.capgo_key_id(), KEY.verifying_key().capgo_key_id());
}

#[test]
fn the_wrong_half_of_the_pair_is_named_in_the_error() {
    let (private, public) = (KEY.to_pem().unwrap(), KEY.verifying_key().to_pem());
    assert!(problem(VerifyingKey::from_pem(&private)).contains("found the private key"));
    assert!(problem(SigningKey::from_pem(&public)).contains("found the public key"));
}

#[test]
fn other_pem_blocks_are_named_in_the_error() {
    for (text, hint) in [
        ("", "not a PEM key"),
        ("MIIBCgKCAQEA", "not a PEM key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIB", "truncated"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\n%%%\n-----END RSA PRIVATE KEY-----",
            "not base64",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\\nAAAA\\n-----END RSA PRIVATE KEY-----",
            "two characters",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----",
            "damaged",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "damaged",
        ),
        (
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            "passphrase",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA\n-----END RSA PRIVATE KEY-----",
            "passphrase",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "certificate",
        ),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
            "OpenSSH",
        ),
        (
            "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----",
            "EC PRIVATE KEY",
        ),
    ] {
        let problem = problem(SigningKey::from_pem(text));
        assert!(problem.contains(hint), "{text}: {problem}");
    }
}

#[test]
fn keys_of_other_sizes_and_tiny_exponents_are_refused() {
    let mut rng = recovery::system_rng().unwrap();
    let small = RsaPrivateKey::new_unchecked(&mut rng, 1024).unwrap();
    let pem = small.to_public_key().to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    assert!(problem(VerifyingKey::from_pem(&pem)).contains("1024 bits"));
    let pem = small.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    assert!(problem(SigningKey::from_pem(&pem)).contains("1024 bits"));

    let cube = RsaPublicKey::new_unchecked(KEY.0.n().as_ref().clone(), rsa::BoxedUint::from(3_u64));
    let pem = cube.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    assert!(problem(VerifyingKey::from_pem(&pem)).contains("exponent"));
}

#[test]
fn capgo_key_id_is_the_start_of_the_pkcs1_body() {
    let pem = KEY.verifying_key().to_pem();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert_eq!(KEY.verifying_key().capgo_key_id(), body[..20]);
    assert!(body.starts_with("MIIBCgKCAQEA"), "all 2048-bit keys begin the same");
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_a_private_key_file_and_it_is_not_replaced_by_default() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".capgo_key_v2");
    KEY.write(&path, Overwrite::Never).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let other = SigningKey::generate(KeyBits::B2048).unwrap();
    let error = other.write(&path, Overwrite::Never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(fs::read_to_string(&path).unwrap(), written);

    other.write(&path, Overwrite::Replace).unwrap();
    assert_eq!(SigningKey::read(&path).unwrap().verifying_key(), other.verifying_key());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_file_that_is_not_a_key_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.bin");
    fs::write(&path, [0xff, 0xfe, 0]).unwrap();
    assert!(problem(SigningKey::read(&path)).contains("key.bin"));
    fs::write(&path, "x".repeat(100_000)).unwrap();
    assert!(problem(VerifyingKey::read(&path)).contains("longer"));
}

#[test]
fn debug_output_of_a_private_key_hides_it() {
    assert_eq!(format!("{:?}", *KEY), "SigningKey { bits: 2048, .. }");
}

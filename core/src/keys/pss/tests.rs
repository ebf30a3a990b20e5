#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use proptest::prelude::*;
use rsa::RsaPrivateKey;
use rsa::traits::PublicKeyParts as _;

use super::*;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(crate::keys::KeyBits::B2048).unwrap());
static PUBLIC: LazyLock<VerifyingKey> = LazyLock::new(|| KEY.verifying_key());

fn signed_with(salt: usize, message: &[u8]) -> Vec<u8> {
    let padding = Pss::<Sha256>::new_blinded_with_salt(salt);
    let mut rng = recovery::system_rng().unwrap();
    KEY.0
        .sign_with_rng(&mut rng, padding, &Sha256::digest(message))
        .unwrap()
}

#[test]
fn a_signature_is_valid_for_its_key_and_message_only() {
    let signature = KEY.sign_pss(b"message").unwrap();
    assert!(PUBLIC.verify_pss(b"message", &signature));
    assert!(!PUBLIC.verify_pss(b"massage", &signature));
    assert!(!PUBLIC.verify_pss(b"", &signature));
    let other = SigningKey::generate(crate::keys::KeyBits::B2048).unwrap();
    assert!(!other.verifying_key().verify_pss(b"message", &signature));
    assert_ne!(signature, KEY.sign_pss(b"message").unwrap(), "the salt is random");
}

#[test]
fn no_other_salt_length_is_accepted() {
    for salt in [0, 20, 31, 33, 64, 222] {
        assert!(!PUBLIC.verify_pss(b"message", &signed_with(salt, b"message")), "{salt}");
    }
    assert!(PUBLIC.verify_pss(b"message", &signed_with(32, b"message")));
}

#[test]
fn no_other_padding_is_accepted() {
    let digest = Sha256::digest(b"message");
    let mut rng = recovery::system_rng().unwrap();
    let pkcs1 = KEY
        .0
        .sign_with_rng(&mut rng, rsa::Pkcs1v15Sign::new::<Sha256>(), &digest)
        .unwrap();
    assert!(!PUBLIC.verify_pss(b"message", &pkcs1));
    assert!(!PUBLIC.verify_pss(b"message", &KEY.sign_recoverably(&digest).unwrap()));
}

#[test]
fn a_signature_has_the_length_of_the_modulus() {
    let signature = KEY.sign_pss(b"message").unwrap();
    let with_zero = [&[0], &signature[..]].concat();
    for wrong in [
        &signature[1..],
        &signature[..255],
        &with_zero,
        &[],
        &[0; 256],
        &[0xff; 256],
    ] {
        assert!(!PUBLIC.verify_pss(b"message", wrong));
    }
}

#[test]
fn a_number_not_less_than_the_modulus_is_not_a_signature() {
    let signature = KEY.sign_pss(b"message").unwrap();
    let modulus = num_bigint::BigUint::from_bytes_be(&KEY.0.n().to_be_bytes());
    let larger = (num_bigint::BigUint::from_bytes_be(&signature) + modulus).to_bytes_be();
    assert!(!PUBLIC.verify_pss(b"message", &larger));
}

#[test]
fn moduli_that_are_not_whole_bytes_sign_too() {
    for bits in [2_049, 2_055, 2_057] {
        let key = RsaPrivateKey::new(&mut recovery::system_rng().unwrap(), bits).unwrap();
        let key = SigningKey(key);
        let signature = key.sign_pss(b"message").unwrap();
        assert!(key.verifying_key().verify_pss(b"message", &signature), "{bits}");
        assert!(!key.verifying_key().verify_pss(b"massage", &signature), "{bits}");
    }
}

#[test]
fn a_key_round_trips_through_spki() {
    let der = PUBLIC.to_spki_der();
    let key = VerifyingKey::from_spki_der(&der).unwrap();
    assert_eq!(key, *PUBLIC);
    assert_eq!(key.id(), PUBLIC.id());
    assert_eq!(Sha256::digest(&der).as_slice(), key.id().as_bytes());
    assert_eq!(key.id().to_string().parse::<crate::keys::KeyId>().unwrap(), key.id());
}

#[test]
fn one_key_has_one_encoding() {
    let der = PUBLIC.to_spki_der();
    let longer = [&der[..], &[0]].concat();
    // Without the NULL of absent parameters, with corrected lengths.
    let null = der.windows(2).position(|pair| pair == [5, 0]).unwrap();
    let mut without_null = [&der[..null], &der[null + 2..]].concat();
    without_null[3] -= 2;
    without_null[5] -= 2;
    for wrong in [
        &longer[..],
        &der[1..],
        &without_null,
        &PUBLIC.0.to_pkcs1_der(),
        b"",
        b"\x30\x00",
    ] {
        assert!(VerifyingKey::from_spki_der(wrong).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_changed_bit_invalidates_a_signature(at in 0_usize..256, bit in 0_u8..8) {
        static SIGNATURE: LazyLock<Vec<u8>> = LazyLock::new(|| KEY.sign_pss(b"message").unwrap());
        let mut signature = SIGNATURE.clone();
        signature[at] ^= 1 << bit;
        prop_assert!(!PUBLIC.verify_pss(b"message", &signature));
    }

    #[test]
    fn a_changed_bit_gives_an_invalid_or_another_key(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut der = PUBLIC.to_spki_der();
        let at = at.index(der.len());
        der[at] ^= 1 << bit;
        if let Ok(key) = VerifyingKey::from_spki_der(&der) {
            prop_assert_ne!(key.id(), PUBLIC.id());
            prop_assert_eq!(key.to_spki_der(), der);
        }
    }
}

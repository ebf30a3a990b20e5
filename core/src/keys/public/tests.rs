#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::LazyLock;

use num_bigint::BigUint;
use proptest::prelude::*;
use rsa::pkcs1::EncodeRsaPublicKey as _;

use super::*;

fn modulus_of(bytes: &[u8]) -> Vec<u8> {
    let mut modulus = bytes.to_vec();
    modulus[0] |= 1;
    *modulus.last_mut().unwrap() |= 1;
    modulus
}

/// The result of another library.
fn reference(modulus: &[u8], exponent: u64, value: &[u8]) -> Vec<u8> {
    let power = BigUint::from_bytes_be(value).modpow(&exponent.into(), &BigUint::from_bytes_be(modulus));
    let bytes = power.to_bytes_be();
    let mut padded = vec![0; modulus.len() - bytes.len()];
    padded.extend(bytes);
    padded
}

fn power(modulus: &[u8], exponent: u64, value: &[u8]) -> Vec<u8> {
    let key = PublicKey::new(modulus, &exponent.to_be_bytes()).unwrap();
    key.power(value).unwrap()
}

/// Values that exercise carries: all ones, all zeros, a one at either end, and random ones.
fn number(bytes: usize) -> impl Strategy<Value = Vec<u8>> {
    let digit = prop_oneof![
        Just([0xff; 4]),
        Just([0; 4]),
        Just([0x80, 0, 0, 0]),
        Just([0, 0, 0, 1]),
        any::<[u8; 4]>(),
    ];
    prop::collection::vec(digit, bytes.div_ceil(4)).prop_map(move |digits| digits.concat()[..bytes].to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_power_matches_another_library(
        (modulus, value) in (256_usize..=270).prop_flat_map(|bytes| (number(bytes), number(bytes))),
        exponent in prop_oneof![Just(65_537), Just(3), Just(MAX_EXPONENT), (1_u64..1 << 32).prop_map(|half| 2 * half + 1)],
    ) {
        let (modulus, mut value) = (modulus_of(&modulus), value);
        if value >= modulus {
            value[0] = 0;
        }
        prop_assert_eq!(power(&modulus, exponent, &value), reference(&modulus, exponent, &value));
    }
}

#[test]
fn powers_of_boundary_values_are_right() {
    let ones = vec![0xff; 256];
    let mut lowest = vec![0; 256];
    lowest[0] = 0x80;
    for modulus in [ones, modulus_of(&lowest), vec![0xff; 512]] {
        let mut less = modulus.clone();
        *less.last_mut().unwrap() -= 1;
        let zero = vec![0; modulus.len()];
        let mut one = zero.clone();
        *one.last_mut().unwrap() = 1;
        for value in [zero, one, less] {
            assert_eq!(power(&modulus, 65_537, &value), reference(&modulus, 65_537, &value));
        }
    }
}

#[test]
fn a_number_not_less_than_the_modulus_has_no_power() {
    let modulus = vec![0xff; 256];
    let key = PublicKey::new(&modulus, &[1, 0, 1]).unwrap();
    assert_eq!(key.power(&modulus), None);
    assert_eq!(key.power(&modulus[1..]), None, "wrong length");
}

#[test]
fn impossible_rsa_keys_are_refused() {
    let odd = [0xff; 256];
    assert!(PublicKey::new(&odd, &[1, 0, 1]).is_some());
    let mut even = odd;
    even[255] = 0xfe;
    assert!(PublicKey::new(&even, &[1, 0, 1]).is_none());
    for exponent in [&[][..], &[1], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1; 9]] {
        assert!(PublicKey::new(&odd, exponent).is_none(), "{exponent:?}");
    }
    assert!(PublicKey::new(&odd, &MAX_EXPONENT.to_be_bytes()).is_some());
    assert!(PublicKey::new(&[], &[1, 0, 1]).is_none());
}

static KEY: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut crate::keys::recovery::system_rng().unwrap(), 2048).unwrap());

#[test]
fn the_encodings_match_the_rsa_crate() {
    let theirs = KEY.to_public_key();
    let ours = PublicKey::of(&KEY);
    assert_eq!((ours.size(), ours.bits()), (256, 2048));
    assert_eq!(ours.to_pkcs1_der(), theirs.to_pkcs1_der().unwrap().as_bytes());
    let pem = theirs.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    assert_eq!(crate::keys::pem::encode_public(&ours), pem);
    let spki = rsa::pkcs8::EncodePublicKey::to_public_key_der(&theirs).unwrap();
    assert_eq!(crate::keys::pem::spki_der(&ours), spki.as_bytes());
}

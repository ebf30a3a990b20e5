#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use super::*;

/// A block of the size of a 2048-bit key.
fn block(start: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut block = start.to_vec();
    block.resize(256 - payload.len() - 1, 0xff);
    block.push(0);
    block.extend_from_slice(payload);
    block
}

#[test]
fn a_valid_block_gives_its_payload() {
    assert_eq!(payload_of(&block(&[0, 1], &[7; 32]), 32).unwrap().as_slice(), [7; 32]);
}

#[test]
fn every_deviation_from_the_padding_is_refused() {
    let good = block(&[0, 1], &[7; 32]);
    for index in 0..256 - 32 {
        let mut bad = good.clone();
        bad[index] ^= 1;
        assert!(payload_of(&bad, 32).is_err(), "byte {index}");
    }
}

#[test]
fn a_payload_of_another_length_is_refused() {
    for length in [0, 15, 17, 31, 33, 48, 245] {
        assert!(payload_of(&block(&[0, 1], &vec![7; length]), 32).is_err(), "{length}");
    }
}

#[test]
fn the_fill_has_at_least_eight_bytes() {
    assert!(payload_of(&block(&[0, 1], &[7; 256 - 11]), 256 - 11).is_ok());
    assert!(payload_of(&block(&[0, 1], &[7; 256 - 10]), 256 - 10).is_err());
    assert!(payload_of(&[0, 1], 32).is_err());
}

#[test]
fn a_signature_of_one_key_is_not_recovered_with_another() {
    let mut rng = system_rng().unwrap();
    let key = RsaPrivateKey::new(&mut rng, 2048).unwrap();
    let other = RsaPrivateKey::new(&mut rng, 2048).unwrap();
    let signature = sign(&key, b"sixteen bytes ok").unwrap();
    assert_eq!(
        recover(&PublicKey::of(&key), &signature, 16).unwrap().as_slice(),
        b"sixteen bytes ok"
    );
    assert!(recover(&PublicKey::of(&other), &signature, 16).is_err());
    assert!(recover(&PublicKey::of(&key), &signature[1..], 16).is_err());
    assert!(
        recover(&PublicKey::of(&key), &[0xff; 256], 16)
            .unwrap_err()
            .contains("not less than the modulus")
    );
}

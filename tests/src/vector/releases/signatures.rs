//! Signatures of an envelope: who signed, and whether they are valid.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Vector, release, vector};
use crate::forge::envelope::{RELEASE, key_id, signature, signature_with, signed_bytes, with_signatures};
use crate::forge::pss::{Hash, Pss};
use crate::forge::rsa::Key;
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [thresholds(keys), forgeries(keys)].concat()
}

pub(super) fn payload() -> Vec<u8> {
    release().to_string().into_bytes()
}

/// An envelope of the valid release with these signatures.
pub(super) fn case(name: &str, expect: &str, why: &str, signatures: &[Value]) -> Vector {
    of(name, expect, why, &with_signatures(RELEASE, &payload(), signatures))
}

pub(super) fn of(name: &str, expect: &str, why: &str, envelope: &Value) -> Vector {
    vector(name, expect, why, envelope.to_string().into_bytes())
}

pub(super) fn sound(key: &Key) -> Value {
    signature(key, RELEASE, &payload())
}

fn renamed(mut signature: Value, key: &Key) -> Value {
    signature["keyid"] = json!(key_id(key));
    signature
}

fn flipped(mut signature: Value) -> Value {
    let mut bytes = STANDARD
        .decode(signature["sig"].as_str().unwrap_or_default())
        .unwrap_or_default();
    if let Some(byte) = bytes.get_mut(17) {
        *byte ^= 4;
    }
    signature["sig"] = json!(STANDARD.encode(bytes));
    signature
}

fn thresholds(keys: &TestKeys) -> Vec<Vector> {
    let (one, two, three, outsider) = (&keys.signer, &keys.other, &keys.signer_3072, &keys.signer_4096);
    let two_of_three = |name: &str, expect: &str, why: &str, signatures: &[Value]| {
        case(name, expect, why, signatures).replacing("rings", "two-of-three.json")
    };
    vec![
        case("sound", "ok", "signed by the one key of the ring", &[sound(one)]),
        case("unsigned", "signatures", "an envelope without signatures", &[]),
        case(
            "outsider",
            "signatures",
            "signed by a key of nobody's ring",
            &[sound(outsider)],
        ),
        case(
            "outsider-beside",
            "ok",
            "a signature of a key outside the ring does not hurt",
            &[sound(outsider), sound(one)],
        ),
        case(
            "bad-beside-good",
            "ok",
            "a signature of the ring's key that does not hold is as good as absent",
            &[flipped(sound(one)), sound(one)],
        ),
        case(
            "under-another-id",
            "signatures",
            "signed by a key of the ring, under the id of another one",
            &[renamed(sound(one), two)],
        )
        .replacing("rings", "two.json"),
        two_of_three("two-of-three", "ok", "enough", &[sound(one), sound(three)]),
        two_of_three(
            "three-of-three",
            "ok",
            "more than enough",
            &[sound(three), sound(two), sound(one)],
        ),
        two_of_three("one-of-two", "signatures", "one key is missing", &[sound(one)]),
        two_of_three(
            "one-twice",
            "signatures",
            "the same signature twice is one key",
            &[sound(one), sound(one)],
        ),
        two_of_three(
            "one-with-two-salts",
            "signatures",
            "two signatures of one key are one key",
            &[
                sound(one),
                signature_with(
                    &Pss {
                        salt: vec![7; 32],
                        ..Pss::sound()
                    },
                    one,
                    RELEASE,
                    &payload(),
                ),
            ],
        ),
        two_of_three(
            "one-under-two-ids",
            "signatures",
            "an id is believed in nothing: the key that it names did not sign",
            &[sound(one), renamed(sound(one), two)],
        ),
        two_of_three(
            "one-and-outsider",
            "signatures",
            "a key of the ring and one that is in none",
            &[sound(one), sound(outsider)],
        ),
        two_of_three(
            "one-good-one-bad",
            "signatures",
            "one of two signatures does not hold",
            &[sound(one), flipped(sound(two))],
        ),
        case(
            "retired",
            "signatures",
            "signed by a key that the second ring retired",
            &[sound(one)],
        )
        .replacing("rings", "two.json two-signer-retired.json"),
        case(
            "retired-beside",
            "ok",
            "the retired key does not count, the other does",
            &[sound(one), sound(two)],
        )
        .replacing("rings", "two.json two-signer-retired.json"),
    ]
}

fn forgeries(keys: &TestKeys) -> Vec<Vector> {
    let key = &keys.signer;
    let pss = |name: &str, why: &str, pss: Pss| {
        case(
            name,
            "signatures",
            why,
            &[signature_with(&pss, key, RELEASE, &payload())],
        )
    };
    let sound_pss = Pss::sound;
    let mut bare = sound(key);
    bare["sig"] = json!(STANDARD.encode(Pss::sound().sign(key, &payload())));
    let mut pkcs1 = sound(key);
    pkcs1["sig"] = json!(STANDARD.encode(key.sign(&signed_bytes(RELEASE, &payload()))));
    let sized = |bytes: Vec<u8>| {
        let mut signature = sound(key);
        signature["sig"] = json!(STANDARD.encode(bytes));
        signature
    };
    let good = Pss::sound().sign(key, &signed_bytes(RELEASE, &payload()));
    vec![
        pss(
            "salt-0",
            "a salt of another length: what verifies PSS by guessing takes it",
            Pss {
                salt: Vec::new(),
                ..sound_pss()
            },
        ),
        pss(
            "salt-20",
            "a salt as long as SHA-1",
            Pss {
                salt: vec![1; 20],
                ..sound_pss()
            },
        ),
        pss(
            "salt-33",
            "one byte more",
            Pss {
                salt: vec![1; 33],
                ..sound_pss()
            },
        ),
        pss(
            "salt-largest",
            "as long as fits: OpenSSL's default for signing",
            Pss {
                salt: vec![1; 222],
                ..sound_pss()
            },
        ),
        pss(
            "sha-512",
            "another hash",
            Pss {
                hash: Hash::Sha512,
                mask_hash: Hash::Sha512,
                ..sound_pss()
            },
        ),
        pss(
            "mask-of-sha-512",
            "another hash in the mask",
            Pss {
                mask_hash: Hash::Sha512,
                ..sound_pss()
            },
        ),
        pss(
            "trailer",
            "another last byte",
            Pss {
                trailer: 0xcc,
                ..sound_pss()
            },
        ),
        pss(
            "separator",
            "another byte before the salt",
            Pss {
                separator: 2,
                ..sound_pss()
            },
        ),
        pss(
            "padding",
            "padding that is not zero",
            Pss {
                padding: 3,
                ..sound_pss()
            },
        ),
        pss(
            "top-bit",
            "a bit above the encoded message",
            Pss {
                sets_top_bit: true,
                ..sound_pss()
            },
        ),
        case(
            "bare-payload",
            "signatures",
            "the payload signed without its type",
            &[bare],
        ),
        case("pkcs1", "signatures", "the padding of Capgo's checksums", &[pkcs1]),
        case(
            "flipped-signature",
            "signatures",
            "one bit of the signature",
            &[flipped(sound(key))],
        ),
        case(
            "short-signature",
            "signatures",
            "a byte is missing",
            &[sized(good[1..].to_vec())],
        ),
        case(
            "long-signature",
            "signatures",
            "a zero in front",
            &[sized([&[0], &good[..]].concat())],
        ),
        case(
            "signature-plus-modulus",
            "signatures",
            "the same number, not below the modulus",
            &[sized(key.plus_modulus(&good))],
        ),
        case(
            "signature-zero",
            "signatures",
            "zero, whose power is zero",
            &[sized(vec![0; 256])],
        ),
        case(
            "signature-one",
            "signatures",
            "one, whose power is one",
            &[sized([vec![0; 255], vec![1]].concat())],
        ),
        case("signature-empty", "signatures", "no bytes at all", &[sized(Vec::new())]),
    ]
}

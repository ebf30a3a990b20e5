//! Key rings: the first one of a device and its successors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::{Value, json};

use super::{APP, Vector, ring, with, without};
use crate::forge::envelope::{KEYS, RELEASE, envelope, key_id};
use crate::forge::rsa::{Key, spki, spki_of};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [
        first(keys),
        signatures(keys),
        succession(keys),
        precedence(keys),
        members(keys),
        forged_keys(keys),
    ]
    .concat()
}

/// A key ring of this document, signed by these keys, on a device that trusts the rings in `before`.
fn after(before: &str, name: &str, expect: &str, why: &str, document: &Value, signers: &[&Key]) -> Vector {
    let bytes = envelope(KEYS, document.to_string().as_bytes(), signers)
        .to_string()
        .into_bytes();
    Vector::new(name, expect, why, bytes)
        .with("rings", before)
        .with("app", APP)
}

fn first(keys: &TestKeys) -> Vec<Vector> {
    let (one, two, three) = (&keys.signer, &keys.other, &keys.signer_3072);
    let two_of_three = ring(1, 2, &[one, two, three]);
    let case =
        |name: &str, expect: &str, why: &str, signers: &[&Key]| after("", name, expect, why, &two_of_three, signers);
    vec![
        case("first", "ok", "enough of its own keys", &[three, one]),
        case(
            "first-too-few",
            "signatures",
            "its own signatures must reach its threshold",
            &[one],
        ),
        case(
            "first-outsider",
            "signatures",
            "a key that it does not hold",
            &[one, &keys.signer_4096],
        ),
        case("first-unsigned", "signatures", "nobody signed it", &[]),
        after(
            "",
            "first-number-7",
            "ok",
            "which number the first one has is up to the app",
            &ring(7, 1, &[one]),
            &[one],
        ),
        case("first-other-app", "wrong_app", "the ring of another app", &[one, two])
            .replacing("app", "com.example.other"),
        case(
            "first-order-signatures",
            "signatures",
            "what is checked first is said",
            &[one],
        )
        .replacing("app", "com.example.other"),
    ]
}

fn signatures(keys: &TestKeys) -> Vec<Vector> {
    let (one, two, three, four) = (&keys.signer, &keys.other, &keys.signer_3072, &keys.signer_4096);
    let two_of_four = ring(2, 2, &[three, four]);
    let of_three = |name: &str, expect: &str, why: &str, signers: &[&Key]| {
        after("two-of-three.json", name, expect, why, &two_of_four, signers)
    };
    vec![
        after(
            "one.json",
            "added",
            "ok",
            "a key is added; both sign",
            &ring(2, 1, &[one, two]),
            &[one, two],
        ),
        after(
            "one.json",
            "added-old-alone",
            "ok",
            "the old key is in the new ring too",
            &ring(2, 1, &[one, two]),
            &[one],
        ),
        after(
            "one.json",
            "added-new-alone",
            "signatures",
            "the new key brings itself in",
            &ring(2, 1, &[one, two]),
            &[two],
        ),
        after(
            "one.json",
            "replaced",
            "ok",
            "the old key hands on to the new",
            &ring(2, 1, &[two]),
            &[one, two],
        ),
        after(
            "one.json",
            "replaced-old-alone",
            "signatures",
            "nobody shows that the new key is there",
            &ring(2, 1, &[two]),
            &[one],
        ),
        of_three(
            "handed-on",
            "ok",
            "two of the old and two of the new; one of them is the same",
            &[one, three, four],
        ),
        of_three("too-few-old", "signatures", "one of the old", &[three, four]),
        of_three("too-few-new", "signatures", "one of the new", &[one, two, three]),
        after(
            "one-of-three.json",
            "raised",
            "ok",
            "two must sign from now on",
            &ring(2, 2, &[one, two, three]),
            &[one, two],
        ),
        after(
            "one-of-three.json",
            "raised-too-few",
            "signatures",
            "and so they must here",
            &ring(2, 2, &[one, two, three]),
            &[one],
        ),
        after(
            "two-of-three.json",
            "lowered",
            "ok",
            "two decide that one is enough",
            &ring(2, 1, &[one, two, three]),
            &[one, two],
        ),
        after(
            "two-of-three.json",
            "lowered-too-few",
            "signatures",
            "one decides that one is enough",
            &ring(2, 1, &[one, two, three]),
            &[one],
        ),
        after(
            "two-of-three.json",
            "unsigned-and-malformed",
            "signatures",
            "what the old keys did not sign is not looked into",
            &json!({}),
            &[four],
        ),
    ]
}

fn succession(keys: &TestKeys) -> Vec<Vector> {
    let (one, two) = (&keys.signer, &keys.other);
    let retired = |ring: &Value, ids: &[String]| with(ring, &[("retired", json!(ids))]);
    let walked = "two.json two-signer-retired.json";
    vec![
        after(
            "one.json",
            "same-number",
            "wrong_number",
            "the number of the ring before",
            &ring(1, 1, &[one]),
            &[one],
        ),
        after(
            "one.json",
            "number-left-out",
            "wrong_number",
            "a ring in between is left out",
            &ring(3, 1, &[one]),
            &[one],
        ),
        after(
            walked,
            "way-back",
            "wrong_number",
            "the first ring again",
            &ring(1, 1, &[one, two]),
            &[one, two],
        ),
        after(
            "last-number.json",
            "behind-the-last",
            "wrong_number",
            "there is no number after 2^53 - 1",
            &ring(1, 1, &[one]),
            &[one],
        ),
        after(
            "one.json",
            "other-app",
            "wrong_app",
            "a ring of another app",
            &with(&ring(2, 1, &[one]), &[("app_id", json!("com.example.other"))]),
            &[one],
        ),
        after(
            walked,
            "retired-kept",
            "ok",
            "what was retired stays so",
            &retired(&ring(3, 1, &[two]), &[key_id(one)]),
            &[two],
        ),
        after(
            walked,
            "retired-forgotten",
            "retired_key_missing",
            "a retired key is forgotten",
            &ring(3, 1, &[two]),
            &[two],
        ),
        after(
            walked,
            "retired-back",
            "retired_key_missing",
            "a retired key comes back",
            &ring(3, 1, &[one, two]),
            &[one, two],
        ),
        after(
            walked,
            "retired-back-and-kept",
            "malformed",
            "retired and a key at once",
            &retired(&ring(3, 1, &[one, two]), &[key_id(one)]),
            &[one, two],
        ),
        after(
            walked,
            "retired-signs",
            "signatures",
            "the retired key hands on",
            &retired(&ring(3, 1, &[&keys.signer_3072]), &[key_id(one)]),
            &[one, &keys.signer_3072],
        ),
    ]
}

/// Two faults, of which the one that is checked first is reported.
fn precedence(keys: &TestKeys) -> Vec<Vector> {
    let (one, two) = (&keys.signer, &keys.other);
    let case = |before: &str, name: &str, expect: &str, document: &Value, signer: &Key| {
        let why = "what is checked first is said";
        after(before, &format!("order-{name}"), expect, why, document, &[signer])
    };
    let of_another = |ring: &Value| with(ring, &[("app_id", json!("com.example.other"))]);
    vec![
        case(
            "one.json",
            "malformed",
            "malformed",
            &without(&ring(2, 1, &[two]), "created_at"),
            one,
        ),
        case(
            "one.json",
            "own-signatures",
            "signatures",
            &of_another(&ring(2, 1, &[two])),
            one,
        ),
        case("one.json", "app", "wrong_app", &of_another(&ring(3, 1, &[one])), one),
        case(
            "two.json two-signer-retired.json",
            "number",
            "wrong_number",
            &ring(4, 1, &[two]),
            two,
        ),
    ]
}

fn members(keys: &TestKeys) -> Vec<Vector> {
    let one = &keys.signer;
    let sound = ring(2, 1, &[one]);
    let case = |name: &str, expect: &str, why: &str, member: &str, value: Value| {
        after("one.json", name, expect, why, &with(&sound, &[(member, value)]), &[one])
    };
    let missing = ["format", "app_id", "number", "threshold", "created_at", "keys"].map(|member| {
        after(
            "one.json",
            &format!("missing-{member}"),
            "malformed",
            "a member is not there",
            &without(&sound, member),
            &[one],
        )
    });
    let release = envelope(RELEASE, sound.to_string().as_bytes(), &[one])
        .to_string()
        .into_bytes();
    let twice = sound.to_string().replacen('{', "{\"number\":9,", 1);
    let twice = envelope(KEYS, twice.as_bytes(), &[one]).to_string().into_bytes();
    let id = key_id(&keys.other);
    let others = vec![
        case("format-2", "unknown_format", "a later format", "format", json!(2)),
        case(
            "critical-unknown",
            "unknown_critical",
            "a member that a reader must know",
            "critical",
            json!(["quorum"]),
        ),
        case(
            "critical-known",
            "ok",
            "a member of the table",
            "critical",
            json!(["threshold"]),
        ),
        case(
            "critical-of-a-release",
            "unknown_critical",
            "a member of the other table",
            "critical",
            json!(["channel"]),
        ),
        case(
            "unknown-member",
            "ok",
            "a member that nobody must know",
            "note",
            json!("x"),
        ),
        case("threshold-0", "malformed", "nobody must sign", "threshold", json!(0)),
        case(
            "threshold-2-of-1",
            "malformed",
            "more must sign than there are",
            "threshold",
            json!(2),
        ),
        case("number-0", "malformed", "rings begin with 1", "number", json!(0)),
        case("number-text", "malformed", "a number in quotes", "number", json!("2")),
        case(
            "threshold-true",
            "malformed",
            "what is 1 to some",
            "threshold",
            json!(true),
        ),
        case("created-0", "ok", "made in 1970", "created_at", json!(0)),
        case(
            "critical-absent-member",
            "malformed",
            "a member that is not there",
            "critical",
            json!(["retired"]),
        ),
        case("keys-empty", "malformed", "no key", "keys", json!([])),
        case("keys-32", "ok", "as many as there may be", "keys", crowd(keys, 32)),
        case("keys-33", "malformed", "more than 32", "keys", crowd(keys, 33)),
        case("retired-twice", "malformed", "an id twice", "retired", json!([id, id])),
        case(
            "retired-upper-case",
            "malformed",
            "digits in upper case",
            "retired",
            json!([id.to_uppercase()]),
        ),
        case(
            "retired-null",
            "malformed",
            "null is not absent",
            "retired",
            json!(null),
        ),
        case(
            "retired-unknown",
            "ok",
            "a key that was in no ring of this device",
            "retired",
            json!([id]),
        ),
        Vector::new(
            "release-type",
            "malformed",
            "a ring under the type of releases",
            release,
        )
        .with("rings", "one.json")
        .with("app", APP),
        Vector::new("duplicate-number", "malformed", "two numbers", twice)
            .with("rings", "one.json")
            .with("app", APP),
    ];
    [missing.to_vec(), others].concat()
}

/// `count` keys: the signer's, and variations of another key's modulus, which have no private keys.
fn crowd(keys: &TestKeys, count: u32) -> Value {
    let number = |place: u32| &keys.other.modulus + BigUint::from(2 * place);
    let of = |modulus: &BigUint| STANDARD.encode(spki_of(modulus, &keys.other.public));
    let others = (1..count).map(|place| of(&number(place)));
    [of(&keys.signer.modulus)].into_iter().chain(others).collect()
}

fn forged_keys(keys: &TestKeys) -> Vec<Vector> {
    let one = &keys.signer;
    let beside_one = |name: &str, expect: &str, why: &str, key: String| {
        let mut document = ring(2, 1, &[one]);
        if let Some(keys) = document["keys"].as_array_mut() {
            keys.push(json!(key));
        }
        after("one.json", name, expect, why, &document, &[one])
    };
    let case = |name: &str, why: &str, key: String| beside_one(name, "malformed", why, key);
    let der = |modulus: &BigUint, exponent: u64| STANDARD.encode(spki_of(modulus, &BigUint::from(exponent)));
    let (other, longest) = (&keys.other.modulus, &keys.signer_4096.modulus);
    let sound = spki(&keys.other);
    let pkcs1 = &sound[24..];
    vec![
        case("key-twice", "one key as two", STANDARD.encode(spki(one))),
        case(
            "modulus-twice",
            "one private key as two, by another exponent",
            der(&one.modulus, 65_539),
        ),
        case("key-exponent-3", "an exponent that invites forgeries", der(other, 3)),
        case("key-exponent-even", "no RSA key", der(other, 65_538)),
        case(
            "key-exponent-huge",
            "the first odd one that is too large: checking costs as much as signing",
            der(other, (1 << 33) + 1),
        ),
        beside_one("key-exponent-largest", "ok", "2^33 - 1", der(other, (1 << 33) - 1)),
        case(
            "key-exponent-65535",
            "the first odd one that is too small",
            der(other, 65_535),
        ),
        case("key-modulus-even", "no RSA key", der(&(other - 1_u8), 65_537)),
        case(
            "key-1024-bits",
            "too short",
            der(&(other >> 1024_u32 | BigUint::from(1_u8)), 65_537),
        ),
        case(
            "key-2047-bits",
            "one bit too short",
            der(&(other >> 1_u32 | BigUint::from(1_u8)), 65_537),
        ),
        case(
            "key-4097-bits",
            "one bit too long",
            der(&(longest << 1_u32 | BigUint::from(1_u8)), 65_537),
        ),
        case(
            "key-8192-bits",
            "so long that checking costs seconds on a phone",
            der(&(longest << 4096_u32 | BigUint::from(1_u8)), 65_537),
        ),
        case("key-pkcs1", "PKCS#1 in the place of SPKI", STANDARD.encode(pkcs1)),
        case(
            "key-pem",
            "PEM in the place of DER",
            "-----BEGIN PUBLIC KEY-----".to_owned(),
        ),
        case(
            "key-trailing",
            "a byte behind the key",
            STANDARD.encode([&sound[..], &[0]].concat()),
        ),
        case(
            "key-url-safe",
            "the other alphabet, in which a key has another spelling",
            STANDARD.encode(&sound).replace('+', "-").replace('/', "_"),
        ),
        case("key-empty", "no bytes", String::new()),
    ]
}

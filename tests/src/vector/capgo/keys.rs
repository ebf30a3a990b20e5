//! Keys that a device must reject, and other encodings of a valid key.

use num_bigint::BigUint;

use super::{SIGNER, TestKeys, Vector, signed_by, sound};
use crate::forge::rsa::{padded_with, public_pem};

/// Public keys that no program generates: file names and PEM.
#[must_use]
pub fn forged_pems(keys: &TestKeys) -> Vec<(&'static str, String)> {
    let modulus = &keys.signer.modulus;
    let exponent = &keys.signer.public;
    let number = |value: u64| BigUint::from(value);
    let text = public_pem(modulus, exponent);
    let body_only = text
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect::<Vec<_>>()
        .join("\n");
    vec![
        ("forged-exponent-1.public.pem", public_pem(modulus, &number(1))),
        ("forged-exponent-0.public.pem", public_pem(modulus, &number(0))),
        ("forged-exponent-even.public.pem", public_pem(modulus, &number(65_536))),
        (
            "forged-exponent-huge.public.pem",
            public_pem(modulus, &(modulus - number(2))),
        ),
        (
            "forged-modulus-even.public.pem",
            public_pem(&(modulus - number(1)), exponent),
        ),
        ("forged-modulus-0.public.pem", public_pem(&number(0), exponent)),
        ("forged-swapped.public.pem", public_pem(exponent, modulus)),
        (
            "forged-cut.public.pem",
            text.lines().take(3).collect::<Vec<_>>().join("\n") + "\n",
        ),
        ("forged-no-armour.public.pem", body_only),
        (
            "forged-other-label.public.pem",
            text.replace("RSA PUBLIC KEY", "PUBLIC KEY"),
        ),
        ("forged-not-a-key.public.pem", "not-a-key\n".to_owned()),
        ("forged-empty.public.pem", String::new()),
        ("forged-crlf.public.pem", text.replace('\n', "\r\n")),
    ]
}

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [refused(keys), forgery(keys), sizes(keys), spellings(keys)].concat()
}

fn refused(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, key: &str, why: &str| {
        sound(keys, &format!("key-{name}"), "key_invalid", why).replacing("key", key)
    };
    vec![
        case("private", "test-signer.private.pem", "the private key on the device"),
        case(
            "private-pkcs8",
            "test-signer.pkcs8.pem",
            "the private key on the device, PKCS#8",
        ),
        case("elliptic", "test-elliptic.spki.pem", "a key of another kind"),
        case("1024-bits", "test-weak-1024.public.pem", "too short"),
        case("2047-bits", "test-weak-2047.public.pem", "one bit too short"),
        case(
            "8192-bits",
            "test-huge-8192.public.pem",
            "so long that checking costs seconds on a phone",
        ),
        case(
            "exponent-0",
            "forged-exponent-0.public.pem",
            "a power of zero is one for everything",
        ),
        case(
            "exponent-1",
            "forged-exponent-1.public.pem",
            "everything is its own signature",
        ),
        case("exponent-even", "forged-exponent-even.public.pem", "no RSA key"),
        case(
            "exponent-huge",
            "forged-exponent-huge.public.pem",
            "checking costs as much as signing",
        ),
        case(
            "modulus-even",
            "forged-modulus-even.public.pem",
            "no RSA key; a Montgomery multiplication with it may crash",
        ),
        case("modulus-0", "forged-modulus-0.public.pem", "division by zero"),
        case(
            "swapped",
            "forged-swapped.public.pem",
            "modulus and exponent in the other order",
        ),
        case("cut", "forged-cut.public.pem", "half a file"),
        case(
            "no-armour",
            "forged-no-armour.public.pem",
            "base64 without its frame, which iOS takes for a bare modulus",
        ),
        case(
            "other-label",
            "forged-other-label.public.pem",
            "PKCS#1 under the label of SPKI",
        ),
        case("not-a-key", "forged-not-a-key.public.pem", "text"),
        case(
            "empty",
            "forged-empty.public.pem",
            "an empty file: Capgo's plugin then switches verification off",
        ),
    ]
}

/// With a public exponent of 3 and lax padding, anyone can forge signatures (Bleichenbacher 2006, CVE-2006-4339).
fn forgery(keys: &TestKeys) -> Vec<Vector> {
    let key = &keys.exponent_3;
    let parts = super::sealed();
    let sound = |name: &str, why: &str| signed_by(key, "test-e3.public.pem", name, "key_invalid", why);
    let checksum = key.cube_root_of(&padded_with(&[0, 1], &[0xff; 8], &parts.digest()));
    let checksum = crate::forge::capgo::hex(&checksum);
    vec![
        sound(
            "key-exponent-3",
            "signed rightly with an exponent of 3: refused as a key, whatever it signed",
        ),
        sound("key-exponent-3-forged", "a checksum forged without the private key").replacing("checksum", &checksum),
    ]
}

fn sizes(keys: &TestKeys) -> Vec<Vector> {
    let ok = |name: &str, key, file: &str| {
        signed_by(
            key,
            file,
            name,
            "ok",
            "a longer key, which ours takes and Capgo's devices do not",
        )
    };
    vec![
        ok("ok-key-3072", &keys.signer_3072, "test-signer-3072.public.pem"),
        ok("ok-key-4096", &keys.signer_4096, "test-signer-4096.public.pem"),
        signed_by(
            &keys.other,
            SIGNER,
            "key-other",
            "signature_invalid",
            "everything was made by somebody else",
        ),
        signed_by(
            &keys.exponent_3,
            SIGNER,
            "key-other-exponent",
            "signature_invalid",
            "everything was made with an exponent of 3, by somebody else",
        ),
    ]
}

fn spellings(keys: &TestKeys) -> Vec<Vector> {
    vec![
        sound(
            keys,
            "ok-key-spki",
            "ok",
            "SPKI, which Capgo's Android plugin silently takes for no key",
        )
        .replacing("key", "test-signer.spki.pem"),
        sound(keys, "ok-key-crlf", "ok", "line breaks of Windows").replacing("key", "forged-crlf.public.pem"),
    ]
}

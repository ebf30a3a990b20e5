//! Releases, key rings, file lists and their JSON: valid documents with one invalid part each.
//!
//! `expect` is the reason of rejection in `docs/format.md`, or `ok`. The other fields are the state of the device; the key rings that
//! it trusts are files in `trust/`.

#![allow(clippy::too_many_lines, reason = "these functions are tables")]

mod built_in;
mod documents;
mod envelopes;
mod files;
mod json_text;
mod members;
mod policy;
mod rings;
mod signatures;
mod texts;

use num_bigint::BigUint;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Vector;
use super::capgo::TestKeys;
use crate::forge::capgo::hex;
use crate::forge::envelope::{self, KEYS, RELEASE};
use crate::forge::rsa::{Key, public_pem, spki};

/// When the releases were created, and when they expire.
const CREATED: u64 = 1_795_915_200;
const EXPIRES: u64 = 1_803_691_200;

const APP: &str = "com.example.app";

/// The file in `keys/` of a content key with the signer's modulus and another exponent.
const OTHER_EXPONENT: &str = "forged-signer-other-exponent.public.pem";

/// Public keys that no program generates: file names and PEM.
#[must_use]
pub fn forged_pems(keys: &TestKeys) -> Vec<(&'static str, String)> {
    vec![(
        OTHER_EXPONENT,
        public_pem(&keys.signer.modulus, &BigUint::from(65_539_u32)),
    )]
}

/// The key rings that devices trust: file names and texts.
#[must_use]
pub fn trusted_rings(keys: &TestKeys) -> Vec<(String, String)> {
    let made =
        |name: &str, ring: &Value, signers: &[&Key]| (format!("{name}.json"), signed_ring(ring, signers).to_string());
    let TestKeys {
        signer,
        other,
        signer_3072,
        ..
    } = keys;
    let retired = with(&ring(2, 1, &[other]), &[("retired", json!([envelope::key_id(signer)]))]);
    let mut last = ring((1 << 53) - 1, 1, &[signer]);
    last["created_at"] = json!(CREATED);
    vec![
        made("one", &ring(1, 1, &[signer]), &[signer]),
        made("one-of-three", &ring(1, 1, &[signer, other, signer_3072]), &[signer]),
        made(
            "two-of-three",
            &ring(1, 2, &[signer, other, signer_3072]),
            &[signer, other],
        ),
        made("two", &ring(1, 1, &[signer, other]), &[signer]),
        made("two-signer-retired", &retired, &[signer, other]),
        made("last-number", &last, &[signer]),
    ]
}

/// All release vectors.
#[must_use]
pub fn releases(keys: &TestKeys) -> Vec<Vector> {
    [
        signatures::all(keys),
        envelopes::all(keys),
        documents::all(keys),
        members::all(keys),
        built_in::all(keys),
        texts::all(keys),
        policy::all(keys),
    ]
    .concat()
}

/// All key ring vectors.
#[must_use]
pub fn rings(keys: &TestKeys) -> Vec<Vector> {
    rings::all(keys)
}

/// All file list vectors.
#[must_use]
pub fn file_lists() -> Vec<Vector> {
    files::all()
}

/// All strict JSON vectors.
#[must_use]
pub fn json() -> Vec<Vector> {
    json_text::all()
}

/// A valid release.
fn release() -> Value {
    json!({
        "format": 1,
        "app_id": APP,
        "channel": "production",
        "version": "1.2.3",
        "sequence": 42,
        "created_at": CREATED,
        "expires_at": EXPIRES,
        "native": {"min": "2.0", "max": "3.4.1"},
        "archive": {"size": 1_234_567, "sha256": digest(b"archive")},
        "files_sha256": digest(b"files"),
        "link": "https://example.com/releases/1.2.3",
        "comment": "Faster start",
        "critical": [],
    })
}

/// A valid release that returns devices to the built-in bundle.
fn built_in_release() -> Value {
    let document = ["archive", "files_sha256"]
        .iter()
        .fold(release(), |release, name| without(&release, name));
    with(
        &document,
        &[
            ("version", json!("builtin")),
            ("built_in", json!(true)),
            ("critical", json!(["built_in"])),
        ],
    )
}

/// A key ring of these keys.
fn ring(number: u64, threshold: u64, keys: &[&Key]) -> Value {
    use base64::Engine as _;
    let keys: Vec<String> = keys
        .iter()
        .map(|key| base64::engine::general_purpose::STANDARD.encode(spki(key)))
        .collect();
    json!({
        "format": 1,
        "app_id": APP,
        "number": number,
        "threshold": threshold,
        "created_at": CREATED,
        "keys": keys,
    })
}

fn signed_ring(ring: &Value, keys: &[&Key]) -> Value {
    envelope::envelope(KEYS, ring.to_string().as_bytes(), keys)
}

/// A document with replaced members.
fn with(document: &Value, members: &[(&str, Value)]) -> Value {
    let mut changed = document.clone();
    for (name, value) in members {
        changed[*name] = value.clone();
    }
    changed
}

/// A document without a member.
fn without(document: &Value, name: &str) -> Value {
    let mut changed = document.clone();
    if let Some(members) = changed.as_object_mut() {
        members.remove(name);
    }
    changed
}

fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A release of these bytes, on a device that accepts the valid one.
fn vector(name: &str, expect: &str, why: &str, envelope: Vec<u8>) -> Vector {
    Vector::new(name, expect, why, envelope)
        .with("rings", "one.json")
        .with("app", APP)
        .with("channel", "production")
        .with("native", "3.0")
        .with("now", &(CREATED + 60).to_string())
}

/// A release of this document, signed by the only key of the ring.
fn signed(keys: &TestKeys, name: &str, expect: &str, why: &str, document: &Value) -> Vector {
    signed_text(keys, name, expect, why, document.to_string().as_bytes())
}

fn signed_text(keys: &TestKeys, name: &str, expect: &str, why: &str, document: &[u8]) -> Vector {
    let bytes = envelope::envelope(RELEASE, document, &[&keys.signer])
        .to_string()
        .into_bytes();
    vector(name, expect, why, bytes)
}

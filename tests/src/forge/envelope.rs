//! A writer for DSSE envelopes, each part of which a vector can corrupt.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::capgo::hex;
use super::pss::Pss;
use super::rsa::{Key, spki};

/// Payload type of a release.
pub const RELEASE: &str = "application/vnd.capbundle.release.v1+json";
/// Payload type of a key ring.
pub const KEYS: &str = "application/vnd.capbundle.keys.v1+json";

/// The bytes that a DSSE signature covers.
#[must_use]
pub fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// The id of a key: SHA-256 of its SPKI DER.
#[must_use]
pub fn key_id(key: &Key) -> String {
    hex(&Sha256::digest(spki(key)))
}

/// The signature of one key, as in an envelope.
#[must_use]
pub fn signature(key: &Key, kind: &str, payload: &[u8]) -> Value {
    signature_with(&Pss::sound(), key, kind, payload)
}

/// The signature of one key with these PSS parts.
#[must_use]
pub fn signature_with(pss: &Pss, key: &Key, kind: &str, payload: &[u8]) -> Value {
    let bytes = pss.sign(key, &signed_bytes(kind, payload));
    json!({"keyid": key_id(key), "sig": STANDARD.encode(bytes)})
}

/// An envelope with a signature of each key.
#[must_use]
pub fn envelope(kind: &str, payload: &[u8], keys: &[&Key]) -> Value {
    let signatures: Vec<Value> = keys.iter().map(|key| signature(key, kind, payload)).collect();
    with_signatures(kind, payload, &signatures)
}

/// An envelope with these signatures.
#[must_use]
pub fn with_signatures(kind: &str, payload: &[u8], signatures: &[Value]) -> Value {
    json!({"payloadType": kind, "payload": STANDARD.encode(payload), "signatures": signatures})
}

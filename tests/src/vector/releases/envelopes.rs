//! Invalid envelopes, and valid ones in another encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::signatures::{case, of, payload, sound};
use super::{Vector, release, ring, vector, with, without};
use crate::forge::envelope::{KEYS, RELEASE, envelope, key_id};
use crate::vector::capgo::TestKeys;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [envelopes(keys), limits(keys)].concat()
}

fn envelopes(keys: &TestKeys) -> Vec<Vector> {
    let key = &keys.signer;
    let sound = || envelope(RELEASE, &payload(), &[key]);
    let changed = with(&release(), &[("sequence", json!(43))]).to_string();
    let mut swapped = sound();
    swapped["payload"] = json!(STANDARD.encode(changed));
    let mut as_ring = sound();
    as_ring["payloadType"] = json!(KEYS);
    let mut url_safe = sound();
    url_safe["payload"] = json!(STANDARD.encode(payload()).replace('+', "-").replace('/', "_"));
    url_safe["signatures"][0]["sig"] = json!(
        url_safe["signatures"][0]["sig"]
            .as_str()
            .unwrap_or_default()
            .replace('+', "-")
            .replace('/', "_")
    );
    let member = |name: &str, value: Value| with(&sound(), &[(name, value)]);
    let in_signature = |name: &str, value: Value| {
        let mut envelope = sound();
        envelope["signatures"][0][name] = value;
        envelope
    };
    // One more signature after the valid one.
    let beside_sound = |id: &str, signature: &str| {
        let mut envelope = sound();
        if let Some(signatures) = envelope["signatures"].as_array_mut() {
            signatures.push(json!({"keyid": id, "sig": signature}));
        }
        envelope
    };
    let stranger = key_id(&keys.signer_4096);
    let unpadded = STANDARD.encode(payload());
    let text = sound().to_string();
    let pretty = serde_json::to_string_pretty(&sound()).unwrap_or_default();
    vec![
        of(
            "other-payload",
            "signatures",
            "the payload was replaced by a later one",
            &swapped,
        ),
        of("release-as-ring", "malformed", "another payload type", &as_ring),
        of(
            "ring-as-release",
            "malformed",
            "a key ring under the type of releases",
            &envelope(RELEASE, ring(1, 1, &[key]).to_string().as_bytes(), &[key]),
        ),
        of("url-safe-base64", "ok", "the other alphabet", &url_safe),
        of(
            "unknown-members",
            "ok",
            "members that nobody knows",
            &with(&in_signature("cert", json!("x")), &[("note", json!([1]))]),
        ),
        vector(
            "white-space",
            "ok",
            "white space where JSON allows it",
            pretty.into_bytes(),
        ),
        of(
            "payload-no-base64",
            "malformed",
            "not base64",
            &member("payload", json!("*")),
        ),
        of(
            "payload-line-break",
            "malformed",
            "a line break in base64",
            &member("payload", json!(unpadded.replacen('a', "a\n", 1))),
        ),
        of(
            "payload-number",
            "malformed",
            "not a text",
            &member("payload", json!(7)),
        ),
        of(
            "type-missing",
            "malformed",
            "no payload type",
            &without(&sound(), "payloadType"),
        ),
        of(
            "payload-missing",
            "malformed",
            "no payload",
            &without(&sound(), "payload"),
        ),
        of(
            "signatures-missing",
            "malformed",
            "no list of signatures",
            &without(&sound(), "signatures"),
        ),
        of(
            "signatures-object",
            "malformed",
            "not a list",
            &member("signatures", json!({})),
        ),
        of(
            "keyid-missing",
            "malformed",
            "a signature without the id of its key",
            &member("signatures", json!([{"sig": "AA=="}])),
        ),
        of(
            "keyid-short",
            "malformed",
            "an id that is none",
            &in_signature("keyid", json!("1234")),
        ),
        of(
            "keyid-upper-case",
            "malformed",
            "digits in upper case",
            &in_signature("keyid", json!(key_id(key).to_uppercase())),
        ),
        of(
            "sig-missing",
            "malformed",
            "an id without a signature",
            &member("signatures", json!([{"keyid": key_id(key)}])),
        ),
        of(
            "keyid-no-digits",
            "malformed",
            "64 characters that are no digits",
            &beside_sound(&"g".repeat(64), "AA=="),
        ),
        of(
            "sig-no-base64",
            "malformed",
            "not base64, in the signature of a stranger",
            &beside_sound(&stranger, "*"),
        ),
        of(
            "sig-unpadded",
            "malformed",
            "base64 without its padding",
            &beside_sound(&stranger, "AA"),
        ),
        of(
            "sig-bits-behind-the-end",
            "malformed",
            "the same bytes in another spelling",
            &beside_sound(&stranger, "AB=="),
        ),
        of(
            "sig-two-alphabets",
            "malformed",
            "one character of each alphabet",
            &beside_sound(&stranger, "+-AA"),
        ),
        of(
            "sig-of-another-length",
            "ok",
            "a signature of a stranger that no key of ours makes",
            &beside_sound(&stranger, "AA=="),
        ),
        of(
            "critical-in-envelope",
            "ok",
            "what is critical stands in the document",
            &member("critical", json!(["cert"])),
        ),
        vector(
            "double-payload",
            "malformed",
            "two payloads: one reader verifies the first, another takes the second",
            text.replacen('{', &format!("{{\"payload\":\"{}\",", STANDARD.encode(b"{}")), 1)
                .into_bytes(),
        ),
        vector(
            "byte-order-mark",
            "malformed",
            "a byte order mark",
            format!("\u{feff}{text}").into_bytes(),
        ),
        vector(
            "trailing",
            "malformed",
            "something behind the envelope",
            format!("{text}{{}}").into_bytes(),
        ),
        vector(
            "trailing-space",
            "ok",
            "white space behind the envelope",
            format!("{text} \n").into_bytes(),
        ),
        vector("empty", "malformed", "an empty file", Vec::new()),
        vector(
            "not-found-page",
            "malformed",
            "what a web server says instead",
            b"<!doctype html><title>404</title>".to_vec(),
        ),
        vector(
            "cut",
            "malformed",
            "half a file",
            text.as_bytes()[..text.len() / 2].to_vec(),
        ),
        vector("list", "malformed", "not an object", format!("[{text}]").into_bytes()),
    ]
}

fn limits(keys: &TestKeys) -> Vec<Vector> {
    let key = &keys.signer;
    let many = |count: usize| {
        vec![sound(&keys.signer_4096); count - 1]
            .into_iter()
            .chain([sound(key)])
            .collect::<Vec<_>>()
    };
    let padded = |size: usize| {
        let text = envelope(RELEASE, &payload(), &[key]).to_string();
        format!("{text}{}", " ".repeat(size - text.len())).into_bytes()
    };
    vec![
        case("32-signatures", "ok", "as many as there may be", &many(32)),
        case("33-signatures", "malformed", "one too many", &many(33)),
        vector("256-kib", "ok", "the largest envelope", padded(262_144)).with("body", "deflate"),
        vector("256-kib-and-1", "malformed", "one byte more", padded(262_145)).with("body", "deflate"),
    ]
}

//! Invalid values of ivSessionKey.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};

use super::{TestKeys, Vector, escape, other_sealed, sealed, sound};
use crate::forge::rsa::padded_with;

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [text(keys), blocks(keys), others(keys)].concat()
}

fn case(keys: &TestKeys, name: &str, expect: &str, why: &str, text: &str) -> Vector {
    let text = escape(text.as_bytes());
    sound(keys, &format!("session-{name}"), expect, why).replacing("iv_session_key", &text)
}

/// Malformed values. Capgo's Android plugin silently does not decrypt such files.
fn text(keys: &TestKeys) -> Vec<Vector> {
    let parts = sealed();
    let iv = STANDARD.encode(&parts.iv);
    let block = keys.signer.sign(&parts.session_key);
    let wrapped = STANDARD.encode(&block);
    let right = format!("{iv}:{wrapped}");
    let untrusted = |name: &str, why: &str, text: &str| case(keys, name, "not_trusted", why, text);
    // The last character of 16 bytes in base64 has four unused bits; the next letter differs only in these.
    let loose_bits = iv
        .replace("==", "")
        .chars()
        .last()
        .and_then(|last| char::from_u32(u32::from(last) + 1));
    let loose_iv = format!("{}{}==", &iv[..iv.len() - 3], loose_bits.unwrap_or('B'));
    vec![
        untrusted("missing", "the server left it out", ""),
        untrusted("no-separator", "one part only", &wrapped),
        untrusted("separator-only", "two empty parts", ":"),
        untrusted("no-iv", "the first part is empty", &format!(":{wrapped}")),
        untrusted("no-key", "the second part is empty", &format!("{iv}:")),
        untrusted("three-parts", "a third part", &format!("{right}:{iv}")),
        untrusted("empty-third-part", "a third part that is empty", &format!("{right}:")),
        untrusted("swapped", "the parts in the other order", &format!("{wrapped}:{iv}")),
        untrusted(
            "iv-short",
            "an IV of 15 bytes",
            &format!("{}:{wrapped}", STANDARD.encode(&parts.iv[..15])),
        ),
        untrusted(
            "iv-long",
            "an IV of 17 bytes",
            &format!("{}:{wrapped}", STANDARD.encode([parts.iv.as_slice(), &[0]].concat())),
        ),
        untrusted(
            "iv-hex",
            "the IV in hex, which is base64 of something longer",
            &format!("{}:{wrapped}", crate::forge::capgo::hex(&parts.iv)),
        ),
        untrusted(
            "iv-loose-bits",
            "base64 with unused bits set: a second text for one IV",
            &format!("{loose_iv}:{wrapped}"),
        ),
        untrusted(
            "key-short",
            "the second part lacks its last byte",
            &format!("{iv}:{}", STANDARD.encode(&block[..block.len() - 1])),
        ),
        untrusted(
            "key-long",
            "the second part has a byte more",
            &format!("{iv}:{}", STANDARD.encode([block.as_slice(), &[0]].concat())),
        ),
        untrusted(
            "key-plain",
            "the session key as it is, not signed",
            &format!("{iv}:{}", STANDARD.encode(&parts.session_key)),
        ),
        untrusted(
            "key-size-3072",
            "made with a longer key than the configured one",
            &parts.iv_session_key(&keys.signer_3072),
        ),
        untrusted(
            "base64-url",
            "the alphabet of URLs",
            &format!("{iv}:{}", url_safe(&block)),
        ),
        untrusted(
            "base64-unpadded",
            "base64 without its padding",
            &format!(
                "{}:{}",
                STANDARD_NO_PAD.encode(&parts.iv),
                STANDARD_NO_PAD.encode(&block)
            ),
        ),
        untrusted(
            "base64-broken",
            "a character of no alphabet",
            &right.replacen(':', ":!", 1),
        ),
        untrusted("space-before", "a space in front", &format!(" {right}")),
        untrusted(
            "line-break-after",
            "a line break behind: it was read from a file",
            &format!("{right}\n"),
        ),
        untrusted(
            "line-break-inside",
            "base64 in lines, as `openssl base64` writes it",
            &format!("{iv}:{}\n{}", &wrapped[..64], &wrapped[64..]),
        ),
        untrusted(
            "checksum-in-place",
            "the checksum in its place",
            &parts.checksum_v3(&keys.signer),
        ),
    ]
}

/// Two parts of the right lengths, of which the second was not created with the key.
fn blocks(keys: &TestKeys) -> Vec<Vector> {
    let parts = sealed();
    let size = keys.signer.size();
    let run = vec![0xff; size - 19];
    let wrapped = |name: &str, expect: &str, why: &str, block: &[u8]| {
        case(
            keys,
            name,
            expect,
            why,
            &format!("{}:{}", STANDARD.encode(&parts.iv), STANDARD.encode(block)),
        )
    };
    let block = |name: &str, why: &str, block: &[u8]| {
        wrapped(
            &format!("padding-{name}"),
            "decryption_failed",
            why,
            &keys.signer.sign_block(block),
        )
    };
    let payload = |name: &str, why: &str, payload: &[u8]| {
        wrapped(
            &format!("payload-{name}"),
            "decryption_failed",
            why,
            &keys.signer.sign(payload),
        )
    };
    let failed = |name: &str, why: &str, bytes: &[u8]| wrapped(name, "decryption_failed", why, bytes);
    vec![
        block(
            "type-2",
            "the padding of encryption",
            &padded_with(&[0, 2], &run, &parts.session_key),
        ),
        block(
            "zero-in-run",
            "a zero in the run of FF",
            &padded_with(
                &[0, 1],
                &[&[0xff; 50], [0].as_slice(), &vec![0xff; size - 70]].concat(),
                &parts.session_key,
            ),
        ),
        block(
            "none",
            "the key alone, as a number",
            &[vec![0; size - 16].as_slice(), &parts.session_key].concat(),
        ),
        failed("zero", "zero, whose power is zero for every key", &vec![0; size]),
        failed("largest", "the largest number of that length", &vec![0xff; size]),
        failed(
            "other-key",
            "made with somebody else's key",
            &keys.other.sign(&parts.session_key),
        ),
        payload("15", "a session key of 15 bytes", &parts.session_key[..15]),
        payload(
            "17",
            "a session key of 17 bytes",
            &[parts.session_key.as_slice(), &[0]].concat(),
        ),
        payload("24", "a session key for AES-192", &[7; 24]),
        payload("32", "a session key for AES-256, or a digest", &parts.digest()),
        payload("empty", "a session key of no bytes", &[]),
    ]
}

/// Created with the key, for something else.
fn others(keys: &TestKeys) -> Vec<Vector> {
    let (parts, other) = (sealed(), other_sealed());
    let mut shifted = parts.clone();
    shifted.iv[3] ^= 1;
    let other_iv = format!(
        "{}:{}",
        STANDARD.encode(&other.iv),
        STANDARD.encode(keys.signer.sign(&parts.session_key))
    );
    vec![
        case(
            keys,
            "other-bundle",
            "decryption_failed",
            "the session key of another bundle",
            &other.iv_session_key(&keys.signer),
        ),
        case(
            keys,
            "other-iv",
            "digest_mismatch",
            "the IV of another bundle: only the first block comes out wrong",
            &other_iv,
        ),
        case(
            keys,
            "iv-flipped",
            "digest_mismatch",
            "one bit of the IV flips one bit of the first block",
            &shifted.iv_session_key(&keys.signer),
        ),
    ]
}

/// URL-safe base64 that differs from the standard one.
fn url_safe(block: &[u8]) -> String {
    let text = URL_SAFE.encode(block);
    if text.contains(['-', '_']) {
        text
    } else {
        text.replacen('A', "-", 1)
    }
}

//! Invalid signed checksums.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{TestKeys, Vector, escape, other_sealed, sealed, sound};
use crate::forge::capgo::hex;
use crate::forge::crc32;
use crate::forge::rsa::{padded, padded_with};

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [
        text(keys),
        forms(keys),
        paddings(keys),
        numbers(keys),
        payloads(keys),
        harmless(keys),
    ]
    .concat()
}

fn case(keys: &TestKeys, name: &str, expect: &str, why: &str, checksum: &str) -> Vector {
    let checksum = escape(checksum.as_bytes());
    sound(keys, &format!("checksum-{name}"), expect, why).replacing("checksum", &checksum)
}

fn text(keys: &TestKeys) -> Vec<Vector> {
    let right = sealed().checksum_v3(&keys.signer);
    let plain = hex(&sealed().digest());
    let untrusted = |name: &str, why: &str, text: &str| case(keys, name, "not_trusted", why, text);
    vec![
        untrusted(
            "missing",
            "the server left it out: Capgo's plugin then checks nothing without a session key",
            "",
        ),
        untrusted(
            "plain",
            "a plain SHA-256, the right one: Capgo's Android plugin takes it when the session key is left out",
            &plain,
        ),
        untrusted("plain-upper-case", "the same in capitals", &plain.to_uppercase()),
        untrusted(
            "crc32",
            "a CRC-32, the right one",
            &format!("{:08x}", crc32(&sealed().plain)),
        ),
        untrusted("truncated", "the last byte is missing", &right[..right.len() - 2]),
        untrusted("half-byte", "the last digit is missing", &right[..right.len() - 1]),
        untrusted("extended", "a zero byte follows", &format!("{right}00")),
        untrusted(
            "leading-zero",
            "a zero byte in front: the same number, another text",
            &format!("00{right}"),
        ),
        untrusted(
            "no-hex",
            "a letter that is no hexadecimal digit",
            &format!("g{}", &right[1..]),
        ),
        untrusted("prefix", "0x in front", &format!("0x{right}")),
        untrusted("space-before", "a space in front", &format!(" {right}")),
        untrusted(
            "line-break-after",
            "a line break behind: it was read from a file",
            &format!("{right}\n"),
        ),
        untrusted(
            "line-break-inside",
            "broken into lines",
            &format!("{}\n{}", &right[..76], &right[76..]),
        ),
        untrusted(
            "fullwidth-digits",
            "digits outside ASCII",
            &right.replacen(|c: char| c.is_ascii_digit(), "\u{ff11}", 1),
        ),
        untrusted("null-word", "the word null", "null"),
        untrusted(
            "key-size-3072",
            "signed by a longer key than the configured one",
            &sealed().checksum_v3(&keys.signer_3072),
        ),
        untrusted(
            "swapped",
            "the ivSessionKey in its place",
            &sealed().iv_session_key(&keys.signer),
        ),
    ]
}

fn forms(keys: &TestKeys) -> Vec<Vector> {
    let v2 = sealed().checksum_v2(&keys.signer);
    let v3 = sealed().checksum_v3(&keys.signer);
    let v3_in_base64 = STANDARD.encode(keys.signer.sign(&sealed().digest()));
    let v2_in_hex = hex(&STANDARD.decode(&v2).unwrap_or_default());
    vec![
        case(
            keys,
            "v2-for-v3",
            "not_trusted",
            "the old form where the present one is configured",
            &v2,
        ),
        case(
            keys,
            "v3-for-v2",
            "not_trusted",
            "the present form where the old one is configured",
            &v3,
        )
        .replacing("form", "v2"),
        case(
            keys,
            "v3-in-base64",
            "signature_invalid",
            "the present payload in the old spelling, old form configured",
            &v3_in_base64,
        )
        .replacing("form", "v2"),
        case(
            keys,
            "v2-in-hex",
            "signature_invalid",
            "the old payload in the present spelling, present form configured",
            &v2_in_hex,
        ),
        case(
            keys,
            "v2-plain",
            "not_trusted",
            "a plain SHA-256 where the old form is configured",
            &hex(&sealed().digest()),
        )
        .replacing("form", "v2"),
        case(
            keys,
            "v2-unpadded",
            "not_trusted",
            "base64 without its padding",
            v2.trim_end_matches('='),
        )
        .replacing("form", "v2"),
    ]
}

/// Blocks that the signer created, and that strict verification rejects nevertheless: lax verification lets others forge
/// signatures (CVE-2006-4339, `BERserk` CVE-2014-1568, node-forge CVE-2022-24772).
fn paddings(keys: &TestKeys) -> Vec<Vector> {
    let digest = sealed().digest();
    let size = keys.signer.size();
    let run = vec![0xff; size - 35];
    let zero_in_run = [&[0xff; 100], [0].as_slice(), &vec![0xff; size - 136]].concat();
    let other_in_run = [&[0xff; 100], [0xfe].as_slice(), &vec![0xff; size - 136]].concat();
    let garbage_behind = [digest.as_slice(), &vec![0xaa; size - 35 - 7]].concat();
    let block = |name: &str, why: &str, block: &[u8]| {
        case(
            keys,
            &format!("padding-{name}"),
            "signature_invalid",
            why,
            &hex(&keys.signer.sign_block(block)),
        )
    };
    vec![
        block(
            "type-2",
            "the padding of encryption",
            &padded_with(&[0, 2], &run, &digest),
        ),
        block(
            "type-0",
            "the padding of zeros",
            &padded_with(&[0, 0], &vec![0; size - 35], &digest),
        ),
        block(
            "type-1-of-zeros",
            "type 1 with a run of zeros",
            &padded_with(&[0, 1], &vec![0; size - 35], &digest),
        ),
        block(
            "leading-byte",
            "the first byte is not zero",
            &padded_with(&[1, 1], &run, &digest),
        ),
        block(
            "no-separator",
            "no zero before the digest",
            &[&[0, 1], vec![0xff; size - 34].as_slice(), &digest].concat(),
        ),
        block(
            "zero-in-run",
            "a zero in the run of FF",
            &padded_with(&[0, 1], &zero_in_run, &digest),
        ),
        block(
            "other-in-run",
            "another byte in the run of FF: iOS' own RSA code does not look",
            &padded_with(&[0, 1], &other_in_run, &digest),
        ),
        block(
            "short-run",
            "seven FF, then garbage behind the digest: the room that a forger of small exponents needs",
            &padded_with(&[0, 1], &[0xff; 7], &garbage_behind),
        ),
        block(
            "none",
            "the digest alone, as a number",
            &[vec![0; size - 32].as_slice(), &digest].concat(),
        ),
        block(
            "digest-first",
            "the digest at the start of the block",
            &[&[0], digest.as_slice(), &vec![0; size - 33]].concat(),
        ),
    ]
}

/// Numbers of the right length that are not signatures.
fn numbers(keys: &TestKeys) -> Vec<Vector> {
    let digest = sealed().digest();
    let size = keys.signer.size();
    let signature = |name: &str, why: &str, bytes: &[u8]| case(keys, name, "signature_invalid", why, &hex(bytes));
    let right = keys.signer.sign(&digest);
    let mut flipped = right.clone();
    flipped[size / 2] ^= 1;
    vec![
        signature("zero", "zero, whose power is zero for every key", &vec![0; size]),
        signature(
            "one",
            "one, whose power is one for every key",
            &[vec![0; size - 1].as_slice(), &[1]].concat(),
        ),
        signature(
            "plus-modulus",
            "a right signature plus the modulus: a second text for one signature",
            &keys.small_plus_modulus(),
        ),
        signature(
            "modulus",
            "the modulus, which is zero",
            &keys.signer.to_block(&keys.signer.modulus),
        ),
        signature("largest", "the largest number of that length", &vec![0xff; size]),
        signature("flipped", "one bit of a right signature", &flipped),
        signature("other-key", "signed by somebody else", &keys.other.sign(&digest)),
        signature(
            "unsigned-block",
            "the padded digest as it is, not signed at all",
            &padded(size, &digest),
        ),
        signature(
            "cube-root",
            "a cube root of a block that starts rightly: forges readers of exponent 3",
            &keys.signer.cube_root_of(&padded_with(&[0, 1], &[0xff; 8], &digest)),
        ),
        signature(
            "reversed",
            "the bytes in reverse",
            &right.iter().rev().copied().collect::<Vec<_>>(),
        ),
    ]
}

/// Valid signatures of something other than a digest.
fn payloads(keys: &TestKeys) -> Vec<Vector> {
    let digest = sealed().digest();
    let long = [digest.as_slice(), &digest].concat();
    let garbage_behind = [digest.as_slice(), &vec![0xaa; keys.signer.size() - 32 - 11]].concat();
    let payload = |name: &str, why: &str, payload: &[u8]| {
        case(
            keys,
            &format!("payload-{name}"),
            "signature_invalid",
            why,
            &hex(&keys.signer.sign(payload)),
        )
    };
    vec![
        payload("empty", "nothing", &[]),
        payload(
            "16",
            "as long as a session key: one signature in the other's place",
            &sealed().session_key,
        ),
        payload("31", "one byte short", &digest[..31]),
        payload("33", "one byte too long", &[digest.as_slice(), &[0]].concat()),
        payload("48", "as long as the old form's", &long[..48]),
        payload("64", "the digest as hex text", hex(&digest).as_bytes()),
        payload(
            "garbage-behind",
            "the shortest padding allowed, and garbage behind the digest (CVE-2006-4339)",
            &garbage_behind,
        ),
        payload(
            "digest-info",
            "with the DER header of real RSA signatures, which Capgo does not write",
            &[
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20".as_slice(),
                &digest,
            ]
            .concat(),
        ),
        case(
            keys,
            "payload-v2-32",
            "signature_invalid",
            "old form, payload as long as the present form's",
            &STANDARD.encode(keys.signer.sign(&digest)),
        )
        .replacing("form", "v2"),
        case(
            keys,
            "payload-v2-no-hex",
            "signature_invalid",
            "old form, 48 bytes that are no hex digest read as base64",
            &STANDARD.encode(keys.signer.sign(&[0xff; 48])),
        )
        .replacing("form", "v2"),
        case(
            keys,
            "other-archive",
            "digest_mismatch",
            "signed rightly for another archive: mix and match",
            &other_sealed().checksum_v3(&keys.signer),
        ),
        case(
            keys,
            "of-ciphertext",
            "digest_mismatch",
            "signed rightly for the ciphertext",
            &hex(&keys.signer.sign(&digest_of(&sealed().sealed))),
        ),
    ]
}

fn harmless(keys: &TestKeys) -> Vec<Vector> {
    let right = sealed().checksum_v3(&keys.signer);
    let v2 = sealed().checksum_v2(&keys.signer);
    let ok = |name: &str, why: &str, checksum: &str| {
        let checksum = escape(checksum.as_bytes());
        sound(keys, &format!("ok-{name}"), "ok", why).replacing("checksum", &checksum)
    };
    vec![
        ok("v3", "a bundle sealed rightly", &right),
        ok("v2", "a bundle sealed rightly, in the old form", &v2).replacing("form", "v2"),
        ok(
            "v3-upper-case",
            "hex in capitals is the same number",
            &right.to_uppercase(),
        ),
    ]
}

fn digest_of(bytes: &[u8]) -> [u8; 32] {
    crate::forge::capgo::SealedParts::new(bytes, [0; 16], [0; 16]).digest()
}

impl TestKeys {
    /// A number above the modulus, of the modulus' length, that is congruent to a valid signature.
    ///
    /// Signs the first of a series of archives for which the number fits: most signatures plus the modulus need one more bit.
    fn small_plus_modulus(&self) -> Vec<u8> {
        let signatures = (0_u32..).map(|number| self.signer.sign(&digest_of(&number.to_be_bytes())));
        let sums = signatures.map(|signature| self.signer.plus_modulus(&signature));
        sums.take(1_000)
            .find(|sum| sum.len() == self.signer.size())
            .unwrap_or_default()
    }
}

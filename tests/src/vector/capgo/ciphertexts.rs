//! Invalid encrypted files.

use super::{SealedParts, TestKeys, Vector, other_sealed, sealed, sound, with_parts};
use crate::forge::{Archive, End};

pub(super) fn all(keys: &TestKeys) -> Vec<Vector> {
    [bytes(keys), paddings(keys), contents(keys)].concat()
}

fn bytes(keys: &TestKeys) -> Vec<Vector> {
    let right = sealed().sealed;
    let last = right.len() - 1;
    let with_body = |name: &str, expect: &str, why: &str, body: Vec<u8>| {
        let vector = sound(keys, &format!("sealed-{name}"), expect, why);
        Vector { body, ..vector }
    };
    let failed = |name: &str, why: &str, body: &[u8]| with_body(name, "decryption_failed", why, body.to_vec());
    let flipped = |at: usize| {
        let mut body = right.clone();
        body[at] ^= 1;
        body
    };
    let swapped = [&right[..16], &right[32..48], &right[16..32], &right[48..]].concat();
    vec![
        failed("empty", "an empty file", &[]),
        failed("one-byte", "one byte", &right[..1]),
        failed("cut-in-block", "cut inside a block", &right[..last - 4]),
        failed("extended-in-block", "a byte more", &[right.as_slice(), &[0]].concat()),
        failed("last-block-dropped", "cut between blocks", &right[..right.len() - 16]),
        failed("first-block-only", "cut after the first block", &right[..16]),
        failed(
            "block-appended",
            "a block of zeros behind",
            &[right.as_slice(), &[0; 16]].concat(),
        ),
        failed("flipped-last", "one bit of the last block", &flipped(last)),
        failed("not-sealed", "the plain archive", &sealed().plain),
        with_body(
            "flipped-first",
            "digest_mismatch",
            "one bit of the first block",
            flipped(0),
        ),
        with_body(
            "flipped-middle",
            "digest_mismatch",
            "one bit in the middle",
            flipped(right.len() / 2),
        ),
        with_body("blocks-swapped", "digest_mismatch", "two blocks change places", swapped),
        with_body(
            "first-block-dropped",
            "digest_mismatch",
            "the first block is missing",
            right[16..].to_vec(),
        ),
        with_body(
            "doubled",
            "digest_mismatch",
            "the file twice in a row",
            [right.as_slice(), &right].concat(),
        ),
        with_body(
            "other-bundle",
            "decryption_failed",
            "another bundle's file",
            other_sealed().sealed,
        ),
    ]
}

/// The last block is encrypted correctly and has invalid padding.
fn paddings(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, why: &str, last: [u8; 16]| {
        let parts = sealed();
        let (session, checksum) = (parts.iv_session_key(&keys.signer), parts.checksum_v3(&keys.signer));
        let parts = parts.with_last_plain_block(last);
        with_parts(
            &format!("sealed-padding-{name}"),
            "decryption_failed",
            why,
            &parts,
            &session,
            &checksum,
        )
    };
    let mut uneven = [4; 16];
    uneven[13] = 5;
    vec![
        case("zero", "a padding of no bytes", [0; 16]),
        case("17", "a padding longer than a block", [17; 16]),
        case("255", "a padding far longer than a block", [255; 16]),
        case(
            "uneven",
            "padding bytes that differ: a reader of the last one only accepts it",
            uneven,
        ),
    ]
}

/// Correctly encrypted and signed, with an archive that is invalid or looks so.
fn contents(keys: &TestKeys) -> Vec<Vector> {
    let case = |name: &str, expect: &str, why: &str, parts: &SealedParts| {
        with_parts(
            name,
            expect,
            why,
            parts,
            &parts.iv_session_key(&keys.signer),
            &parts.checksum_v3(&keys.signer),
        )
    };
    let sealing = |plain: &[u8]| SealedParts::new(plain, *b"session key no 3", *b"a fixed IV, no 3");
    let whole_blocks = |sound: Archive| {
        let rest = 16 - sound.bytes().len() % 16;
        let padded = sound.end(|end: &mut End| end.comment = vec![b'x'; rest]).bytes();
        sealing(&padded)
    };
    let mut grown = whole_blocks(Archive::bundle([]));
    let (session, checksum) = (grown.iv_session_key(&keys.signer), grown.checksum_v3(&keys.signer));
    grown = grown.with_last_plain_block(padding_of_15());
    vec![
        case(
            "ok-whole-blocks",
            "ok",
            "a plain archive of whole blocks: the padding is a block of its own",
            &whole_blocks(Archive::bundle([])),
        ),
        case(
            "ok-nothing",
            "ok",
            "an empty file, sealed and signed: opening it is right, unpacking it is not",
            &sealing(b""),
        ),
        with_parts(
            "sealed-grown",
            "digest_mismatch",
            "one byte more comes out than was signed",
            &grown,
            &session,
            &checksum,
        ),
    ]
}

/// One byte of content and 15 bytes of padding.
fn padding_of_15() -> [u8; 16] {
    let mut block = [15; 16];
    block[0] = 0;
    block
}

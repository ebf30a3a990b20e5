//! Invalid fixed parts of the header.

use super::{ContentKeys, SEGMENT, SealedArchive, Vector, one_segment, plain, refused, two_segments};

pub(super) fn all(keys: &ContentKeys) -> Vec<Vector> {
    let changed = |name: &str, why: &str, change: &dyn Fn(&mut SealedArchive)| {
        let mut archive = one_segment(keys);
        change(&mut archive);
        refused(&format!("header-{name}"), why, archive.bytes())
    };
    let unsupported = |vector: Vector| vector.replacing("expect", "unsupported");
    let sized = |name: &str, why: &str, size: u64| changed(name, why, &|archive| archive.plain_size = size);
    vec![
        refused("header-missing", "an empty file", Vec::new()),
        refused("header-plain-zip", "a plain archive", b"PK\x03\x04 and so on".to_vec()),
        changed("magic", "another first byte", &|archive| archive.magic[0] = b'C'),
        changed("as-text", "line ends changed on the way", &|archive| {
            archive.magic = b"\x89CBSEAL\r\n".to_vec();
        }),
        changed("stripped", "the high bit lost on the way", &|archive| {
            archive.magic[0] &= 0x7f;
        }),
        unsupported(changed("version-0", "a version before the first", &|archive| {
            archive.version = 0;
        })),
        unsupported(changed("version-2", "a later version", &|archive| archive.version = 2)),
        changed("segments-2k", "segments smaller than a reader takes", &|archive| {
            archive.segment_bits = 11;
        }),
        changed("segments-2m", "segments larger than a reader takes", &|archive| {
            archive.segment_bits = 21;
        }),
        changed("segments-0", "segments of one byte", &|archive| {
            archive.segment_bits = 0;
        }),
        changed("segments-255", "segments of 2^255 bytes", &|archive| {
            archive.segment_bits = 255;
        }),
        changed("byte-19", "the byte that is zero", &|archive| archive.byte_19 = 1),
        sized("size-2-53", "more bytes than JSON counts", 1 << 53),
        sized("size-2-63", "a size that is negative where it is signed", 1 << 63),
        sized("size-all-ones", "the largest size there is", u64::MAX),
        sized(
            "size-beyond-counter",
            "more segments than the counter counts",
            (1 << 44) + 1,
        ),
        sized("size-more", "a byte more than is there", 101),
        sized("size-less", "a byte less than is there", 99),
        sized("size-zero", "no bytes, where there are some", 0),
        sized(
            "size-more-segments",
            "a segment more than is there",
            SEGMENT as u64 + 100,
        ),
        rewritten(keys),
        cut(keys, "in-magic", 5),
        cut(keys, "in-fixed-part", 27),
        cut(keys, "before-recipients", 28),
        cut(keys, "in-wrapped-key", 28 + 34 + 100),
        cut(keys, "before-segments", 28 + 34 + 256),
        nonce(keys),
    ]
}

fn cut(keys: &ContentKeys, name: &str, length: usize) -> Vector {
    let body = one_segment(keys).bytes()[..length].to_vec();
    refused(
        &format!("header-cut-{name}"),
        "the header or what follows it is cut off",
        body,
    )
}

/// The first of two segments, with a header for one segment: the size matches, the flag of the last segment does not.
fn rewritten(keys: &ContentKeys) -> Vector {
    let whole = two_segments(keys);
    let first = whole.sealed_segments()[0].clone();
    let header = SealedArchive::new(&plain(SEGMENT), whole.segment_bits, &[&keys.own]).header();
    let why = "the last segment dropped, and the size in the header made to fit";
    refused("header-size-rewritten", why, [header, first].concat())
}

fn nonce(keys: &ContentKeys) -> Vector {
    let archive = one_segment(keys);
    let mut header = archive.header();
    header[12] ^= 1;
    let why = "a bit of the nonce prefix changed after sealing";
    refused(
        "header-nonce-prefix",
        why,
        [header, archive.sealed_segments().concat()].concat(),
    )
}

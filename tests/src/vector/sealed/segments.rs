//! Invalid segments.

use super::{ContentKeys, SEGMENT, SealedArchive, Vector, one_segment, plain, refused, refused_after, two_segments};
use crate::forge::sealed::{SMALL_SEGMENTS, Segment};

pub(super) fn all(keys: &ContentKeys) -> Vec<Vector> {
    [bytes(keys), ends(keys), orders(keys), nonces(keys)].concat()
}

/// The header of an archive followed by these segments.
fn with(archive: &SealedArchive, segments: &[&[u8]]) -> Vec<u8> {
    [archive.header(), segments.concat()].concat()
}

fn bytes(keys: &ContentKeys) -> Vec<Vector> {
    let archive = two_segments(keys);
    let segments = archive.sealed_segments();
    let [first, last] = [segments[0].as_slice(), &segments[1]];
    let flipped = |segment: &[u8], at: usize| {
        let mut changed = segment.to_vec();
        changed[at] ^= 0x80;
        changed
    };
    let tag = first.len() - 16;
    vec![
        refused(
            "segment-first-bit",
            "the first bit of the first segment",
            with(&archive, &[&flipped(first, 0), last]),
        ),
        refused(
            "segment-last-byte",
            "the last byte before a tag",
            with(&archive, &[&flipped(first, tag - 1), last]),
        ),
        refused(
            "segment-tag",
            "the first bit of a tag",
            with(&archive, &[&flipped(first, tag), last]),
        ),
        refused(
            "segment-tag-end",
            "the last byte of a tag",
            with(&archive, &[&flipped(first, tag + 15), last]),
        ),
        refused_after(
            1,
            "segment-second",
            "a bit of the second segment",
            with(&archive, &[first, &flipped(last, 50)]),
        ),
        refused_after(
            1,
            "segment-second-tag",
            "the end of the file",
            with(&archive, &[first, &flipped(last, 115)]),
        ),
        refused(
            "segment-zeros",
            "zeros, as a crash leaves them",
            with(&archive, &[&vec![0; first.len()], last]),
        ),
    ]
}

fn ends(keys: &ContentKeys) -> Vec<Vector> {
    let archive = two_segments(keys);
    let segments = archive.sealed_segments();
    let [first, last] = [segments[0].as_slice(), &segments[1]];
    let tag = first.len() - 16;
    vec![
        refused("cut-all", "no segment at all", with(&archive, &[])),
        refused(
            "cut-in-first",
            "cut within the first segment",
            with(&archive, &[&first[..999]]),
        ),
        refused(
            "cut-in-first-tag",
            "cut within the first tag",
            with(&archive, &[&first[..tag + 8]]),
        ),
        refused(
            "cut-at-boundary",
            "cut behind the first segment",
            with(&archive, &[first]),
        ),
        refused(
            "cut-in-last",
            "cut within the last segment",
            with(&archive, &[first, &last[..50]]),
        ),
        refused(
            "cut-in-last-tag",
            "the last byte missing",
            with(&archive, &[first, &last[..115]]),
        ),
        refused(
            "cut-start",
            "the first byte behind the header missing",
            with(&archive, &[&first[1..], last]),
        ),
        refused(
            "goes-on-byte",
            "a byte behind the end",
            with(&archive, &[first, last, &[0]]),
        ),
        refused(
            "goes-on-segment",
            "the last segment twice",
            with(&archive, &[first, last, last]),
        ),
        refused(
            "goes-on-twice",
            "the whole file twice",
            [archive.bytes(), archive.bytes()].concat(),
        ),
        refused("cut-empty", "an empty archive without its segment", {
            SealedArchive::new(&[], SMALL_SEGMENTS, &[&keys.own]).header()
        }),
        refused("not-encrypted", "plain bytes where segments belong", {
            with(
                &archive,
                &[
                    &archive.segments[0].plain,
                    &[0; 16],
                    &archive.segments[1].plain,
                    &[0; 16],
                ],
            )
        }),
    ]
}

fn orders(keys: &ContentKeys) -> Vec<Vector> {
    let archive = SealedArchive::new(&plain(3 * SEGMENT), SMALL_SEGMENTS, &[&keys.own]);
    let segments = archive.sealed_segments();
    let order = |numbers: [usize; 3]| with(&archive, &numbers.map(|number| segments[number].as_slice()));
    let mut other = archive.clone();
    other.key = *b"the key of another, of 32 bytes.";
    let theirs = other.sealed_segments();
    let mut again = archive.clone();
    again.nonce_prefix = *b"another";
    let foreign = again.sealed_segments();
    vec![
        refused("swapped-first", "the first two change places", order([1, 0, 2])),
        refused_after(1, "swapped-last", "the last two change places", order([0, 2, 1])),
        refused_after(1, "repeated", "the first again in the second's place", order([0, 0, 2])),
        refused_after(
            2,
            "repeated-last",
            "the second again in the last's place",
            order([0, 1, 1]),
        ),
        refused("last-everywhere", "the last in every place", order([2, 2, 2])),
        refused(
            "foreign-key",
            "a segment under another key",
            with(&archive, &[&theirs[0], &segments[1], &segments[2]]),
        ),
        refused_after(
            2,
            "foreign-archive",
            "a segment of the same key and another header",
            with(&archive, &[&segments[0], &segments[1], &foreign[2]]),
        ),
    ]
}

/// Sealed with the public key, but not as the format requires.
fn nonces(keys: &ContentKeys) -> Vec<Vector> {
    let changed = |segments: usize, name: &str, why: &str, change: &dyn Fn(&mut SealedArchive)| {
        let mut archive = two_segments(keys);
        change(&mut archive);
        refused_after(segments, name, why, archive.bytes())
    };
    let mut trailing = SealedArchive::new(&plain(SEGMENT), SMALL_SEGMENTS, &[&keys.own]);
    trailing.segments[0].last = 0;
    trailing.segments.push(Segment {
        plain: Vec::new(),
        number: 1,
        last: 1,
    });
    let mut unbound = one_segment(keys);
    unbound.associated = Some(Vec::new());
    let mut whole = one_segment(keys);
    whole.associated = Some(whole.header());
    vec![
        changed(0, "last-flag-early", "the flag of the last on the first", &|archive| {
            archive.segments[0].last = 1;
        }),
        changed(1, "last-flag-missing", "no flag on the last", &|archive| {
            archive.segments[1].last = 0;
        }),
        changed(1, "last-flag-2", "a flag that is neither", &|archive| {
            archive.segments[1].last = 2;
        }),
        changed(0, "counted-from-1", "a counter that begins with 1", &|archive| {
            archive.segments.iter_mut().for_each(|segment| segment.number += 1);
        }),
        changed(
            1,
            "counter-little-endian",
            "a counter with its bytes the other way round",
            &|archive| {
                archive.segments[1].number = 1 << 24;
            },
        ),
        refused(
            "empty-last",
            "a whole segment and an empty one behind it",
            trailing.bytes(),
        ),
        refused("not-bound", "nothing as associated data", unbound.bytes()),
        refused("bound-to-bytes", "the header itself as associated data", whole.bytes()),
    ]
}

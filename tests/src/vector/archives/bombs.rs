//! Zip bombs and wrong sizes.

use super::{CONTENT, Vector, accepted, bundle_with, limit_exceeded, unsafe_archive};
use crate::forge::{Archive, Entry, deflate};

/// Just above the size that the default limits allow at any ratio.
const ABOVE_FREE: usize = (16 << 20) + 1;

pub(super) fn all() -> Vec<Vector> {
    [too_much(), size_lies(), streams(), harmless()].concat()
}

fn too_much() -> Vec<Vector> {
    let many_zeros = |count: usize| Archive::bundle((0..count).map(|n| zeros(&format!("{n}.bin"), 40_000)));
    let files = |count: usize| Archive::bundle((1..count).map(|n| Entry::file(format!("{n}.txt"), b"")));
    let folders = |count: usize| Archive::bundle((1..count).map(|n| Entry::folder(format!("{n}/"))));
    let small = "expansion_free=1000000";
    vec![
        limit_exceeded(
            "bomb-ratio",
            "",
            "one file, 1,030 : 1, with the default limits",
            &bundle_with(zeros("bomb", ABOVE_FREE)),
        ),
        limit_exceeded(
            "bomb-ratio-index",
            "",
            "the page itself is the bomb",
            &Archive::of([zeros("index.html", ABOVE_FREE)]),
        ),
        limit_exceeded(
            "bomb-ratio-spread",
            small,
            "no file is large, all together are",
            &many_zeros(30),
        ),
        limit_exceeded(
            "bomb-file-size",
            "file_size=1000000",
            "one file over the limit of a file",
            &bundle_with(zeros("bomb", 1_000_001)),
        ),
        limit_exceeded(
            "bomb-file-size-stored",
            "file_size=1000",
            "without any compression",
            &bundle_with(Entry::file("a", &[7; 1_001])),
        ),
        limit_exceeded(
            "bomb-total-size",
            "total_size=100000",
            "no file over its limit, all together over theirs",
            &many_zeros(3),
        ),
        limit_exceeded("bomb-count", "entries=100", "101 empty files", &files(101)),
        limit_exceeded(
            "bomb-count-folders",
            "entries=100",
            "101 entries, nearly all folders",
            &folders(101),
        ),
        limit_exceeded(
            "bomb-implied-folders",
            "entries=100",
            "few entries, each of which makes 59 folders",
            &implied_folders(),
        ),
        limit_exceeded(
            "bomb-streamed",
            small,
            "sizes only in the data descriptor",
            &bundle_with(zeros("bomb", 2_000_000).streamed(true)),
        ),
    ]
}

/// Entries create unlisted parent folders, which use inodes too.
fn implied_folders() -> Archive {
    Archive::bundle((0..10).map(|n| Entry::file(format!("{n}/{}a.txt", "a/".repeat(58)), b"")))
}

fn size_lies() -> Vec<Vector> {
    let shrunk = |size: u32| bundle_with(zeros("a.bin", 500_000).both(|header| header.size = size));
    let longer = |size: u32| bundle_with(Entry::deflated("a.txt", CONTENT).both(|header| header.size = size));
    let stored = |size: u32| bundle_with(Entry::file("a.txt", CONTENT).both(|header| header.size = size));
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("size-{name}"), why, &archive);
    vec![
        case(
            "declared-small",
            "declares 10 bytes and unpacks to half a million: past every check of declared sizes",
            shrunk(10),
        ),
        case(
            "declared-small-megabytes",
            "declares 10 bytes and unpacks to 20 MB: refused for the lie, long before the limit on the ratio",
            bundle_with(zeros("a.bin", 20_000_000).both(|header| header.size = 10)),
        ),
        case(
            "declared-zero",
            "declares nothing and unpacks to half a million",
            shrunk(0),
        ),
        case("declared-large", "declares more than it unpacks to", longer(9_000)),
        limit_exceeded(
            "size-declared-huge",
            "",
            "declares 4 GiB and unpacks to 8 bytes: nothing is reserved for it",
            &longer(0xffff_fffe),
        ),
        case("stored-smaller", "stored, yet smaller unpacked than packed", stored(3)),
        case("stored-larger", "stored, yet larger unpacked than packed", stored(9)),
    ]
}

fn streams() -> Vec<Vector> {
    let of = |data: Vec<u8>| bundle_with(Entry::with_method(b"a.txt", 8, data, CONTENT));
    let sound = deflate::literally(CONTENT);
    let case = |name: &str, why: &str, archive: Archive| unsafe_archive(&format!("deflate-{name}"), why, &archive);
    vec![
        case(
            "trailing-bytes",
            "bytes after the end of the stream: hidden from this reader, not from another",
            of([sound.as_slice(), b"hidden"].concat()),
        ),
        case(
            "cut",
            "the stream ends before its last block",
            of(sound[..sound.len() - 2].to_vec()),
        ),
        case(
            "no-last-block",
            "no block is the last one",
            of([deflate::stored_block(CONTENT.len(), false).as_slice(), CONTENT].concat()),
        ),
        case("reserved-block", "a block of the reserved kind", of(vec![0b111, 0, 0])),
        case(
            "far-distance",
            "copies from before the start",
            of(vec![0x4b, 0x04, 0x8e, 0, 0]),
        ),
        case("empty", "no stream at all", of(Vec::new())),
        case(
            "stored-length",
            "a stored block whose length and complement differ",
            of(vec![1, 8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ),
        case("is-stored", "says deflate, holds the plain bytes", of(CONTENT.to_vec())),
    ]
}

fn harmless() -> Vec<Vector> {
    let (data, size) = deflate::zeros(1_000_000);
    let sparse = Entry::with_method(b"sparse.bin", 8, data, &vec![0; size]);
    let inner = Archive::bundle([Entry::file("../evil.txt", CONTENT)]).bytes();
    let nested = Entry::file("inner.zip", &inner);
    vec![
        accepted(
            "ok-sparse",
            "1,000 : 1, but small enough to be harmless",
            &bundle_with(sparse),
            &[("sparse.bin", &vec![0; size])],
        ),
        accepted(
            "ok-nested-archive",
            "an archive in the archive is a file like any other",
            &bundle_with(nested),
            &[("inner.zip", &inner)],
        ),
    ]
}

fn zeros(name: &str, at_least: usize) -> Entry {
    let (data, size) = deflate::zeros(at_least);
    Entry::with_method(name.as_bytes(), 8, data, &vec![0; size])
}

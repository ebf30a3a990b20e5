//! How a file is split into parts.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

/// [`PART`] as a `usize`.
const ONE_PART: usize = 8 << 20;

fn plan(bytes: &[u8]) -> Plan {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Plan::read(file.path(), &Control::new()).unwrap()
}

#[test]
fn the_parts_cover_the_file_and_have_their_digests() {
    let bytes: Vec<u8> = (0..20u32 << 20).map(|number| (number / 3).to_le_bytes()[1]).collect();
    let plan = plan(&bytes);
    assert_eq!((plan.size, plan.digest), (bytes.len() as u64, Sha256Digest::of(&bytes)));
    let ranges: Vec<_> = plan
        .parts
        .iter()
        .map(|part| (part.number, part.offset, part.length))
        .collect();
    assert_eq!(ranges, [(1, 0, PART), (2, PART, PART), (3, 2 * PART, 4 << 20)]);
    for part in &plan.parts {
        let from = usize::try_from(part.offset).unwrap();
        let to = from + usize::try_from(part.length).unwrap();
        assert_eq!(part.digest, Sha256Digest::of(&bytes[from..to]));
    }
}

#[test]
fn a_file_smaller_than_a_part_is_sent_as_a_whole() {
    assert!(plan(b"").is_single() && plan(b"x").is_single());
    assert!(plan(&vec![0; ONE_PART - 1]).is_single());
    let exact = plan(&vec![0; ONE_PART]);
    assert_eq!((exact.is_single(), exact.count()), (false, 1));
}

#[test]
fn the_number_of_parts_never_exceeds_the_limit_of_s3() {
    for size in [PART, PART * MAX_PARTS, PART * MAX_PARTS + 1, 5 << 40] {
        let part = part_size(size);
        assert!(
            size.div_ceil(part) <= MAX_PARTS && part >= PART && part.is_multiple_of(CHUNK as u64),
            "{size}"
        );
    }
}

#[test]
fn a_checksum_is_compared_only_if_it_covers_the_same_parts() {
    let small = plan(b"");
    assert_eq!(
        small.agrees(Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")),
        Some(true)
    );
    assert_eq!(small.agrees(Some("AAAA")), Some(false));
    assert_eq!(small.agrees(None), None);
    let large = plan(&vec![0; ONE_PART + 1]);
    let composite = large.composite();
    assert_eq!(large.agrees(Some(&composite)), Some(true));
    assert_eq!(large.agrees(Some("AAAA-2")), Some(false));
    assert_eq!(large.agrees(Some("AAAA-3")), None);
}

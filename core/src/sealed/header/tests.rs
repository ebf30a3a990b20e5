#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

fn recipient(id: u8, length: usize) -> Recipient {
    Recipient {
        id: KeyId::from_bytes([id; 32]),
        wrapped: vec![id; length],
    }
}

fn written(plain_size: u64, recipients: Vec<Recipient>) -> Vec<u8> {
    Header::write(plain_size, [5; 7], recipients).unwrap().0
}

fn refused(bytes: &[u8]) -> String {
    match Header::parse_start(bytes).unwrap_err() {
        HeaderProblem::Malformed(problem) => problem,
        other => panic!("{other:?}"),
    }
}

fn with(position: usize, bytes: &[u8]) -> Vec<u8> {
    let mut header = written(9, vec![recipient(1, 256), recipient(2, 300)]);
    header[position..position + bytes.len()].copy_from_slice(bytes);
    header
}

#[test]
fn each_field_is_where_the_format_says() {
    let bytes = written(0x0203_0405_0607, vec![recipient(2, 300), recipient(1, 256)]);
    assert_eq!(&bytes[..8], b"\x89CBSEAL\n");
    assert_eq!(bytes[8..12], [1, 16, 0, 2]);
    assert_eq!(bytes[12..20], [5, 5, 5, 5, 5, 5, 5, 0]);
    assert_eq!(bytes[20..28], [0, 0, 2, 3, 4, 5, 6, 7]);
    assert_eq!(bytes[28..60], [1; 32], "ascending");
    assert_eq!(bytes[60..62], [1, 0]);
    assert_eq!(bytes[62..318], [1; 256]);
    assert_eq!(bytes[318..350], [2; 32]);
    assert_eq!(bytes[350..352], [1, 44]);
    assert_eq!(bytes.len(), 352 + 300);
}

#[test]
fn segment_positions_follow_from_the_header() {
    let bytes = written(200_000, vec![recipient(1, 256)]);
    let header = Header::parse(&bytes).unwrap();
    assert_eq!((header.segments(), header.size()), (4, 318));
    assert_eq!(header.sealed_size(), 318 + 200_000 + 64);
    assert_eq!(
        [0, 1, 4].map(|number| header.sealed_start(number)),
        [318, 318 + 65_552, 200_382]
    );
    assert_eq!([0, 1, 4].map(|number| header.plain_start(number)), [0, 65_536, 200_000]);
    assert_eq!(header.digest(), Sha256Digest::of(&bytes));
}

#[test]
fn invalid_headers_are_refused() {
    for (position, bytes, hint) in [
        (0, &b"PK"[..], "wrong magic bytes"),
        (7, b"\r", "wrong magic bytes"),
        (9, &[11], "segments of 2^11"),
        (9, &[21], "segments of 2^21"),
        (10, &[0, 0], "0 recipients"),
        (10, &[0, 17], "17 recipients"),
        (19, &[1], "byte 19"),
        (20, &[0, 0x20, 0, 0, 0, 0, 0, 0], "exceed the maximum"),
        (20, &[0xff; 8], "exceed the maximum"),
        (28, &[3; 32], "not sorted"),
        (28, &[2; 32], "not unique"),
        (60, &[0, 255], "found 255"),
        (60, &[2, 1], "found 513"),
    ] {
        let problem = refused(&with(position, bytes));
        assert!(problem.contains(hint), "{problem}");
    }
}

#[test]
fn more_segments_than_the_counter_allows_are_refused() {
    let mut bytes = with(20, &((1_u64 << 44) + 1).to_be_bytes());
    assert!(Header::parse(&bytes).is_ok());
    bytes[9] = 12;
    assert!(refused(&bytes).contains("exceed the maximum"));
    bytes[20..28].copy_from_slice(&(1_u64 << 44).to_be_bytes());
    assert_eq!(Header::parse(&bytes).unwrap().segments(), 1 << 32);
}

#[test]
fn a_later_version_is_distinguished_from_damage() {
    let error = Header::parse(&with(8, &[2])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[test]
fn every_truncated_header_is_reported_as_such() {
    let bytes = with(0, &[]);
    for length in 0..bytes.len() {
        let problem = Header::parse_start(&bytes[..length]).unwrap_err();
        assert!(matches!(problem, HeaderProblem::Short), "{length}: {problem:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_header_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), from in 0..60_usize) {
        let mut header = with(0, &[]);
        let end = header.len().min(from + bytes.len());
        header[from..end].copy_from_slice(&bytes[..end - from]);
        if let Ok(parsed) = Header::parse(&header) {
            prop_assert!(parsed.size() <= header.len() as u64);
            prop_assert!(parsed.sealed_size() > parsed.size());
            prop_assert_eq!(parsed.sealed_start(parsed.segments()), parsed.sealed_size());
            prop_assert_eq!(parsed.plain_start(parsed.segments()), parsed.plain_size());
        }
        let _no_panic = Header::parse(&bytes);
    }

    #[test]
    fn headers_round_trip(
        plain_size in 0..1_u64 << 48,
        ids in prop::collection::hash_set(any::<u8>(), 1..=16),
        length in 256..=512_usize,
    ) {
        let recipients: Vec<_> = ids.iter().map(|id| recipient(*id, length)).collect();
        let (bytes, header) = Header::write(plain_size, [9; 7], recipients).unwrap();
        let parsed = Header::parse(&[&bytes[..], b"segments"].concat()).unwrap();
        prop_assert_eq!(parsed.plain_size(), plain_size);
        prop_assert_eq!(parsed.size(), bytes.len() as u64);
        prop_assert_eq!(parsed.digest(), header.digest());
        prop_assert_eq!(parsed.recipients().len(), ids.len());
        prop_assert!(parsed.recipients().is_sorted_by_key(|id| *id.as_bytes()));
    }
}

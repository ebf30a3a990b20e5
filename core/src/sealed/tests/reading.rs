//! Random access to a sealed archive.
use std::io::{Seek as _, SeekFrom};

use proptest::prelude::*;

use super::*;

const SIZE: usize = 2 * SEGMENT + 100;

static CASE: LazyLock<Case> = LazyLock::new(|| sealed(SIZE));

fn reader() -> SealedReader {
    SealedReader::open_unverified(&CASE.sealed, &KEY).unwrap()
}

#[test]
fn a_reader_reads_from_start_to_end() {
    for size in [0, 1, SEGMENT, SIZE] {
        let case = sealed(size);
        let mut reader = SealedReader::open_unverified(&case.sealed, &KEY).unwrap();
        let mut plain = Vec::new();
        assert_eq!(reader.read_to_end(&mut plain).unwrap(), size);
        assert!(plain == case.plain);
        assert_eq!(reader.header().plain_size(), size as u64);
    }
}

#[test]
fn reading_past_the_end_gives_nothing_and_seeking_before_the_start_fails() {
    let mut reader = reader();
    assert_eq!(reader.seek(SeekFrom::End(5)).unwrap(), SIZE as u64 + 5);
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 0);
    assert!(reader.seek(SeekFrom::End(i64::MIN)).is_err());
    assert_eq!(reader.seek(SeekFrom::End(-1)).unwrap(), SIZE as u64 - 1);
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 1);
}

#[test]
fn an_empty_archive_is_authenticated_too() {
    let case = sealed(0);
    let mut bytes = fs::read(&case.sealed).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&case.sealed, bytes).unwrap();
    let error = SealedReader::open_unverified(&case.sealed, &KEY).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DecryptionFailed);
}

#[test]
fn every_read_after_a_bad_segment_fails() {
    let case = sealed(SIZE);
    let mut bytes = fs::read(&case.sealed).unwrap();
    bytes[318 + SEGMENT + 16] ^= 1;
    fs::write(&case.sealed, bytes).unwrap();
    let mut reader = SealedReader::open_unverified(&case.sealed, &KEY).unwrap();
    reader.read_exact(&mut vec![0; SEGMENT]).unwrap();
    let error = reader.read(&mut [0]).unwrap_err();
    assert!(error.to_string().contains("segment 2 of 3"), "{error}");
    reader.seek(SeekFrom::Start(0)).unwrap();
    assert!(reader.read(&mut [0]).is_err());
}

#[test]
fn debug_output_of_a_reader_hides_the_key() {
    let shown = format!("{:?}", reader());
    assert!(
        shown.starts_with("SealedReader { path: ") && shown.ends_with("position: 0, .. }"),
        "{shown}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_range_equals_that_of_the_plain_archive(
        places in prop::collection::vec((0..=SIZE, 0..80_000_usize), 1..8),
    ) {
        let mut reader = reader();
        for (start, length) in places {
            reader.seek(SeekFrom::Start(start as u64)).unwrap();
            let mut piece = Vec::new();
            (&mut reader).take(length as u64).read_to_end(&mut piece).unwrap();
            prop_assert!(piece == CASE.plain[start..SIZE.min(start + length)]);
        }
    }
}

//! Every change is refused, and no changed or later byte is released.
use std::io;

use proptest::prelude::*;

use super::*;

const SIZE: usize = 3 * SEGMENT + 777;
/// One recipient with a key of 2048 bits.
const HEADER: usize = 28 + 34 + 256;
const WHOLE: usize = SEGMENT + 16;

static CASE: LazyLock<Case> = LazyLock::new(|| sealed(SIZE));
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| fs::read(&CASE.sealed).unwrap());

/// A changed copy of a sealed archive.
struct Changed {
    folder: TempDir,
    path: PathBuf,
}

impl Changed {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changed.sealed");
        fs::write(&path, bytes).unwrap();
        Self { folder, path }
    }

    /// The kinds of the error when it is opened without a release and with one.
    fn refused(&self) -> [ErrorKind; 2] {
        let (to, control) = (self.folder.path().join("plain"), Control::new());
        let unverified = open_unverified(&self.path, &to, &KEY, &control).unwrap_err();
        let expected = CASE.expected();
        let named = open(
            &self.path,
            self.folder.path(),
            &[&KEY],
            &expected,
            Proof::Digest,
            &control,
        )
        .unwrap_err();
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1, "no file is left");
        [unverified.kind(), named.kind()]
    }

    /// The number of bytes a reader releases before the first error: at most the segments before the changed one.
    fn released(&self) -> usize {
        let Ok(mut reader) = SealedReader::open_unverified(&self.path, &KEY) else {
            return 0;
        };
        let mut released = Vec::new();
        let error = io::copy(&mut reader, &mut released).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(CASE.plain.starts_with(&released));
        assert!(reader.read(&mut [0]).is_err(), "every later read fails");
        released.len()
    }
}

/// Whether these are the kinds of errors of a changed header, without a release and with one that names another header.
fn is_refusal_of_a_header([unverified, named]: [ErrorKind; 2]) -> bool {
    use ErrorKind::{DecryptionFailed, DigestMismatch, Unsupported};
    matches!(unverified, DecryptionFailed | Unsupported)
        && matches!(named, DecryptionFailed | DigestMismatch | Unsupported)
}

fn assert_bad_segment(bytes: &[u8], segment: usize) {
    let changed = Changed::new(bytes);
    assert_eq!(changed.refused(), [ErrorKind::DecryptionFailed; 2]);
    assert!(changed.released() <= segment * SEGMENT);
}

fn segment(number: usize) -> Vec<u8> {
    let start = HEADER + number * WHOLE;
    BYTES[start..BYTES.len().min(start + WHOLE)].to_vec()
}

/// The header followed by these segments.
fn with_segments(numbers: &[usize]) -> Vec<u8> {
    let segments: Vec<_> = numbers.iter().map(|number| segment(*number)).collect();
    [BYTES[..HEADER].to_vec(), segments.concat()].concat()
}

#[test]
fn every_changed_byte_of_the_header_is_refused() {
    for position in 0..HEADER {
        let mut bytes = BYTES.clone();
        bytes[position] ^= 1 << (position % 8);
        let changed = Changed::new(&bytes);
        let kinds = changed.refused();
        assert!(is_refusal_of_a_header(kinds), "byte {position}: {kinds:?}");
        assert_eq!(changed.released(), 0, "byte {position}");
    }
}

#[test]
fn segments_out_of_order_repeated_or_dropped_are_refused() {
    assert_eq!(with_segments(&[0, 1, 2, 3]), *BYTES);
    assert_bad_segment(&with_segments(&[1, 0, 2, 3]), 0);
    assert_bad_segment(&with_segments(&[0, 2, 1, 3]), 1);
    assert_bad_segment(&with_segments(&[0, 0, 2, 3]), 1);
    assert_bad_segment(&with_segments(&[0, 1, 1, 3]), 2);
    for numbers in [
        &[0, 1, 2][..],
        &[0, 1, 3],
        &[3],
        &[],
        &[0, 1, 2, 2, 3],
        &[0, 1, 2, 3, 3],
    ] {
        assert_bad_segment(&with_segments(numbers), 0);
    }
}

#[test]
fn a_moved_end_is_refused_by_the_last_flag() {
    // The header states a size that is shorter by whole segments, and the file has that size.
    let mut bytes = with_segments(&[0, 1]);
    bytes[20..28].copy_from_slice(&(2 * SEGMENT as u64).to_be_bytes());
    assert_eq!(
        read_header(&Changed::new(&bytes).path).unwrap().sealed_size(),
        bytes.len() as u64
    );
    assert_eq!(
        Changed::new(&bytes).refused(),
        [ErrorKind::DecryptionFailed, ErrorKind::DigestMismatch]
    );
    assert_eq!(Changed::new(&bytes).released(), 0);
}

#[test]
fn segments_of_another_archive_are_refused() {
    let other = sealed(SIZE);
    let theirs = fs::read(&other.sealed).unwrap();
    for numbers in [0..1, 1..2, 3..4, 0..4] {
        let mut bytes = BYTES.clone();
        let range = HEADER + numbers.start * WHOLE..bytes.len().min(HEADER + numbers.end * WHOLE);
        bytes[range.clone()].copy_from_slice(&theirs[range]);
        assert_bad_segment(&bytes, numbers.start);
    }
}

#[test]
fn a_key_wrapped_for_another_recipient_is_refused_without_a_reason() {
    let mut bytes = BYTES.clone();
    let wrapped = KEYS[0].public().wrap(&[7; 32]).unwrap();
    bytes[HEADER - 256..HEADER].copy_from_slice(&wrapped);
    assert_eq!(
        Changed::new(&bytes).refused(),
        [ErrorKind::DecryptionFailed, ErrorKind::DigestMismatch]
    );
    // Another key, correctly wrapped, with the segments of this archive.
    let wrapped = KEY.public().wrap(&[7; 32]).unwrap();
    bytes[HEADER - 256..HEADER].copy_from_slice(&wrapped);
    assert_eq!(
        Changed::new(&bytes).refused(),
        [ErrorKind::DecryptionFailed, ErrorKind::DigestMismatch]
    );
    assert_eq!(Changed::new(&bytes).released(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_bit_of_a_segment_is_refused_and_nothing_after_it_is_released(
        position in HEADER..HEADER + SIZE + 4 * 16,
        bit in 0..8_u8,
    ) {
        let mut bytes = BYTES.clone();
        bytes[position] ^= 1 << bit;
        assert_bad_segment(&bytes, (position - HEADER) / WHOLE);
    }

    #[test]
    fn a_file_truncated_anywhere_is_refused(length in 0..HEADER + SIZE + 4 * 16) {
        let changed = Changed::new(&BYTES[..length]);
        prop_assert_eq!(changed.refused(), [ErrorKind::DecryptionFailed; 2]);
        prop_assert_eq!(changed.released(), 0);
    }

    #[test]
    fn a_file_with_trailing_data_is_refused(more in prop::collection::vec(any::<u8>(), 1..200)) {
        let changed = Changed::new(&[&**BYTES, &more].concat());
        prop_assert_eq!(changed.refused(), [ErrorKind::DecryptionFailed; 2]);
        prop_assert_eq!(changed.released(), 0);
    }
}

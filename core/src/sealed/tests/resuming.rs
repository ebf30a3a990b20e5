//! Opening a sealed archive while it is downloaded.
use std::io::Write as _;
use std::path::Path;

use super::*;

const SIZE: usize = 4 * SEGMENT + 321;

/// A partial download of a sealed archive.
struct Part<'a> {
    case: &'a Case,
    bytes: Vec<u8>,
    path: PathBuf,
}

impl<'a> Part<'a> {
    fn new(case: &'a Case) -> Self {
        let path = case.folder.path().join("a.part");
        fs::write(&path, "").unwrap();
        let bytes = fs::read(&case.sealed).unwrap();
        Self { case, bytes, path }
    }

    /// Appends bytes up to this size.
    fn arrives(&self, up_to: usize) {
        let have = usize::try_from(fs::metadata(&self.path).unwrap().len()).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&self.path).unwrap();
        file.write_all(&self.bytes[have..up_to]).unwrap();
    }

    fn begin(&self) -> Option<PartialOpening> {
        let expected = self.case.expected();
        PartialOpening::begin(&self.path, &self.case.staging(), &[&KEY], Some(&expected)).unwrap()
    }

    fn finish(&self, opening: PartialOpening) -> Result<VerifiedArchive> {
        opening.finish(&self.case.expected(), Proof::Digest, &Control::new())
    }
}

fn read(archive: &VerifiedArchive) -> Vec<u8> {
    let mut plain = Vec::new();
    archive.reader().read_to_end(&mut plain).unwrap();
    plain
}

fn staged(folder: &Path) -> Vec<u8> {
    let entry = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    fs::read(entry.path()).unwrap()
}

#[test]
fn opening_begins_when_the_header_is_complete() {
    let case = sealed(SIZE);
    let part = Part::new(&case);
    for arrived in [0, 5, 8, 27, 28, 61, 317] {
        part.arrives(arrived);
        assert!(part.begin().is_none(), "{arrived}");
    }
    part.arrives(318);
    assert_eq!(part.begin().unwrap().opened(), 0);
}

#[test]
fn opening_resumes_at_every_boundary_to_the_same_archive() {
    let case = sealed(SIZE);
    for segments in 0..=4 {
        for (beside, whole) in [(-1, segments.max(1) - 1), (0, segments), (1, segments)] {
            let part = Part::new(&case);
            part.arrives(318);
            let opening = part.begin().unwrap();
            part.arrives((318 + segments * (SEGMENT + 16)).saturating_add_signed(beside).max(318));
            let opening = opening.advance(&Control::new()).unwrap();
            assert!(
                staged(&case.staging()) == case.plain[..whole * SEGMENT],
                "{segments} {beside}"
            );
            assert_eq!(opening.opened(), (whole * SEGMENT) as u64);

            part.arrives(part.bytes.len());
            assert!(read(&part.finish(opening).unwrap()) == case.plain);
            case.assert_nothing_staged();
        }
    }
}

#[test]
fn all_segments_may_be_opened_before_finish() {
    let case = sealed(SIZE);
    let part = Part::new(&case);
    part.arrives(part.bytes.len());
    let opening = part.begin().unwrap().advance(&Control::new()).unwrap();
    assert_eq!(opening.opened(), SIZE as u64);
    assert!(read(&part.finish(opening).unwrap()) == case.plain);
}

#[test]
fn another_process_restarts_with_the_downloaded_part() {
    let case = sealed(SIZE);
    let part = Part::new(&case);
    part.arrives(200_000);
    drop(part.begin().unwrap().advance(&Control::new()).unwrap());
    case.assert_nothing_staged();
    let opening = part.begin().unwrap().advance(&Control::new()).unwrap();
    assert_eq!(opening.opened(), 3 * SEGMENT as u64);
    part.arrives(part.bytes.len());
    assert!(read(&part.finish(opening).unwrap()) == case.plain);
}

#[test]
fn a_bad_segment_is_found_before_the_rest_is_downloaded() {
    let case = sealed(SIZE);
    let mut part = Part::new(&case);
    part.bytes[318 + SEGMENT + 20] ^= 1;
    part.arrives(318 + SEGMENT + 16);
    let opening = part.begin().unwrap().advance(&Control::new()).unwrap();
    part.arrives(318 + 2 * (SEGMENT + 16));
    let error = opening.advance(&Control::new()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::DecryptionFailed);
    assert!(error.to_string().contains("segment 2 of 5"), "{error}");
    case.assert_nothing_staged();
}

#[test]
fn an_incomplete_or_too_long_file_never_finishes() {
    let case = sealed(SIZE);
    let part = Part::new(&case);
    part.arrives(part.bytes.len() - 1);
    let error = part.finish(part.begin().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DecryptionFailed);
    part.arrives(part.bytes.len());
    let opening = part.begin().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&part.path).unwrap();
    file.write_all(b"!").unwrap();
    let error = opening.advance(&Control::new()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::DecryptionFailed);
    case.assert_nothing_staged();
}

#[test]
fn a_restarted_download_of_the_same_archive_is_resumed() {
    let case = sealed(SIZE);
    let part = Part::new(&case);
    part.arrives(200_000);
    let opening = part.begin().unwrap().advance(&Control::new()).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&part.path)
        .unwrap()
        .set_len(0)
        .unwrap();
    let opening = opening.advance(&Control::new()).unwrap();
    assert_eq!(opening.opened(), 3 * SEGMENT as u64);
    part.arrives(part.bytes.len());
    assert!(read(&part.finish(opening).unwrap()) == case.plain);
}

#[test]
fn an_archive_not_named_by_the_release_is_refused_at_its_header() {
    let case = sealed(SIZE);
    let other = sealed(SIZE);
    let expected = other.expected();
    let begun = PartialOpening::begin(&case.sealed, &case.staging(), &[&KEY], Some(&expected));
    assert_eq!(begun.err().unwrap().kind(), ErrorKind::DigestMismatch);
    fs::write(&case.sealed, "PK").unwrap();
    let begun = PartialOpening::begin(&case.sealed, &case.staging(), &[&KEY], Some(&expected));
    assert_eq!(
        begun.err().unwrap().kind(),
        ErrorKind::DecryptionFailed,
        "two bytes are enough"
    );
}

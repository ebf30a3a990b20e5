#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use super::*;
use crate::error::ErrorKind;

#[test]
fn a_file_with_a_different_digest_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, "one").unwrap();
    let error = VerifiedArchive::from_digest(&path, &Sha256Digest::of(b"two"), &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DigestMismatch);
    assert!(VerifiedArchive::from_digest(&path, &Sha256Digest::of(b"one"), &Control::new()).is_ok());
}

#[test]
fn a_file_that_replaces_the_path_after_verification_is_never_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, "proved").unwrap();
    let archive = VerifiedArchive::from_digest(&path, &Sha256Digest::of(b"proved"), &Control::new()).unwrap();
    std::fs::write(folder.path().join("b.zip"), "swapped").unwrap();
    std::fs::rename(folder.path().join("b.zip"), &path).unwrap();

    let mut text = String::new();
    archive.reader().read_to_string(&mut text).unwrap();
    assert_eq!(text, "proved");
    let kept = folder.path().join("kept.zip");
    archive.persist(&kept).unwrap();
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "proved");
}

#[test]
fn a_file_that_is_changed_in_place_after_verification_is_not_persisted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, "proved").unwrap();
    let archive = VerifiedArchive::from_digest(&path, &Sha256Digest::of(b"proved"), &Control::new()).unwrap();
    std::fs::write(&path, "PROVED").unwrap();
    let kept = folder.path().join("kept.zip");
    assert_eq!(archive.persist(&kept).unwrap_err().kind(), ErrorKind::DigestMismatch);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing but the original is left"
    );
}

#[test]
fn a_folder_is_not_an_archive() {
    let folder = tempfile::tempdir().unwrap();
    let error = VerifiedArchive::assume_trusted(folder.path(), &Control::new()).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Io),
        "{error}"
    );
}

//! Verifying downloads against a release.

use std::fs;

use super::*;
use crate::release::fixtures::{built_in_release, new_bundle};
use crate::release::{BundleIdentity, ReleaseTarget};
use crate::sealed;

/// A plain archive of these bytes, and its release.
fn archive_of(bytes: &[u8]) -> (tempfile::TempDir, TrustedRelease) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.zip"), bytes).unwrap();
    let new = naming(
        ArchiveIdentity {
            size: bytes.len() as u64,
            digest: Sha256Digest::of(bytes),
        },
        None,
    );
    (folder, device().check(&signed(&new, &[0])).unwrap())
}

#[test]
fn a_plain_archive_is_verified_by_its_release() {
    let (folder, trusted) = archive_of(b"plain archive");
    let open = |name: &str| trusted.open(&folder.path().join(name), folder.path(), &[], &Control::new());
    let archive = open("app.zip").unwrap();
    assert_eq!(archive.digest(), Sha256Digest::of(b"plain archive"));
    let proof = Proof::Release {
        channel: channel(),
        sequence: 42,
        keys: vec![key(0).verifying_key().id()],
    };
    assert_eq!(*archive.proof(), proof);
    fs::write(folder.path().join("other.zip"), b"plain archivf").unwrap();
    assert_eq!(open("other.zip").unwrap_err().kind(), ErrorKind::DigestMismatch);
    assert_eq!(open("none.zip").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_release_that_contradicts_itself_verifies_nothing() {
    let (folder, _) = archive_of(b"plain archive");
    let new = naming(
        ArchiveIdentity {
            size: 14,
            digest: Sha256Digest::of(b"plain archive"),
        },
        None,
    );
    let trusted = device().check(&signed(&new, &[0])).unwrap();
    let opened = trusted.open(&folder.path().join("app.zip"), folder.path(), &[], &Control::new());
    assert_eq!(reason(opened), "archive_differs");
}

/// An archive of these bytes, sealed as `app.sealed`, and its release.
fn sealed_archive_of(plain: &[u8]) -> (tempfile::TempDir, Release) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.zip"), plain).unwrap();
    let new = seal_again(folder.path());
    (folder, new)
}

fn seal_again(folder: &Path) -> Release {
    let plain = folder.join("app.zip");
    let digest = Sha256Digest::of_file(&plain, &Control::new()).unwrap();
    let (to, recipients) = (folder.join("app.sealed"), [content_key().public().clone()]);
    let sealed = sealed::seal(
        &plain,
        &to,
        &sealed::Sealing {
            expected: &digest,
            recipients: &recipients,
        },
        &Control::new(),
    )
    .unwrap();
    let archive = ArchiveIdentity {
        size: sealed.plain_size,
        digest,
    };
    let identity = SealedIdentity {
        size: sealed.size,
        header_digest: sealed.header_digest,
    };
    naming(archive, Some(identity))
}

fn naming(archive: ArchiveIdentity, sealed: Option<SealedIdentity>) -> Release {
    Release {
        target: ReleaseTarget::Bundle(BundleIdentity {
            archive,
            sealed,
            ..new_bundle()
        }),
        ..new_release()
    }
}

#[test]
fn only_the_sealed_archive_of_the_release_is_opened() {
    let (folder, new) = sealed_archive_of(&vec![7; 100_000]);
    let staging = tempfile::tempdir().unwrap();
    let trusted = |new: &Release| device().check(&signed(new, &[0])).unwrap();
    let open = |new: &Release, file: &str| {
        trusted(new).open(
            &folder.path().join(file),
            staging.path(),
            &[content_key()],
            &Control::new(),
        )
    };
    assert!(matches!(
        open(&new, "app.sealed").unwrap().proof(),
        Proof::Release { sequence: 42, .. }
    ));
    // The plain archive instead of the sealed one, and vice versa.
    assert_eq!(open(&new, "app.zip").unwrap_err().kind(), ErrorKind::DecryptionFailed);
    let unsealed = naming(new.target.bundle().unwrap().archive, None);
    assert_eq!(
        open(&unsealed, "app.sealed").unwrap_err().kind(),
        ErrorKind::DigestMismatch
    );
    // The same archive, sealed again.
    seal_again(folder.path());
    assert_eq!(open(&new, "app.sealed").unwrap_err().kind(), ErrorKind::DigestMismatch);
    assert_eq!(fs::read_dir(staging.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_sealed_archive_is_decrypted_while_it_downloads() {
    let plain: Vec<u8> = (0..100_000_u32).map(|at| (at % 251) as u8).collect();
    let (folder, new) = sealed_archive_of(&plain);
    let sealed = fs::read(folder.path().join("app.sealed")).unwrap();
    let trusted = device().check(&signed(&new, &[0])).unwrap();
    let (part, control) = (folder.path().join("part"), Control::new());
    let begin = || trusted.begin_opening(&part, folder.path(), &[content_key()]);

    fs::write(&part, &sealed[..100]).unwrap();
    assert!(begin().unwrap().is_none(), "the header is incomplete");
    fs::write(&part, &sealed[..70_000]).unwrap();
    let arriving = begin().unwrap().unwrap().advance(&control).unwrap();
    assert_eq!(arriving.opened(), 65_536);
    fs::write(&part, &sealed).unwrap();
    let archive = arriving.finish(&control).unwrap();
    assert_eq!(archive.digest(), Sha256Digest::of(&plain));
    assert!(matches!(archive.proof(), Proof::Release { sequence: 42, .. }));
}

#[test]
fn a_damaged_segment_is_refused_before_the_rest_arrives() {
    let (folder, new) = sealed_archive_of(&vec![7; 100_000]);
    let mut sealed = fs::read(folder.path().join("app.sealed")).unwrap();
    sealed[1_000] ^= 1;
    let part = folder.path().join("part");
    fs::write(&part, &sealed[..70_000]).unwrap();
    let trusted = device().check(&signed(&new, &[0])).unwrap();
    let staging = tempfile::tempdir().unwrap();
    let arriving = trusted.begin_opening(&part, staging.path(), &[content_key()]);
    let refused = arriving.unwrap().unwrap().advance(&Control::new()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DecryptionFailed);
    assert_eq!(fs::read_dir(staging.path()).unwrap().count(), 0, "nothing is left");
}

#[test]
fn a_plain_archive_is_not_decrypted() {
    let (folder, trusted) = archive_of(b"plain archive");
    let begun = trusted.begin_opening(&folder.path().join("app.zip"), folder.path(), &[content_key()]);
    assert_eq!(begun.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn only_the_file_list_of_the_release_is_accepted() {
    let list = br#"{"format":1,"files":[]}"#;
    let new = Release {
        target: ReleaseTarget::Bundle(BundleIdentity {
            files_digest: Sha256Digest::of(list),
            ..new_bundle()
        }),
        ..new_release()
    };
    let trusted = device().check(&signed(&new, &[0])).unwrap();
    assert_eq!(trusted.check_file_list(list).unwrap().files().len(), 0);
    assert_eq!(
        reason(trusted.check_file_list(br#"{"format":1,"files":[ ]}"#)),
        "files_differ"
    );
}

#[test]
fn a_release_of_the_built_in_bundle_verifies_no_file() {
    let (folder, _) = archive_of(b"plain archive");
    let trusted = device().check(&signed(&built_in_release(), &[0])).unwrap();
    let file = folder.path().join("app.zip");
    let opened = trusted.open(&file, folder.path(), &[], &Control::new());
    assert_eq!(opened.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(
        trusted.check_file_list(b"{}").unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let arriving = trusted.begin_opening(&file, folder.path(), &[content_key()]);
    assert_eq!(arriving.unwrap_err().kind(), ErrorKind::InvalidInput);
}

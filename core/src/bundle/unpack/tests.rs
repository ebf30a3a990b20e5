#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::error::ErrorKind;

struct Case {
    folder: TempDir,
    options: UnpackOptions,
}

/// An archive with these entries. The contents of a file are four times its name; folders end in a slash.
fn archive(entries: &[&str]) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = zip::ZipWriter::new(File::create(folder.path().join("a.zip")).unwrap());
    for entry in entries {
        if entry.ends_with('/') {
            writer.add_directory(*entry, SimpleFileOptions::default()).unwrap();
        } else {
            writer.start_file(*entry, SimpleFileOptions::default()).unwrap();
            writer.write_all(entry.repeat(4).as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap();
    Case {
        folder,
        options: UnpackOptions::default(),
    }
}

impl Case {
    fn target(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn unpack_with(&self, control: &Control) -> Result<Unpacked> {
        let archive = VerifiedArchive::assume_trusted(&self.folder.path().join("a.zip"), &Control::new()).unwrap();
        unpack(&archive, &self.target(), &self.options, control)
    }

    fn unpack(&self) -> Result<Unpacked> {
        self.unpack_with(&Control::new())
    }

    fn assert_refused(&self, kind: ErrorKind) -> String {
        let error = self.unpack().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(
            fs::read_dir(self.folder.path()).unwrap().count(),
            1,
            "only the archive is left"
        );
        error.to_string()
    }
}

#[test]
fn files_and_folders_are_unpacked() {
    let case = archive(&["index.html", "empty/", "a/b/c.js", "ünï/😀"]);
    let unpacked = case.unpack().unwrap();
    assert_eq!((unpacked.files, unpacked.folders), (3, 4));
    assert_eq!(
        fs::read_to_string(case.target().join("a/b/c.js")).unwrap(),
        "a/b/c.js".repeat(4)
    );
    assert!(case.target().join("empty").is_dir());
    assert_eq!(
        fs::read_dir(case.folder.path()).unwrap().count(),
        2,
        "no staging folder is left"
    );
}

#[test]
fn a_single_top_folder_is_stripped_and_files_outside_it_are_reported() {
    let case = archive(&[
        "dist/index.html",
        "dist/a/b.js",
        "__MACOSX/dist/._index.html",
        ".DS_Store",
    ]);
    let unpacked = case.unpack().unwrap();
    assert_eq!(unpacked.flattened.as_deref(), Some("dist"));
    assert_eq!(unpacked.left_out, ["__MACOSX/dist/._index.html", ".DS_Store"]);
    assert!(case.target().join("a/b.js").is_file());
    assert!(!case.target().join("__MACOSX").exists());
}

#[test]
fn an_archive_with_a_root_index_keeps_its_single_folder() {
    let case = archive(&["index.html", "dist/a.js"]);
    assert_eq!(case.unpack().unwrap().flattened, None);
    assert!(case.target().join("dist/a.js").is_file());
}

#[test]
fn archives_without_an_index_are_not_bundles() {
    for entries in [
        &["a.js"][..],
        &["dist/a.js"],
        &["a/index.html", "b/x"],
        &["a/b/index.html"],
    ] {
        archive(entries).assert_refused(ErrorKind::NotABundle);
    }
}

#[test]
fn an_existing_folder_is_never_touched() {
    let case = archive(&["index.html"]);
    fs::create_dir(case.target()).unwrap();
    assert_eq!(case.unpack().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(fs::read_dir(case.target()).unwrap().count(), 0);
}

#[test]
fn limits_count_the_bytes_that_are_written() {
    let mut case = archive(&["index.html", "a.js", "b.js"]);
    case.options.limits.file_size = 39;
    assert!(case.assert_refused(ErrorKind::LimitExceeded).contains("index.html"));
    case.options.limits.file_size = 40;
    case.options.limits.total_size = 71;
    case.assert_refused(ErrorKind::LimitExceeded);
    case.options.limits.total_size = 72;
    case.options.limits.entries = 2;
    case.assert_refused(ErrorKind::LimitExceeded);
    case.options.limits.entries = 3;
    assert_eq!(case.unpack().unwrap().bytes, 72);
}

#[test]
fn a_decompression_bomb_stops_early() {
    let mut case = archive(&["index.html"]);
    let mut writer = zip::ZipWriter::new(File::create(case.folder.path().join("a.zip")).unwrap());
    writer.start_file("index.html", SimpleFileOptions::default()).unwrap();
    writer.write_all(&vec![0; 1 << 20]).unwrap();
    writer.finish().unwrap();
    assert!(case.unpack().is_ok(), "a megabyte of zeros is harmless");
    fs::remove_dir_all(case.target()).unwrap();
    case.options.limits.expansion_free = 1 << 10;
    assert!(case.assert_refused(ErrorKind::LimitExceeded).contains("expansion"));
}

#[test]
fn names_equal_on_this_file_system_are_refused_or_kept_apart() {
    let case = archive(&["index.html", "Logo.png", "logo.png", "A/x", "a/y"]);
    match case.unpack() {
        Ok(unpacked) => assert_eq!(unpacked.files, 5),
        Err(error) => assert_eq!(error.kind(), ErrorKind::UnsafeArchive),
    }
}

#[test]
fn cancelling_leaves_nothing() {
    let case = archive(&["index.html"]);
    let token = crate::progress::CancelToken::new();
    token.cancel();
    let error = case.unpack_with(&Control::new().with_cancel_token(&token)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(fs::read_dir(case.folder.path()).unwrap().count(), 1);
}

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use std::fs;

use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;

const CALL: &str = "<script>CapacitorUpdater.notifyAppReady()</script>";

fn app(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("www")).unwrap();
    fs::write(folder.path().join("www/index.html"), CALL).unwrap();
    for (path, bytes) in files {
        fs::write(folder.path().join("www").join(path), bytes).unwrap();
    }
    folder
}

fn pack_app(folder: &TempDir) -> Result<Packed> {
    pack(
        &folder.path().join("www"),
        &folder.path().join("a.zip"),
        &PackOptions::default(),
        &Control::new(),
    )
}

/// Incompressible bytes, the same for every run.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(size).collect()
}

#[test]
fn the_reported_numbers_match_the_archive() {
    let folder = app(&[("a.js", b"var a = 1; var a = 1; var a = 1;")]);
    let packed = pack_app(&folder).unwrap();
    let bytes = fs::read(folder.path().join("a.zip")).unwrap();
    assert_eq!(packed.size, bytes.len() as u64);
    assert_eq!(packed.digest, Sha256Digest::of(&bytes));
    assert_eq!(packed.crc32, Crc32::of(&bytes));
    assert_eq!((packed.files, packed.folders), (2, 0));
    assert_eq!(packed.unpacked_size, 32 + CALL.len() as u64);
}

#[test]
fn files_that_shrink_are_deflated_and_others_stored() {
    let late_text = [noise(100_000), vec![b'a'; 100_000]].concat();
    let folder = app(&[
        ("small.png", &noise(1000)),
        ("large.jpg", &noise(300_000)),
        ("mixed.bin", &late_text),
        ("t.txt", &[b'a'; 500]),
    ]);
    pack_app(&folder).unwrap();
    let inspection = super::super::inspect(&folder.path().join("a.zip"), &crate::Limits::default()).unwrap();
    let methods: Vec<_> = inspection
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.method))
        .collect();
    assert_eq!(
        methods,
        [
            ("index.html", "deflate"),
            ("large.jpg", "stored"),
            ("mixed.bin", "deflate"),
            ("small.png", "stored"),
            ("t.txt", "deflate")
        ]
    );
}

#[test]
fn a_failed_check_creates_no_file_and_reports_all_findings() {
    let folder = app(&[(".env", b"KEY=1")]);
    fs::write(folder.path().join("www/index.html"), "").unwrap();
    let error = pack_app(&folder).unwrap_err();
    let Error::CheckFailed { findings, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(findings.iter().filter(|finding| finding.is_error()).count(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_archive_inside_its_own_folder_is_refused() {
    let folder = app(&[]);
    let www = folder.path().join("www");
    let error = pack(&www, &www.join("a.zip"), &PackOptions::default(), &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_file_that_disappears_during_packing_fails_it_and_leaves_nothing() {
    let folder = app(&[("a.js", b"1")]);
    let www = folder.path().join("www");
    let scan = walk::scan(&www, &[], &Control::new()).unwrap();
    fs::remove_file(www.join("a.js")).unwrap();
    let error = write_archive(&www, &folder.path().join("a.zip"), &scan, None, &Control::new())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    fs::write(www.join("a.js"), "longer than it was").unwrap();
    let error = write_archive(&www, &folder.path().join("a.zip"), &scan, None, &Control::new())
        .map(|_| ())
        .unwrap_err();
    assert!(error.to_string().contains("changed while"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn packing_leaves_no_thread_behind() {
    let folder = app(&[("a.js", b"1"), ("b.js", b"2")]);
    let options = PackOptions {
        threads: NonZeroUsize::new(4),
        ..PackOptions::default()
    };
    let threads = || fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    // Other tests start and end threads meanwhile; leaked threads would accumulate over the rounds.
    let before = threads();
    for _ in 0..50 {
        pack(
            &folder.path().join("www"),
            &folder.path().join("a.zip"),
            &options,
            &Control::new(),
        )
        .unwrap();
    }
    assert!(threads() < before + 50, "{before} threads before, {} after", threads());
}

#[test]
fn one_large_file_reports_intermediate_progress() {
    let text = b"let a = 1;\n".repeat(1 << 19);
    for (name, bytes) in [("large.js", &text), ("large.png", &noise(5 << 20))] {
        let folder = app(&[(name, bytes)]);
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let sink = std::sync::Arc::clone(&seen);
        let control = Control::new().with_observer(std::sync::Arc::new(move |progress: crate::progress::Progress| {
            sink.lock().unwrap().push(progress);
        }));
        let (www, to) = (folder.path().join("www"), folder.path().join("a.zip"));
        pack(&www, &to, &PackOptions::default(), &control).unwrap();
        let seen = seen.lock().unwrap();
        let done: Vec<u64> = seen
            .iter()
            .filter(|seen| seen.phase == Phase::Pack)
            .map(|seen| seen.done)
            .collect();
        assert!(done.len() > 4, "{name}: {done:?}");
        assert!(done.is_sorted(), "{name}: {done:?}");
        assert_eq!(*done.last().unwrap(), (CALL.len() + bytes.len()) as u64, "{name}");
    }
}

#[test]
fn an_incompressible_file_does_not_affect_the_next() {
    // zlib-rs panics when it is used again after its output buffer was too small.
    let sizes = [1, 100, 1000, 10_000, 60_000, 65_536, 100_000, 131_072, 131_073, 300_000];
    let files: Vec<(String, Vec<u8>)> = (0..3)
        .flat_map(|round| sizes.map(|size| (round, size)))
        .flat_map(|(round, size)| {
            let text: Vec<u8> = format!("{round}-{size} ")
                .into_bytes()
                .into_iter()
                .cycle()
                .take(size)
                .collect();
            [
                (format!("{round}-{size}.bin"), noise(size)),
                (format!("{round}-{size}.txt"), text),
            ]
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let folder = app(&files);
    let options = PackOptions {
        threads: NonZeroUsize::new(1),
        ..PackOptions::default()
    };
    let (www, to) = (folder.path().join("www"), folder.path().join("a.zip"));
    let packed = pack(&www, &to, &options, &Control::new()).unwrap();
    let archive = crate::VerifiedArchive::from_digest(&to, &packed.digest, &Control::new()).unwrap();
    let back = folder.path().join("back");
    crate::bundle::unpack(
        &archive,
        &back,
        &crate::bundle::UnpackOptions::default(),
        &Control::new(),
    )
    .unwrap();
    for (name, bytes) in files {
        assert!(fs::read(back.join(name)).unwrap() == bytes, "{name}");
    }
}

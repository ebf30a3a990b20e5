#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use proptest::prelude::*;
use serde_json::json;

use super::super::fixtures::reason;
use super::*;

fn written(files: &[(&str, &[u8])]) -> Vec<WrittenFile> {
    let file = |(path, content): &(&str, &[u8])| WrittenFile {
        path: SafePath::parse(path.as_bytes(), &Limits::default()).unwrap().unwrap(),
        size: content.len() as u64,
        digest: Sha256Digest::of(content),
    };
    files.iter().map(file).collect()
}

fn list(files: &[(&str, &[u8])]) -> FileList {
    FileList::sorted(written(files).into_iter())
}

fn app() -> FileList {
    list(&[("index.html", b"<html>"), ("assets/app.js", b"1")])
}

#[test]
fn a_list_is_serialized_as_specified() {
    let expected = format!(
        "{{\"format\":1,\"files\":[{{\"path\":\"assets/app.js\",\"size\":1,\"sha256\":\"{}\"}},\
         {{\"path\":\"index.html\",\"size\":6,\"sha256\":\"{}\"}}]}}",
        Sha256Digest::of(b"1"),
        Sha256Digest::of(b"<html>")
    );
    assert_eq!(String::from_utf8(app().to_bytes().unwrap()).unwrap(), expected);
    assert_eq!(FileList::parse(expected.as_bytes()).unwrap(), app());
}

#[test]
fn an_invalid_list_is_malformed() {
    let digest = Sha256Digest::of(b"").to_string();
    let file = |path: &str| json!({"path": path, "size": 0, "sha256": digest});
    let parse =
        |files: serde_json::Value| FileList::parse(&serde_json::to_vec(&json!({"format": 1, "files": files})).unwrap());
    assert!(
        parse(json!([file("a"), file("a/b"), file("b")])).is_ok(),
        "whether it is a tree, unpacking says"
    );
    assert!(parse(json!([file("\u{e4}\u{1f600}")])).is_ok());
    for wrong in [
        json!([file("b"), file("a")]),
        json!([file("a"), file("a")]),
        json!([file("/a")]),
        json!([file("a/")]),
        json!([file("./a")]),
        json!([file("a//b")]),
        json!([file("../a")]),
        json!([file("a\\b")]),
        json!([file("C:/a")]),
        json!([file("")]),
        json!([file("a\0")]),
        json!([{"path": "a", "size": 0}]),
        json!([{"path": "a", "size": -1, "sha256": digest}]),
        json!([{"path": "a", "size": 0, "sha256": digest.to_uppercase()}]),
        json!({}),
        json!(null),
    ] {
        assert_eq!(reason(parse(wrong.clone())), "malformed", "{wrong}");
    }
    assert_eq!(reason(FileList::parse(br#"{"format":2}"#)), "unknown_format");
    assert_eq!(reason(FileList::parse(br#"{"files":[]}"#)), "malformed");
}

#[test]
fn files_must_be_exactly_the_listed_ones() {
    let same = [("assets/app.js", &b"1"[..]), ("index.html", b"<html>")];
    assert!(app().require_same(&written(&same)).is_ok());
    let problem = |files: &[(&str, &[u8])]| app().require_same(&written(files)).unwrap_err().to_string();
    let missing = problem(&same[..1]);
    assert!(
        missing.contains("index.html") && missing.contains("not in the archive"),
        "{missing}"
    );
    for added in ["a", "assets/b.js", "z"] {
        let found = problem(&[&same[..], &[(added, b"")]].concat());
        assert!(
            found.contains(added) && found.contains("not in the file list"),
            "{found}"
        );
    }
    let changed = problem(&[("assets/app.js", b"2"), same[1]]);
    assert!(
        changed.contains("assets/app.js") && changed.contains("SHA-256"),
        "{changed}"
    );
    let longer = problem(&[("assets/app.js", b"12"), same[1]]);
    assert!(longer.contains("bytes, found 2"), "{longer}");
    assert!(problem(&[("assets/App.js", b"1"), same[1]]).contains("assets/App.js"));
    assert_eq!(reason(app().require_same(&[])), "files_differ");
}

#[cfg(feature = "pack")]
#[test]
fn the_list_of_an_archive_matches_the_unpacked_files() {
    use crate::bundle::{PackOptions, pack};

    let folder = tempfile::tempdir().unwrap();
    let (web, zip) = (folder.path().join("www"), folder.path().join("app.zip"));
    std::fs::create_dir_all(web.join("assets")).unwrap();
    std::fs::create_dir_all(web.join("empty")).unwrap();
    std::fs::write(
        web.join("index.html"),
        "<script>CapacitorUpdater.notifyAppReady()</script>",
    )
    .unwrap();
    std::fs::write(web.join("assets/app.js"), "1").unwrap();
    pack(&web, &zip, &PackOptions::default(), &Control::new()).unwrap();
    let archive = VerifiedArchive::assume_trusted(&zip, &Control::new()).unwrap();
    let found = FileList::of_archive(&archive, &Limits::default(), &Control::new()).unwrap();
    let expected = list(&[
        ("assets/app.js", b"1"),
        ("index.html", b"<script>CapacitorUpdater.notifyAppReady()</script>"),
    ]);
    assert_eq!(found, expected);
    let names = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 2, "nothing is written");
    let small = Limits {
        file_size: 10,
        ..Limits::default()
    };
    let error = FileList::of_archive(&archive, &small, &Control::new()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::LimitExceeded);
}

proptest! {
    #[test]
    fn a_serialized_list_is_parsed_back(
        files in prop::collection::btree_map("[a-z\u{e4}/\"]{1,8}", any::<Vec<u8>>(), 0..20),
    ) {
        let files: Vec<(&str, &[u8])> = files
            .iter()
            .filter(|(path, _)| path_is_plain(path))
            .map(|(path, content)| (path.as_str(), content.as_slice()))
            .collect();
        let list = list(&files);
        let again = FileList::parse(&list.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&again, &list);
        prop_assert!(again.require_same(&written(&files)).is_ok());
    }
}

fn path_is_plain(path: &str) -> bool {
    let parsed = SafePath::parse(path.as_bytes(), &Limits::default());
    matches!(parsed, Ok(Some(safe)) if safe.as_str() == path)
}

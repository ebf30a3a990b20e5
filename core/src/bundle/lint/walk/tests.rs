#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;

fn tree(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in files {
        let target = folder.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(target).unwrap();
        } else {
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, path).unwrap();
        }
    }
    folder
}

fn scan_with(folder: &TempDir, ignore: &[&str]) -> Result<Scan> {
    let ignore: Vec<String> = ignore.iter().map(ToString::to_string).collect();
    scan(folder.path(), &ignore, &Control::new())
}

fn paths(scan: &Scan) -> Vec<String> {
    scan.entries
        .iter()
        .map(|entry| format!("{}{}", entry.path, if entry.is_folder { "/" } else { "" }))
        .collect()
}

#[test]
fn entries_are_sorted_by_their_bytes_and_empty_folders_are_kept() {
    let folder = tree(&["b.txt", "a/z", "a-b", "B", "é", "empty/deep/", "a.b"]);
    let scan = scan_with(&folder, &[]).unwrap();
    assert_eq!(paths(&scan), ["B", "a-b", "a.b", "a/z", "b.txt", "empty/deep/", "é"]);
    assert_eq!(scan.folders, 3);
}

#[test]
fn system_files_and_ignored_files_are_excluded_and_reported() {
    let folder = tree(&[
        ".DS_Store",
        "a/.git/config",
        "__MACOSX/x",
        "a/app.js.map",
        "a/keep.js.map",
        "tmp/x",
        "tmp/y",
        "k",
    ]);
    fs::write(
        folder.path().join(".capbundleignore"),
        "*.map\n!keep.js.map\n# a comment\n",
    )
    .unwrap();
    let scan = scan_with(&folder, &["/tmp"]).unwrap();
    assert_eq!(paths(&scan), ["a/keep.js.map", "k"]);
    let excluded: Vec<_> = scan
        .excluded
        .iter()
        .map(|it| (it.path.as_str(), it.rule.as_str()))
        .collect();
    assert_eq!(
        excluded,
        [
            (".DS_Store", ".DS_Store (always)"),
            (".capbundleignore", ".capbundleignore (always)"),
            ("__MACOSX/", "__MACOSX (always)"),
            ("a/.git/", ".git (always)"),
            ("a/app.js.map", "*.map"),
            ("tmp/", "/tmp"),
        ]
    );
}

/// macOS writes them beside files on foreign file systems. A device would load them as pages.
#[test]
fn apple_double_files_are_excluded_and_reported() {
    let folder = tree(&[
        "._index.html",
        "index.html",
        "assets/._app.js",
        "assets/app.js",
        "_.txt",
        ".well-known/x",
    ]);
    let scan = scan_with(&folder, &[]).unwrap();
    assert_eq!(paths(&scan), [".well-known/x", "_.txt", "assets/app.js", "index.html"]);
    let excluded: Vec<_> = scan
        .excluded
        .iter()
        .map(|one| (one.path.as_str(), one.rule.as_str()))
        .collect();
    assert_eq!(
        excluded,
        [("._index.html", "._* (always)"), ("assets/._app.js", "._* (always)")]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf_8_is_excluded_by_a_rule_and_refused_without_one() {
    use std::os::unix::ffi::OsStrExt as _;

    let folder = tree(&["a", "fonts/b"]);
    let name = |bytes: &'static [u8]| folder.path().join(OsStr::from_bytes(bytes));
    fs::write(name(b"caf\xe9.txt"), "x").unwrap();
    let error = scan_with(&folder, &[]).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("not UTF-8") && error.to_string().contains("ignore rule"),
        "{error}"
    );
    fs::create_dir(name(b"fonts/\xff")).unwrap();
    fs::write(name(b"fonts/\xff/c"), "x").unwrap();

    let scan = scan_with(&folder, &["*.txt", "/fonts/?"]).unwrap();

    // `?` matches any one byte or character, so the rule matches both.
    assert_eq!(paths(&scan), ["a", "fonts/"]);
    let excluded: Vec<_> = scan.excluded.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(excluded, ["caf\u{fffd}.txt", "fonts/b", "fonts/\u{fffd}/"]);
}

#[test]
fn an_invalid_ignore_rule_is_named_in_the_error() {
    let error = scan_with(&tree(&["a"]), &["{a,"]).map(|_| ()).unwrap_err();
    assert!(
        error.kind() == ErrorKind::InvalidInput && error.to_string().contains("{a,"),
        "{error}"
    );
}

#[test]
fn a_byte_order_mark_does_not_disable_the_first_rule() {
    let folder = tree(&["a", "b.map"]);
    fs::write(folder.path().join(".capbundleignore"), "\u{feff}*.map\r\n").unwrap();
    assert_eq!(paths(&scan_with(&folder, &[]).unwrap()), ["a"]);
}

#[cfg(unix)]
mod links {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refusal(folder: &TempDir) -> String {
        let error = scan_with(folder, &[]).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        error.to_string()
    }

    #[test]
    fn links_inside_the_folder_are_followed_with_a_warning() {
        let folder = tree(&["real/x", "y"]);
        symlink("real", folder.path().join("linked")).unwrap();
        symlink("../y", folder.path().join("real/z")).unwrap();
        let scan = scan_with(&folder, &[]).unwrap();
        assert_eq!(paths(&scan), ["linked/x", "linked/z", "real/x", "real/z", "y"]);
        assert_eq!(scan.findings.len(), 3);
    }

    #[test]
    fn links_out_of_the_folder_are_refused_and_named() {
        let folder = tree(&["a"]);
        symlink("/etc/hostname", folder.path().join("out")).unwrap();
        assert!(refusal(&folder).contains("out"));
    }

    #[test]
    fn an_excluded_link_may_point_anywhere() {
        let folder = tree(&["a"]);
        symlink("/etc", folder.path().join("out")).unwrap();
        let scan = scan_with(&folder, &["out"]).unwrap();
        assert_eq!(paths(&scan), ["a"]);
        assert_eq!(scan.excluded[0].path, "out/");
    }

    #[test]
    fn links_to_excluded_targets_are_refused_naming_both() {
        let folder = tree(&[".git/config", "private/x", "a"]);
        symlink(".git/config", folder.path().join("settings.txt")).unwrap();
        let message = refusal(&folder);
        assert!(
            message.contains("settings.txt") && message.contains("points to .git/config, which is excluded"),
            "{message}"
        );
        fs::remove_file(folder.path().join("settings.txt")).unwrap();
        symlink("private/x", folder.path().join("open")).unwrap();
        let error = scan_with(&folder, &["/private/"]).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("points to private/x"), "{error}");
    }

    #[test]
    fn exclusions_by_real_path_apply_in_linked_folders() {
        let folder = tree(&["real/x", "real/private"]);
        symlink("real", folder.path().join("linked")).unwrap();
        let scan = scan_with(&folder, &["/real/private"]).unwrap();
        assert_eq!(paths(&scan), ["linked/x", "real/x"]);
    }

    #[test]
    fn a_link_to_a_secret_is_an_error_under_the_name_of_the_link() {
        let folder = tree(&["keys/.env"]);
        symlink("keys/.env", folder.path().join("env.txt")).unwrap();
        let scan = scan_with(&folder, &[]).unwrap();
        let secret = scan.findings.iter().find(|it| it.code == FindingCode::Secret).unwrap();
        assert!(secret.is_error());
        assert_eq!(secret.path.as_deref(), Some("env.txt"));
        assert!(secret.message.contains("keys/.env"), "{secret}");
    }

    #[test]
    fn links_that_multiply_the_folder_are_refused_early() {
        let folder = tree(&["z18/file"]);
        for level in 0..18 {
            let here = folder.path().join(format!("z{level:02}"));
            fs::create_dir(&here).unwrap();
            symlink(format!("../z{:02}", level + 1), here.join("a")).unwrap();
            symlink(format!("../z{:02}", level + 1), here.join("b")).unwrap();
        }
        let message = refusal(&folder);
        assert!(message.contains("through symbolic links"), "{message}");
    }

    #[test]
    fn link_loops_and_broken_links_are_refused() {
        let folder = tree(&["a/b/c"]);
        symlink("../..", folder.path().join("a/b/up")).unwrap();
        assert!(refusal(&folder).contains("symbolic link loop"));
        let folder = tree(&["a"]);
        symlink("gone", folder.path().join("dangling")).unwrap();
        assert!(refusal(&folder).contains("is broken"));
    }

    #[test]
    fn pipes_and_names_that_devices_refuse_are_named_in_the_error() {
        let folder = tree(&["a\\b"]);
        assert!(refusal(&folder).contains("backslash"));
        let folder = tree(&[]);
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
        fs::write(folder.path().join(name), "").unwrap();
        assert!(refusal(&folder).contains("UTF-8"));
        let folder = tree(&[]);
        std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        assert!(refusal(&folder).contains("expected a file or folder"));
    }

    use std::os::unix::ffi::OsStrExt as _;
}

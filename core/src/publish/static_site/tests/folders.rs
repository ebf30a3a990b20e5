//! The same on a real folder.

use std::fs;
use std::time::Duration;

use super::super::storage::OnlyIf;
use super::super::{FolderSite, Placement, SiteStorage, Written, publish_ring};
use super::fixtures::*;
use crate::error::ErrorKind;
use crate::progress::Control;

#[test]
fn a_folder_holds_exactly_the_site_and_files_that_all_may_read() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path().join("www/updates"));
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", Placement::Stable).unwrap();
    publish(&site, "1.1.0", candidate(500)).unwrap();
    let control = Control::new();
    let count = |folder: &str| site.list(folder, &control).unwrap().len();
    let counts = ["archives", "channels", "files", "keys", "releases", "nothing"].map(count);
    assert_eq!(counts, [2, 1, 2, 1, 2, 0]);
    let mut top: Vec<_> = fs::read_dir(root.path().join("www/updates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    top.sort();
    assert_eq!(
        top,
        [".capbundle.lock", "archives", "channels", "files", "keys", "releases"]
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(root.path().join("www/updates/channels/production.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o444, 0o444);
    }
}

#[test]
fn a_folder_that_somebody_publishes_to_is_busy() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path()).with_patience(Duration::from_millis(10));
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    let held = site.lock(&Control::new()).unwrap();
    let refused = publish(&site, "1.0.0", Placement::Stable).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    drop(held);
    publish(&site, "1.0.0", Placement::Stable).unwrap();
}

#[test]
fn a_path_never_leaves_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path().join("site"));
    let control = Control::new();
    for path in ["../out.json", "a//b", "", "a/./b", "/etc/passwd", "a\\b"] {
        let refused = site.write(path, b"x", OnlyIf::Absent, &control).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{path}");
    }
    assert!(!root.path().join("out.json").exists());
}

#[test]
fn a_file_that_was_changed_by_hand_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path());
    let control = Control::new();
    assert_eq!(
        site.write("a/b.json", b"one", OnlyIf::Absent, &control).unwrap(),
        Written::Done
    );
    let read = site.read("a/b.json", 10, &control).unwrap().unwrap();
    fs::write(root.path().join("a/b.json"), b"one, and more").unwrap();
    assert_eq!(
        site.write("a/b.json", b"two", OnlyIf::Unchanged(&read), &control)
            .unwrap(),
        Written::Changed
    );
    assert_eq!(
        site.write("a/b.json", b"two", OnlyIf::Absent, &control).unwrap(),
        Written::Changed
    );
    assert_eq!(
        site.read("a/b.json", 3, &control).unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
    let file = root.path().join("file");
    fs::write(&file, b"other").unwrap();
    assert_eq!(
        site.put_file("a/b.json", &file, &control).unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

//! Publishing to a folder on disk.

use std::fs;
use std::time::Duration;

use super::super::plan::ExecutionOptions;
use super::super::storage::WriteCondition;
use super::super::{Audience, FolderSite, Publisher, SiteStorage, WriteOutcome, gc, list, publish_ring};
use super::fixtures::*;
use capbundle::ChannelName;
use capbundle::ErrorKind;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

#[test]
fn a_folder_holds_only_the_site_and_its_files_are_world_readable() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path().join("www/updates"));
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
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
fn a_folder_with_an_active_publisher_is_busy() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path()).with_lock_timeout(Duration::from_millis(10));
    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    let held = site.lock(&Control::new()).unwrap();
    let refused = publish(&site, "1.0.0", Audience::Stable).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
    drop(held);
    publish(&site, "1.0.0", Audience::Stable).unwrap();
}

#[test]
fn a_path_never_leaves_the_folder() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path().join("site"));
    let control = Control::new();
    for path in ["../out.json", "a//b", "", "a/./b", "/etc/passwd", "a\\b"] {
        let refused = site.write(path, b"x", WriteCondition::Absent, &control).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{path}");
    }
    assert!(!root.path().join("out.json").exists());
}

#[test]
fn a_file_changed_by_hand_is_detected() {
    let root = tempfile::tempdir().unwrap();
    let site = FolderSite::new(root.path());
    let control = Control::new();
    assert_eq!(
        site.write("a/b.json", b"one", WriteCondition::Absent, &control)
            .unwrap(),
        WriteOutcome::Done
    );
    let read = site.read("a/b.json", 10, &control).unwrap().unwrap();
    fs::write(root.path().join("a/b.json"), b"one, and more").unwrap();
    assert_eq!(
        site.write("a/b.json", b"two", WriteCondition::Unchanged(&read), &control)
            .unwrap(),
        WriteOutcome::Changed
    );
    assert_eq!(
        site.write("a/b.json", b"two", WriteCondition::Absent, &control)
            .unwrap(),
        WriteOutcome::Changed
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

/// A misspelled name must not look like a successful operation.
#[test]
fn operations_on_a_missing_site_or_channel_fail_and_create_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("nope");
    let site = FolderSite::new(&root);
    let keys = [&*KEY];
    let refused = |site: &FolderSite, channel: &ChannelName| {
        let publisher = Publisher::new(site, &APP, channel).at(Timestamp(NOW));
        let sign = signing(&keys);
        for dry_run in [true, false] {
            let control = Control::new();
            let act = |operation: &dyn Fn(&mut ExecutionOptions<'_>) -> ErrorKind| {
                operation(&mut ExecutionOptions {
                    dry_run,
                    control: &control,
                    before: &mut |_| {},
                })
            };
            let kinds = [
                act(&|run| publisher.promote(None, run).unwrap_err().kind()),
                act(&|run| publisher.rollout(500, true, run).unwrap_err().kind()),
                act(&|run| publisher.pause(run).unwrap_err().kind()),
                act(&|run| publisher.rollback(Some(1), &sign, run).unwrap_err().kind()),
                act(&|run| publisher.renew(None, &sign, run).unwrap_err().kind()),
                list(site, &APP, Some(channel), &control).unwrap_err().kind(),
            ];
            assert_eq!(kinds, [ErrorKind::NotFound; 6]);
        }
    };
    refused(&site, &CHANNEL);
    let control = Control::new();
    assert!(
        list(&site, &APP, None, &control)
            .unwrap_err()
            .to_string()
            .contains("no site found")
    );
    run(|run| {
        let error = gc::collect(&site, &APP, &gc::GcOptions::default(), run).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
    assert!(!root.exists());

    run(|run| publish_ring(&site, &APP, &RING, run)).unwrap();
    publish(&site, "1.0.0", Audience::Stable).unwrap();
    let mistyped: ChannelName = "prodution".parse().unwrap();
    refused(&site, &mistyped);
    let error = list(&site, &APP, Some(&mistyped), &control).unwrap_err().to_string();
    assert!(error.contains("has no such channel; it has production"), "{error}");
    assert!(!root.join("channels/prodution.json").exists());
}

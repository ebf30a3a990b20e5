//! Registered bundles: listing, verification, backup and cleanup.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::thread;
use std::time::Duration;

use crate::project::{Project, text_of};
use crate::publishing::Updates;

fn plain_and_encrypted() -> (Updates, Project) {
    let (updates, project) = (Updates::start(), Project::new().with_keys());
    updates
        .run(&project, "bundle upload --bundle 1.0.0 --no-key")
        .succeeds();
    updates.run(&project, "bundle upload --bundle 1.1.0").succeeds();
    updates
        .run(&project, "channel set production --bundle 1.1.0")
        .succeeds();
    (updates, project)
}

#[test]
fn a_list_fits_into_80_columns() {
    let (updates, project) = plain_and_encrypted();
    let run = updates.run(&project, "bundle list");
    let lines: Vec<&str> = run.stdout.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(
        head,
        [
            "VERSION", "ID", "SIZE", "AGE", "WHO", "CHANNEL", "STORAGE", "ENC", "CHECKSUM"
        ]
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(
        lines[1].starts_with("1.1.0") && lines[1].contains("production"),
        "{}",
        run.stdout
    );
    assert!(
        lines[1].contains("<1 min") && lines[1].contains("yes"),
        "{}",
        run.stdout
    );
    let document = updates.run(&project, "bundle list --json").document();
    assert_eq!(document["bundles"][0]["channels"], serde_json::json!(["production"]));
    assert_eq!(document["bundles"][1]["channels"], serde_json::json!([]));
    assert!(document["storageUsed"].is_u64(), "{document}");
}

#[test]
fn a_list_verifies_the_registered_archives() {
    let (updates, project) = plain_and_encrypted();
    let document = updates.run(&project, "bundle list --verify --json").document();
    assert_eq!(document["bundles"][0]["proof"], "capgo_signed");
    assert_eq!(document["bundles"][1]["proof"], "digest");
    // Without the public key, an encrypted bundle cannot be verified. That does not mean it is broken.
    let elsewhere = Project::empty();
    let run = updates.run(&elsewhere, "bundle list com.example.app --verify --json");
    let message = run.fails("missing_public_key", 4);
    assert!(message.contains("1.1.0"), "{message}");
}

#[test]
fn a_list_finds_an_archive_that_was_replaced_or_removed() {
    let (updates, project) = plain_and_encrypted();
    let archives = updates.archive_paths();
    assert_eq!(archives.len(), 2);
    for archive in &archives {
        let size = fs::metadata(archive).unwrap().len();
        fs::write(archive, vec![7; usize::try_from(size).unwrap()]).unwrap();
    }
    let run = updates.run(&project, "bundle list --verify --json");
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout.contains("\"1.0.0\"") && run.stdout.contains("\"1.1.0\""),
        "{}",
        run.stdout
    );
    for archive in &archives {
        fs::remove_file(archive).unwrap();
    }
    let run = updates.run(&project, "bundle list --verify --json");
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    updates.run(&project, "bundle download 1.0.0 --json").fails("server", 1);
    assert!(!project.has("com.example.app_1.0.0.zip"));
}

#[test]
fn a_bundle_is_downloaded_verified_and_can_be_uploaded_again() {
    let (updates, project) = plain_and_encrypted();
    let plain = updates.run(&project, "bundle download 1.0.0 --json").document();
    assert_eq!(
        (&plain["filename"], &plain["proof"], &plain["encrypted"]),
        (&"com.example.app_1.0.0.zip".into(), &"digest".into(), &false.into())
    );
    let sealed = updates
        .run(&project, "bundle download 1.1.0 --output backup.zip --json")
        .document();
    assert_eq!(
        (&sealed["proof"], &sealed["encrypted"]),
        (&"capgo_signed".into(), &true.into())
    );
    let (session, checksum) = (text_of(&sealed, "ivSessionKey"), text_of(&sealed, "checksum"));
    let again = format!(
        "bundle upload --bundle 1.1.1 --zip backup.zip --iv-session-key {session} --encrypted-checksum {checksum}"
    );
    updates.run(&project, &again).succeeds();

    let opened = updates
        .run(&project, "bundle download 1.1.0 --decrypt --output plain.zip --json")
        .document();
    assert_eq!(opened["encrypted"], false);
    assert_eq!(project.read("plain.zip"), project.read("com.example.app_1.0.0.zip"));
    updates
        .run(&project, "bundle download 1.0.0 --json")
        .fails("file_exists", 1);
    updates.run(&project, "bundle download 1.0.0 --force").succeeds();
    updates
        .run(&project, "bundle download 9.9.9 --json")
        .fails("bundle_not_found", 1);
    let leftovers: Vec<String> = project
        .names()
        .into_iter()
        .filter(|name| name.contains(".tmp"))
        .collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

#[test]
fn an_unverifiable_download_is_not_kept() {
    let (updates, _) = plain_and_encrypted();
    let elsewhere = Project::empty();
    updates
        .run(&elsewhere, "bundle download 1.1.0 com.example.app --json")
        .fails("missing_public_key", 1);
    assert!(elsewhere.names().is_empty(), "{:?}", elsewhere.names());
}

#[test]
fn cleanup_by_age_keeps_younger_bundles_and_those_in_channels() {
    let (updates, project) = plain_and_encrypted();
    let none = updates
        .run(&project, "bundle cleanup --older-than 90d --json")
        .document();
    assert_eq!(none["deleted"], serde_json::json!([]));
    thread::sleep(Duration::from_millis(2_100));
    let old = updates
        .run(&project, "bundle cleanup --older-than 1s --json")
        .document();
    assert_eq!(old["deleted"], serde_json::json!(["1.0.0"]));
    assert_eq!(updates.versions(&project), ["1.1.0"]);
    updates
        .run(&project, "bundle cleanup --json")
        .fails("missing_argument", 2);
}

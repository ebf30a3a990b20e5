//! Bundles and channels on the example server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use crate::project::Project;
use crate::publishing::Updates;

/// Registers versions 1.0.0 to 1.0.4 with 1.0.1 in production.
fn five_versions() -> (Updates, Project) {
    let (updates, project) = (Updates::start(), Project::new());
    for patch in 0..5 {
        project.write("www/version.txt", patch.to_string());
        updates
            .run(&project, &format!("bundle upload --bundle 1.0.{patch}"))
            .succeeds();
    }
    updates
        .run(&project, "channel set production --bundle 1.0.1")
        .succeeds();
    (updates, project)
}

#[test]
fn a_table_shows_the_newest_bundle_first() {
    let (updates, project) = five_versions();
    let run = updates.run(&project, "bundle list");
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(lines[0].starts_with("VERSION"), "{}", run.stdout);
    assert!(lines[1].starts_with("1.0.4 "), "{}", run.stdout);
    assert_eq!(lines.len(), 6);
}

#[test]
fn cleanup_never_deletes_a_bundle_in_a_channel() {
    let (updates, project) = five_versions();
    let would = updates
        .run(&project, "bundle cleanup --keep 2 --dry-run --json")
        .document();
    assert_eq!(would["deleted"], serde_json::json!(["1.0.2", "1.0.0"]));
    assert_eq!(updates.versions(&project).len(), 5);
    let done = updates.run(&project, "bundle cleanup --keep 2 --json").document();
    assert_eq!(done["deleted"], would["deleted"]);
    assert_eq!(updates.versions(&project), ["1.0.4", "1.0.3", "1.0.1"]);
    updates.run(&project, "bundle cleanup --keep 0").succeeds();
    assert_eq!(updates.versions(&project), ["1.0.1"]);
}

#[test]
fn a_bundle_is_deleted_unless_a_channel_uses_it() {
    let (updates, project) = five_versions();
    let run = updates.run(&project, "bundle delete 1.0.0");
    // This server removes the archive with its last bundle. Other servers keep it.
    assert!(run.stderr.contains("its archive is kept unless"), "{}", run.stderr);
    run.succeeds();
    updates
        .run(&project, "bundle delete 1.0.1 --json")
        .fails("cannot_delete_linked_version", 1);
    updates
        .run(&project, "bundle delete 9.9.9 --json")
        .fails("bundle_not_found", 1);
    updates
        .run(&project, "bundle delete --json")
        .fails("missing_argument", 2);
    assert_eq!(updates.versions(&project), ["1.0.4", "1.0.3", "1.0.2", "1.0.1"]);
}

#[test]
fn all_bundles_are_deleted_only_with_confirmation() {
    let (updates, project) = five_versions();
    let message = updates
        .run(&project, "bundle delete --json")
        .fails("missing_argument", 2);
    assert!(message.contains("--yes-delete-all"), "{message}");
    let run = updates.run(&project, "bundle delete --yes-delete-all com.example.app");
    assert!(run.stderr.contains("their archives are kept unless"), "{}", run.stderr);
    run.succeeds();
    assert_eq!(updates.versions(&project), ["1.0.1"]);
}

#[test]
fn a_bundle_gets_a_link_and_a_comment() {
    let (updates, project) = five_versions();
    let set = "bundle metadata 1.0.2 --link https://example.com/notes --comment fixed";
    updates.run(&project, set).succeeds();
    let list = updates.run(&project, "bundle list --json").document();
    let bundle = &list["bundles"][2];
    assert_eq!(
        (&bundle["version"], &bundle["comment"]),
        (&"1.0.2".into(), &"fixed".into())
    );
    updates
        .run(&project, "bundle metadata 1.0.2 --json")
        .fails("missing_argument", 2);
}

#[test]
fn a_channel_is_changed_and_changed_back() {
    let (updates, project) = five_versions();
    let forth = updates
        .run(&project, "channel set production --bundle 1.0.4 --json")
        .document();
    assert_eq!(forth["before"], "1.0.1");
    updates
        .run(&project, "channel set production --bundle 1.0.1")
        .succeeds();
    updates
        .run(&project, "channel set nowhere --bundle 1.0.1 --json")
        .fails("channel_not_found", 1);
    updates
        .run(&project, "channel set production --bundle 7.7.7 --json")
        .fails("bundle_not_found", 1);
    let list = updates.run(&project, "channel list --json").document();
    assert_eq!(list["channels"][0]["version"], "1.0.1");
}

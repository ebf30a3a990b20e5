//! `capbundle release create|sign|inspect|check` and `capbundle keyring …` on local files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;

use serde_json::json;

use crate::project::Project;

const CREATE: &str = "release create --bundle 1.2.3 --channel production --sequence 42";
const CHECK: &str = "release check release.json --ring 1.json --channel production";

/// A project with an archive, `a.key`, `b.key` and `c.key` with their `.pub`, and a ring of `a.key` in `1.json`.
fn project() -> (Project, String) {
    let project = Project::new();
    for name in ["a", "b", "c"] {
        fs::create_dir(project.path(name)).unwrap();
        project.run_in(name, &["key", "create", "--json"]).document();
        for (from, to) in [(".capgo_key_v2", "key"), (".capgo_key_v2.pub", "pub")] {
            fs::rename(project.path(name).join(from), project.path(&format!("{name}.{to}"))).unwrap();
        }
    }
    project.run("keyring create --key a.key").succeeds();
    let (zip, _) = project.zipped();
    (project, zip)
}

/// The id of a key.
fn id_of(project: &Project, ring: &str, place: usize) -> String {
    let ring = project.run(&format!("keyring inspect {ring} --json")).document();
    ring["keys"][place].as_str().unwrap().to_owned()
}

#[test]
fn a_release_is_created_inspected_and_checked() {
    let (project, zip) = project();
    let made = project
        .run(&format!(
            "{CREATE} --archive {zip} --key a.key --native-min 2.0 --comment Faster --json"
        ))
        .document();
    assert_eq!(
        (&made["appId"], &made["sequence"], &made["files"]),
        (&json!("com.example.app"), &json!(42), &json!(2))
    );
    assert_eq!(made["signedBy"], json!([id_of(&project, "1.json", 0)]));
    let seen = project.run("release inspect release.json --json").document();
    assert_eq!(
        (&seen["version"], &seen["nativeMin"], &seen["comment"]),
        (&json!("1.2.3"), &json!("2.0"), &json!("Faster"))
    );
    assert_eq!(seen["checksum"], made["checksum"]);
    let ninety_days = seen["expiresAt"].as_u64().unwrap() - seen["createdAt"].as_u64().unwrap();
    assert_eq!(ninety_days, 90 * 24 * 60 * 60);
    let checked = project
        .run(&format!("{CHECK} --archive {zip} --files files.json --json"))
        .document();
    assert_eq!((&checked["ring"], &checked["signedBy"]), (&json!(1), &made["signedBy"]));
    assert_eq!(
        (&checked["archiveChecked"], &checked["filesChecked"]),
        (&json!(true), &json!(true))
    );
}

#[test]
fn the_result_is_printed_as_text() {
    let (project, zip) = project();
    let output = project.run(&format!("{CREATE} --archive {zip}")).succeeds().stderr;
    assert!(
        output.contains("release 42 of com.example.app for production") && output.contains("not signed yet"),
        "{output}"
    );
    let shown = project.run("release inspect release.json");
    assert!(
        shown.stdout.contains("not signed yet") && shown.stdout.contains("Release 42"),
        "{}",
        shown.stdout
    );
    let shown = project.run("keyring inspect 1.json");
    assert!(shown.stdout.contains("1 of 1 keys must sign"), "{}", shown.stdout);
}

#[test]
fn an_unsigned_release_can_be_signed_elsewhere() {
    let (project, zip) = project();
    project
        .run("keyring create --key a.key --key b.key --public-key c.pub --threshold 2 --to 1.json")
        .succeeds();
    let made = project.run(&format!("{CREATE} --archive {zip} --json")).document();
    assert_eq!(made["signedBy"], json!([]));
    project.run(&format!("{CHECK} --json")).fails("signatures", 1);
    let before = project.run("release inspect release.json --json").document();
    project.run("release sign release.json --key c.key").succeeds();
    project.run(&format!("{CHECK} --json")).fails("signatures", 1);
    let signed = project
        .run("release add-signature release.json --key a.key --json")
        .document();
    assert_eq!(signed["signedBy"].as_array().unwrap().len(), 2);
    project.run(CHECK).succeeds();
    let after = project.run("release inspect release.json --json").document();
    assert_eq!(
        after["payloadChecksum"], before["payloadChecksum"],
        "what is signed did not change"
    );
}

#[test]
fn check_reports_the_failed_check_of_a_device() {
    let (project, zip) = project();
    project
        .run(&format!("{CREATE} --archive {zip} --key a.key --native-max 3.1"))
        .succeeds();
    let refused = |more: &str, code: &str| project.run(&format!("{CHECK} {more} --json")).fails(code, 1);
    refused("--native-version 3.2", "native_out_of_range");
    refused("--built-in-sequence 42", "built_in_is_newer");
    refused("--now 4070908800", "expired");
    project
        .run("release check release.json --ring 1.json --channel beta --json")
        .fails("wrong_channel", 1);
    project
        .run(&format!("{CREATE} --archive {zip} --key a.key --to same.json"))
        .succeeds();
    let replayed = refused("--accepted same.json", "replayed");
    assert!(replayed.contains("release.json"), "{replayed}");
    project
        .run("release check release.json --ring 1.json --channel production --app-id com.example.other --json")
        .fails("wrong_app", 1);
    project.run(&format!("{CREATE} --archive {zip} --key b.key")).succeeds();
    refused("", "signatures");
    project.write("release.json", "<html>");
    refused("", "malformed");
}

#[test]
fn check_verifies_the_downloaded_files() {
    let (project, zip) = project();
    project.run(&format!("{CREATE} --archive {zip} --key a.key")).succeeds();
    let other = project.text("files.json").replace("index.html", "index.htm");
    project.write("other.json", other);
    project
        .run(&format!("{CHECK} --files other.json --json"))
        .fails("files_differ", 1);
    let mut changed = project.read(&zip);
    changed[40] ^= 1;
    project.write("other.zip", changed);
    project
        .run(&format!("{CHECK} --archive other.zip --json"))
        .fails("digest_mismatch", 1);
    project
        .run(&format!("{CHECK} --archive none.zip --json"))
        .fails("zip_not_found", 1);
}

#[test]
fn a_release_of_a_sealed_archive_is_checked_with_the_content_key() {
    let (project, zip) = project();
    project.run("key create --content").succeeds();
    project
        .run(&format!(
            "bundle seal {zip} --to-key .capbundle_content_key.pub --output app.sealed"
        ))
        .succeeds();
    project
        .run(&format!(
            "{CREATE} --archive {zip} --sealed app.sealed --recipient .capbundle_content_key.pub --key a.key"
        ))
        .succeeds();
    let check = format!("{CHECK} --archive app.sealed --files files.json --content-key .capbundle_content_key");
    project.run(&check).succeeds();
    project
        .run(&format!(
            "{CHECK} --archive {zip} --content-key .capbundle_content_key --json"
        ))
        .fails("decryption_failed", 1);
    // A key in both roles.
    project
        .run(&format!(
            "{CREATE} --archive {zip} --sealed app.sealed --key a.key --recipient a.pub --json"
        ))
        .fails("key_invalid", 1);
    project
        .run(&format!("{CHECK} --content-key a.key --json"))
        .fails("key_in_both_roles", 1);
}

#[test]
fn releases_that_no_device_accepts_are_not_created() {
    let (project, zip) = project();
    let refused = |line: &str, code: &str, exit: i32| project.run(&format!("{line} --json")).fails(code, exit);
    refused(
        &format!("release create --bundle 1.2.3 --channel a/b --sequence 1 --archive {zip}"),
        "invalid_channel",
        2,
    );
    refused(
        &format!("release create --bundle 1.2.3 --channel production --sequence 0 --archive {zip}"),
        "invalid_input",
        1,
    );
    refused(
        &format!("{CREATE} --archive {zip} --native-min latest"),
        "invalid_input",
        1,
    );
    refused(
        &format!("{CREATE} --archive {zip} --critical geo_fence"),
        "invalid_input",
        1,
    );
    refused(&format!("{CREATE} --archive none.zip"), "zip_not_found", 1);
    refused(
        &format!("{CREATE} --archive {zip} --key a.pub"),
        "invalid_private_key",
        1,
    );
    refused(
        "keyring create --key a.key --threshold 2 --to 2.json",
        "invalid_input",
        1,
    );
    refused(
        "keyring rotate 1.json --retire b.pub --key a.key --to 2.json",
        "invalid_input",
        1,
    );
    refused(
        "keyring rotate 1.json --add a.pub --key a.key --to 2.json",
        "invalid_input",
        1,
    );
    assert!(!project.has("release.json") && !project.has("files.json") && !project.has("2.json"));
}

#[test]
fn rings_are_rotated_and_followed() {
    let (project, _) = project();
    let made = project
        .run("keyring rotate 1.json --add b.pub --key a.key --to 2.json --json")
        .document();
    assert_eq!(
        (&made["number"], made["keys"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    project.run("keyring check 1.json 2.json").succeeds();
    // Retiring by id is equivalent.
    let old = id_of(&project, "1.json", 0);
    project
        .run(&format!("keyring rotate 2.json --retire {old} --key b.key --to 3.json"))
        .succeeds();
    let walked = project.run("keyring check 1.json 2.json 3.json --json").document();
    assert_eq!((&walked["number"], &walked["retired"]), (&json!(3), &json!([old])));
    let message = project.run("keyring check 1.json 3.json --json").fails("signatures", 1);
    assert!(message.contains("3.json"), "{message}");
}

#[test]
fn a_ring_can_be_signed_by_the_old_keys_later() {
    let (project, _) = project();
    project
        .run("keyring rotate 1.json --add c.pub --key c.key --to 2.json")
        .succeeds();
    project.run("keyring check 1.json 2.json --json").fails("signatures", 1);
    project.run("keyring sign 2.json --key a.key").succeeds();
    project.run("keyring check 1.json 2.json").succeeds();
    project
        .run("keyring check 1.json 2.json --app-id com.example.other --json")
        .fails("wrong_app", 1);
    project.run("release inspect 2.json --json").fails("malformed", 1);
}

//! `capbundle key create --content`, `bundle seal`, `bundle open`, and `bundle inspect` of a sealed archive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, codes_of, text_of};

const ZIP: &str = "com.example.app_1.2.3.zip";

fn with_content_key() -> Project {
    let project = Project::new();
    project.run("key create --content").succeeds();
    project
}

fn sealed(project: &Project) -> Value {
    let (zip, checksum) = project.zipped();
    let line = format!("bundle seal {zip} --to-key .capbundle_content_key.pub --checksum {checksum} --json");
    project.run(&line).document()
}

#[test]
fn a_content_key_is_a_separate_pair_and_does_not_change_the_config() {
    let project = Project::new();
    let config = project.read("capacitor.config.json");
    let document = project.run("key create --content --json").document();
    assert_eq!(document["privateKey"], ".capbundle_content_key");
    assert_eq!(document["publicKey"], ".capbundle_content_key.pub");
    assert_eq!(document["bits"], 2048);
    assert_eq!(text_of(&document, "keyId").len(), 64);
    assert_eq!(project.read("capacitor.config.json"), config);
    assert!(!project.has(".capgo_key_v2"));
    let written = String::from_utf8(project.read(".capbundle_content_key")).unwrap();
    assert!(written.starts_with("-----BEGIN PRIVATE KEY-----"));

    project.run("key create --content --json").fails("key_exists", 1);
    let again = project.run("key create --content --force --json").document();
    assert_ne!(again["keyId"], document["keyId"]);
    assert_eq!(codes_of(&again["warnings"]), ["key_replaced"]);
    project
        .run("key create --content --json --capacitor-config capacitor.config.json")
        .fails("conflicting_arguments", 2);
}

#[test]
#[cfg(unix)]
fn only_the_owner_can_read_the_private_key_and_an_opened_archive() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = with_content_key();
    sealed(&project);
    project
        .run(&format!("bundle open {ZIP}.sealed --unverified"))
        .succeeds();
    for file in [".capbundle_content_key", &format!("{ZIP}.sealed_opened.zip")] {
        let mode = std::fs::metadata(project.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_sealed_archive_opens_to_the_same_bytes() {
    let project = with_content_key();
    let document = sealed(&project);
    assert_eq!(document["filename"], format!("{ZIP}.sealed"));
    assert_eq!(document["size"], project.read(&format!("{ZIP}.sealed")).len());
    assert_eq!(document["plainSize"], project.read(ZIP).len());
    assert_eq!(document["checksum"], project.zipped().1);

    let opened = project
        .run(&format!(
            "bundle open {ZIP}.sealed --unverified --output plain.zip --json"
        ))
        .document();
    assert_eq!(
        (&opened["verified"], &opened["checksum"]),
        (&false.into(), &document["checksum"])
    );
    assert_eq!(codes_of(&opened["warnings"]), ["unverified"]);
    assert_eq!(project.read("plain.zip"), project.read(ZIP));
}

#[test]
fn inspecting_shows_the_header() {
    let project = with_content_key();
    let document = sealed(&project);
    let shown = project.run(&format!("bundle inspect {ZIP}.sealed --json")).document();
    assert_eq!(shown["headerSha256"], document["headerSha256"]);
    assert_eq!(shown["sealedSize"], document["size"]);
    assert_eq!(shown["recipients"], document["recipients"]);
    assert_eq!((&shown["segments"], &shown["segmentSize"]), (&1.into(), &65_536.into()));
    assert_eq!(codes_of(&shown["warnings"]), [""; 0]);
    let text = project.run(&format!("bundle inspect {ZIP}.sealed")).stdout;
    assert!(text.contains(&text_of(&document, "headerSha256")), "{text}");

    let bytes = project.read(&format!("{ZIP}.sealed"));
    project.write("cut.sealed", &bytes[..bytes.len() - 1]);
    let cut = project.run("bundle inspect cut.sealed --json").document();
    assert_eq!(codes_of(&cut["warnings"]), ["wrong_size"]);
    project.write("cut.sealed", &bytes[..100]);
    project
        .run("bundle inspect cut.sealed --json")
        .fails("decryption_failed", 1);
}

#[test]
fn opening_requires_unverified() {
    let project = with_content_key();
    sealed(&project);
    let before = project.names();
    let message = project
        .run(&format!("bundle open {ZIP}.sealed --json"))
        .fails("not_trusted", 1);
    assert!(
        message.contains("--unverified") && message.contains("release"),
        "{message}"
    );
    assert_eq!(project.names(), before);
}

#[test]
fn a_changed_or_foreign_archive_is_rejected_and_leaves_no_file() {
    let project = with_content_key();
    sealed(&project);
    let mut bytes = project.read(&format!("{ZIP}.sealed"));
    *bytes.last_mut().unwrap() ^= 1;
    project.write("changed.sealed", &bytes);
    let before = project.names();
    let open = |arguments: &str| project.run(&format!("bundle open --unverified --json {arguments}"));
    open("changed.sealed").fails("decryption_failed", 1);
    open(ZIP).fails("decryption_failed", 1);
    open("nowhere.sealed").fails("zip_not_found", 1);
    open("changed.sealed --content-key nowhere").fails("missing_content_key", 1);
    open("changed.sealed --content-key .capbundle_content_key.pub").fails("invalid_content_key", 1);
    assert_eq!(project.names(), before);
    project.run("key create --content --force").succeeds();
    open(&format!("{ZIP}.sealed")).fails("decryption_failed", 1);
}

#[test]
fn sealing_rejects_wrong_checksums_and_keys() {
    let project = with_content_key().with_keys();
    let (zip, checksum) = project.zipped();
    let seal = |arguments: &str| project.run(&format!("bundle seal --json {arguments}"));
    let key = "--to-key .capbundle_content_key.pub";
    seal(&zip).fails("missing_argument", 2);
    seal(&format!("{zip} {key} {key}")).fails("invalid_input", 1);
    seal(&format!("{zip} --to-key .capbundle_content_key")).fails("invalid_content_key", 1);
    seal(&format!("{zip} --to-key nowhere")).fails("missing_content_key", 1);
    seal(&format!("{zip} --to-key .capgo_key_v2.pub")).fails("key_in_both_roles", 1);
    seal(&format!("nowhere.zip {key}")).fails("zip_not_found", 1);
    seal(&format!("{zip} {key} --checksum 123")).fails("invalid_checksum", 1);
    let other = checksum.replace(&checksum[..1], if checksum.starts_with('0') { "1" } else { "0" });
    seal(&format!("{zip} {key} --checksum {other}")).fails("digest_mismatch", 1);
    assert!(!project.has(&format!("{zip}.sealed")));
}

#[test]
fn content_keys_are_shown_beside_signing_keys() {
    let project = with_content_key();
    let shown = project.run("key show --json").document();
    assert_eq!(shown["keys"].as_array().unwrap().len(), 0);
    assert_eq!(shown["contentKeys"][0]["origin"], ".capbundle_content_key");
    assert_eq!(shown["contentKeys"][0]["keyId"], shown["contentKeys"][1]["keyId"]);
    let project = project.with_keys();
    let text = project.run("key show").stdout;
    assert!(
        text.contains("content key, private") && text.contains("Capgo key id"),
        "{text}"
    );
    project.write(".capbundle_content_key", project.read(".capgo_key_v2"));
    let shown = project.run("key show --json").document();
    assert_eq!(codes_of(&shown["warnings"]), ["key_mismatch", "key_in_both_roles"]);
}

#[test]
fn a_private_content_key_is_not_packed() {
    let project = with_content_key();
    let key = project.read(".capbundle_content_key");
    project.write("www/.capbundle_content_key", key);
    project.run("bundle zip --json").fails("secret", 1);
}

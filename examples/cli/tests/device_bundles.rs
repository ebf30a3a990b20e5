//! Installed bundles of a simulated phone: `capbundle device list`, `clean` and `verify`, and damaged files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::json;

use crate::phone::Phone;
use crate::project::text_of;

#[test]
fn clean_keeps_the_newest_bundles_and_those_in_use() {
    let phone = Phone::new();
    let proven = phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    phone.call("confirm");
    let old = phone.install("3.0.0", "");
    let next = phone.install("4.0.0", "--next");
    let cleaned = phone.call("clean --keep 0 --max-age 7d --max-size 100M");
    assert_eq!(cleaned["removed"], json!([{"id": old, "version": "3.0.0"}]));
    assert!(cleaned["freed"].as_u64().unwrap() > 0);
    let list = phone.call("list");
    let statuses: Vec<_> = list["bundles"].as_array().unwrap().iter().collect();
    assert_eq!(statuses.len(), 2);
    assert_eq!(phone.bundle(&proven)["status"], "proven");
    assert_eq!(phone.bundle(&next)["status"], "next");
    assert_eq!(phone.call("clean --max-age 7d")["removed"], json!([]));
}

#[test]
fn a_listed_bundle_has_all_its_properties() {
    let phone = Phone::new();
    let more = "--link https://example.com/notes --comment fixes --min-native 1.0 --max-native 3";
    let id = phone.install("2.0.0", more);
    let bundle = phone.bundle(&id);
    assert_eq!(
        (&bundle["version"], &bundle["status"], &bundle["files"]),
        (&json!("2.0.0"), &json!("installed"), &json!(3))
    );
    assert_eq!(
        (&bundle["link"], &bundle["comment"]),
        (&json!("https://example.com/notes"), &json!("fixes"))
    );
    assert_eq!(
        (&bundle["minNative"], &bundle["maxNative"]),
        (&json!("1.0"), &json!("3"))
    );
    assert_eq!(text_of(&bundle, "checksum"), phone.checksum("2.0.0"));
    assert!(bundle["installedAt"].as_u64().unwrap() > 1_700_000_000);
    assert!(bundle.get("provenAt").is_none());
}

#[test]
fn the_same_archive_is_installed_once() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "");
    let again = phone.try_install("2.0.0", "--next").document();
    assert_eq!(
        (&again["alreadyInstalled"], &again["bundle"]["id"]),
        (&json!(true), &json!(id))
    );
    assert_eq!(
        (&again["next"], &again["bundle"]["status"]),
        (&json!(true), &json!("next"))
    );
}

#[test]
fn verify_finds_every_changed_file() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "");
    assert_eq!(
        phone.call(&format!("verify {id}")),
        json!({"bundle": id, "files": 3, "verified": true})
    );
    phone.project.write(&format!("phone/bundles/{id}/app.js"), "changed");
    std::fs::remove_file(phone.project.path(&format!("phone/bundles/{id}/version.txt"))).unwrap();
    let run = phone.run(&format!("verify {id}"));
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let damaged: Vec<_> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["path"])
        .collect();
    assert_eq!(damaged, ["app.js", "version.txt"]);
    assert!(run.fails("corrupt", 1).contains("2 files of 3"));
}

#[test]
fn a_bundle_with_missing_files_is_not_served() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    phone.call("confirm");
    std::fs::remove_file(phone.project.path(&format!("phone/bundles/{id}/index.html"))).unwrap();
    let launch = phone.launch();
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("damaged"))
    );
}

#[test]
fn a_next_bundle_with_missing_files_is_not_applied() {
    let phone = Phone::new();
    phone.launch();
    let id = phone.install("2.0.0", "--next");
    std::fs::remove_dir_all(phone.project.path(&format!("phone/bundles/{id}"))).unwrap();
    assert_eq!(phone.call("background")["applied"], false);
    assert_eq!(phone.launch()["bundle"], "builtin");
    phone.install("2.0.0", "--next");
    assert_eq!(phone.launch()["version"], "2.0.0");
}

#[test]
fn ended_runs_leave_no_files() {
    let phone = Phone::new();
    for _ in 0..3 {
        phone.launch();
        phone.call("status");
    }
    assert_eq!(crate::project::tree(&phone.project.path("phone/sessions")).len(), 1);
}

#[test]
fn a_failure_is_reported_once() {
    let phone = Phone::new();
    phone.launch();
    assert!(phone.call("failure")["failure"].is_null());
    let id = phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    phone.launch();
    phone.call("started");
    phone.launch();
    assert_eq!(phone.call("failure")["failure"]["id"], id.as_str());
    assert!(phone.call("failure")["failure"].is_null());
}

#[test]
fn bundles_of_capgos_plugin_are_taken_over_and_served() {
    let phone = Phone::new();
    let info = r#"{"id":"vUOXkgIDVu","version":"3.1.0","checksum":"","status":"success"}"#;
    phone
        .project
        .write("versions/vUOXkgIDVu/index.html", "<h1>taken over</h1>");
    phone.project.write("one.json", info);
    phone
        .project
        .write("two.json", info.replace("vUOXkgIDVu", "aaaaaaaaaa"));
    let adopted = phone.call("adopt --folder versions --info one.json two.json --current vUOXkgIDVu --native-build 1");
    assert_eq!(adopted["adopted"], json!([{"id": "vUOXkgIDVu", "version": "3.1.0"}]));
    assert_eq!(adopted["warnings"][0]["code"], "skipped");
    let served = phone.launch();
    assert_eq!(
        (&served["version"], &served["onTrial"]),
        (&"3.1.0".into(), &false.into())
    );
    phone
        .run("adopt --folder versions --info nowhere.json")
        .fails("not_found", 1);
}

//! Errors of `capbundle device`, their codes, and the files they leave unchanged.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::phone::Phone;
use crate::project::text_of;

const UNKNOWN: &str = "0000000000";

#[test]
fn only_bundles_signed_and_encrypted_for_the_app_are_installed() {
    let phone = Phone::new();
    phone.project.run("key create").succeeds();
    let encrypted = phone.project.encrypted();
    let (zip, session) = (text_of(&encrypted, "filename"), text_of(&encrypted, "ivSessionKey"));
    let (checksum, plain) = (text_of(&encrypted, "checksum"), phone.project.zipped().1);
    let install = |zip: &str, checksum: &str, key: &str| {
        phone.run(&format!(
            "install {zip} --version 1.2.3 --next --iv-session-key {session} --checksum {checksum} --key {key}"
        ))
    };
    install(&zip, &plain, ".capgo_key_v2.pub").fails("not_trusted", 1);
    let mut bytes = phone.project.read(&zip);
    bytes[100] ^= 1;
    phone.project.write("flipped.zip", bytes);
    install("flipped.zip", &checksum, ".capgo_key_v2.pub").fails("digest_mismatch", 1);
    fs::create_dir(phone.project.path("other")).unwrap();
    phone.project.write("other/capacitor.config.json", "{}");
    phone.project.run_in("other", &["key", "create"]).succeeds();
    install(&zip, &checksum, "other/.capgo_key_v2.pub").fails("signature_invalid", 1);
    install(&zip, &checksum, "nowhere.pub").fails("missing_public_key", 1);

    let installed = install(&zip, &checksum, ".capgo_key_v2.pub").document();
    assert_eq!(installed["bundle"]["checksum"], plain);
    assert_eq!(phone.launch()["version"], "1.2.3");
}

#[test]
fn an_archive_must_match_its_checksum_and_be_a_bundle() {
    let phone = Phone::new();
    let checksum = phone.checksum("2.0.0");
    let install = |line: &str| phone.run(&format!("install --version 2.0.0 {line}"));
    install(&format!("nowhere.zip --checksum {checksum}")).fails("zip_not_found", 1);
    install(&format!("2.0.0.zip --checksum {}", "0".repeat(64))).fails("digest_mismatch", 1);
    install("2.0.0.zip --checksum deadbeef").fails("invalid_checksum", 1);
    assert!(!phone.project.has("phone"));
    fs::remove_file(phone.project.path("www/index.html")).unwrap();
    let empty = phone
        .project
        .run("bundle zip --name empty.zip --no-code-check --json")
        .document();
    install(&format!("empty.zip --checksum {}", text_of(&empty, "checksum"))).fails("not_a_bundle", 1);
    assert_eq!(phone.call("list")["bundles"], json!([]));
}

#[test]
fn a_bundle_that_is_not_installed_is_not_found() {
    let phone = Phone::new();
    phone.launch();
    for call in ["set", "next", "delete", "fail", "verify"] {
        let message = phone.run(&format!("{call} {UNKNOWN}")).fails("not_found", 1);
        assert!(message.contains(UNKNOWN), "{call}: {message}");
    }
}

#[test]
fn commands_that_need_a_running_app_fail_without_one() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "");
    let calls = ["started", "confirm", "expired", "background", "foreground", "reset"];
    for call in calls.map(str::to_owned).into_iter().chain([format!("set {id}")]) {
        let message = phone.run(&call).fails("not_found", 1);
        assert!(message.contains("capbundle device launch"), "{call}: {message}");
    }
    assert!(phone.call("status").get("serves").is_none());
}

#[test]
fn a_bundle_in_use_is_not_deleted() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "--next");
    let refused = |role: &str| {
        let message = phone.run(&format!("delete {id}")).fails("in_use", 1);
        assert!(message.contains(role), "{message}");
    };
    refused("next");
    phone.launch();
    refused("served");
    phone.call("started");
    phone.call("confirm");
    phone.install("3.0.0", "--next");
    phone.launch();
    refused("fallback");
    phone.call("reset");
    phone.call("launch --native-build 2");
    phone.run(&format!("delete {id}")).fails("not_found", 1);
    let unused = phone.install("4.0.0", "");
    assert_eq!(phone.call(&format!("delete {unused}")), json!({"deleted": unused}));
    assert_eq!(phone.call("list")["bundles"], json!([]));
}

#[test]
fn a_bundle_without_its_files_does_not_become_next() {
    let phone = Phone::new();
    let id = phone.install("2.0.0", "");
    fs::remove_dir_all(phone.project.path(&format!("phone/bundles/{id}"))).unwrap();
    phone.run(&format!("next {id}")).fails("corrupt", 1);
}

#[test]
fn a_folder_without_a_device_is_not_changed() {
    let phone = Phone::new();
    for call in ["status", "list", "started", "clean", "forget 1"] {
        phone.run(call).fails("not_found", 1);
    }
    assert!(!phone.project.has("phone"));
    phone.project.write("phone/photo.jpg", "mine");
    for call in ["launch", "status"] {
        phone.run(call).fails("invalid_input", 1);
    }
    phone.try_install("2.0.0", "").fails("invalid_input", 1);
    assert_eq!(crate::project::tree(&phone.project.path("phone")).len(), 1);
}

#[test]
fn a_corrupt_device_file_is_reported() {
    let phone = Phone::new();
    phone.launch();
    phone.project.write("phone/device.json", "{");
    let message = phone.run("status").fails("corrupt", 1);
    assert!(message.contains("device.json"), "{message}");
    fs::remove_file(phone.project.path("phone/device.json")).unwrap();
    assert!(phone.call("status").get("serves").is_none());
    phone.launch();
}

#[test]
fn launch_does_not_block_on_a_held_lock() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    let lock = File::open(phone.project.path("phone/lock")).unwrap();
    lock.lock().unwrap();
    let asked = Instant::now();
    let launch = phone.launch();
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("not_durable"))
    );
    assert!(text_of(&launch, "detail").contains("lock"));
    drop(lock);
    assert_eq!(phone.launch()["version"], "2.0.0");
}

#[test]
fn a_folder_in_place_of_a_store_file_does_not_block() {
    let phone = Phone::new();
    phone.launch();
    for file in ["staging/left.lock", "state.json", "lock", "records/AAAAAAAAAA.json"] {
        let path = phone.project.path(&format!("phone/{file}"));
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
    }
    let launch = phone.run("launch");
    assert!(launch.stderr.is_empty(), "{}", launch.stderr);
    assert_eq!(launch.document()["bundle"], "builtin");
    phone.call("clean");
    let left = fs::read_dir(phone.project.path("phone/staging")).unwrap().count();
    assert_eq!(left, 0);
    assert!(phone.project.path("phone/state.corrupt-1.json").is_dir());
}

#[test]
fn concurrent_calls_wait_for_each_other() {
    let phone = Phone::new();
    phone.launch();
    let versions = ["2.0.0", "3.0.0", "4.0.0", "5.0.0"];
    let checksums = versions.map(|version| phone.checksum(version));
    let installs: Vec<_> = versions
        .iter()
        .zip(&checksums)
        .map(|(version, checksum)| {
            let zip = format!("{version}.zip");
            Command::new(env!("CARGO_BIN_EXE_capbundle"))
                .args(["device", "--store", "phone", "install", &zip, "--version", version])
                .args(["--checksum", checksum])
                .current_dir(phone.project.path(""))
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut install in installs {
        assert!(install.wait().unwrap().success());
    }
    assert_eq!(phone.call("list")["bundles"].as_array().unwrap().len(), versions.len());
    assert_eq!(phone.call("status")["serves"]["bundle"], "builtin");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let phone = Phone::new();
    for (line, code) in [
        ("", "missing_argument"),
        ("frobnicate", "unknown_command"),
        ("launch --fast", "unknown_option"),
        ("install a.zip --checksum 0", "missing_argument"),
        ("install a.zip --version 1", "missing_argument"),
        (
            "install a.zip --version 1 --checksum 0 --iv-session-key k",
            "missing_argument",
        ),
        ("install a.zip --version 1 --checksum 0 --key k.pub", "missing_argument"),
        ("set", "missing_argument"),
        ("set short", "invalid_argument"),
        ("delete builtin", "invalid_argument"),
        ("next", "missing_argument"),
        ("next builtin --clear", "conflicting_arguments"),
        ("next builtin --delay moon=full", "invalid_argument"),
        ("clean --max-age 7", "invalid_argument"),
        ("clean --max-size lots", "invalid_argument"),
        ("clean --keep -1", "unknown_option"),
    ] {
        phone.run(line).fails(code, 2);
    }
    let message = phone.project.run("device launch --json").fails("missing_argument", 2);
    assert!(message.contains("--store"), "{message}");
}

#[test]
fn without_json_only_the_result_is_on_standard_output() {
    let phone = Phone::new();
    let checksum = phone.checksum("2.0.0");
    let run = |line: &str| phone.project.run(&format!("device {line} --store phone"));
    let installed = run(&format!(
        "install 2.0.0.zip --version 2.0.0 --checksum {checksum} --next"
    ))
    .succeeds();
    assert!(installed.stderr.contains("Installed 2.0.0"), "{}", installed.stderr);
    let launch = run("launch");
    assert_eq!((launch.code, launch.stderr.as_str()), (0, ""));
    assert!(
        launch.stdout.contains("Serving 2.0.0") && launch.stdout.contains("on trial"),
        "{}",
        launch.stdout
    );
    let status = run("status");
    assert!(
        status.stdout.contains("Fallback  the built-in bundle"),
        "{}",
        status.stdout
    );
    assert!(run("list").stdout.contains("trial"));
    run("started").succeeds();
    run("confirm").succeeds();
}

//! The update protocol, code by code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::Path;

use crate::test_server::{APP, DEVICE, TestServer, request};
use capbundle::digest::Sha256Digest;
use capbundle::update::protocol::{StatusCode, StatusKind, UpdateResponse};
use serde_json::{Value, json};

/// A server whose public channel links 2.0.0.
fn with_bundle() -> (TestServer, i64) {
    let server = TestServer::start();
    let id = server.publish("2.0.0");
    server.promote(id);
    server.set_channel("production", &json!({"disableAutoUpdateUnderNative": false}));
    (server, id)
}

fn code(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_else(|| panic!("no code: {answer}"))
}

/// The code of a response without update. Checks that the library reads the response as the kind that belongs to the code.
fn no_update(server: &TestServer, change: impl FnOnce(&mut Value)) -> String {
    let answer = server.update(change);
    let read = UpdateResponse::parse("test", 200, answer.to_string().as_bytes()).unwrap();
    let kind = StatusCode::new(code(&answer)).kind().unwrap();
    let agrees = match read {
        UpdateResponse::UpToDate(_) => kind == StatusKind::UpToDate,
        UpdateResponse::Blocked(_) => kind == StatusKind::Blocked,
        UpdateResponse::Failed(_) => kind == StatusKind::Failed,
        _ => false,
    };
    assert!(agrees && answer["message"].is_string(), "{answer}");
    code(&answer).to_owned()
}

#[test]
fn the_request_of_the_plugin_gets_the_bundle() {
    let (server, id) = with_bundle();
    let metadata = json!({"app_id": APP, "version_id": id, "link": "https://notes.example", "comment": "better"});
    assert_eq!(
        server.api("POST", "/bundle/metadata", &metadata),
        (200, json!({"status": "success"}))
    );
    let digest = Sha256Digest::of(b"the archive of 2.0.0").to_string();
    let url = format!("{}/bundles/{APP}/{digest}.zip", server.url());
    let expected = json!({
        "version": "2.0.0", "url": url, "checksum": digest, "link": "https://notes.example", "comment": "better"
    });
    assert_eq!(server.update(|_| ()), expected);
    let archive = server.send("GET", url.strip_prefix(&server.url()).unwrap(), &[], b"");
    assert_eq!(
        (archive.status, archive.body.as_slice()),
        (200, &b"the archive of 2.0.0"[..])
    );
}

#[test]
fn an_encrypted_external_bundle_is_offered_as_registered() {
    let server = TestServer::start();
    let body = json!({
        "app_id": APP, "version": "2.0.0", "external_url": "https://cdn.example/a.zip?x=1", "checksum": "ab".repeat(256),
        "session_key": "aXY=:a2V5", "key_id": "MIIBCgKCAQEA5fsV"
    });
    let (_, answer) = server.api("POST", "/bundle", &body);
    server.promote(answer["bundle"]["id"].as_i64().unwrap());
    let answer = server.update(|request| request["key_id"] = json!("MIIBCgKCAQEA5fsV"));
    assert_eq!(answer["url"], "https://cdn.example/a.zip?x=1");
    assert_eq!(
        (&answer["session_key"], &answer["checksum"]),
        (&json!("aXY=:a2V5"), &json!("ab".repeat(256)))
    );
}

#[test]
fn a_device_that_has_the_bundle_is_up_to_date() {
    let (server, _) = with_bundle();
    assert_eq!(
        no_update(&server, |request| request["version_name"] = json!("2.0.0")),
        "no_new_version_available"
    );
    // The built-in bundle has the version of the native app.
    assert_eq!(
        no_update(&server, |request| request["version_build"] = json!("2.0.0")),
        "no_new_version_available"
    );
}

#[test]
fn incomplete_requests_have_their_codes() {
    let (server, _) = with_bundle();
    for (member, value, expected) in [
        ("version_build", json!("unknown"), "unknown_version_build"),
        ("version_build", json!("next"), "semver_error"),
        ("plugin_version", json!("3.9.9"), "unsupported_plugin_version"),
        ("plugin_version", json!(""), "missing_info"),
        ("version_name", Value::Null, "missing_info"),
        ("platform", json!("windows"), "missing_info"),
    ] {
        assert_eq!(
            no_update(&server, |request| request[member] = value),
            expected,
            "{member}"
        );
    }
    for (member, value, expected) in [
        ("device_id", json!(""), "missing_device_id"),
        ("device_id", json!("phone"), "invalid_device_id"),
        // As earlier versions of the device library sent it.
        (
            "device_id",
            json!("0123456789abcdef0123456789abcdef"),
            "invalid_device_id",
        ),
        ("app_id", json!(""), "missing_app_id"),
        ("app_id", json!("-app"), "invalid_app_id"),
    ] {
        let mut body = request();
        body[member] = value;
        let (status, answer) = server.device("POST", "/updates", &body);
        assert_eq!((status, code(&answer)), (400, expected));
    }
    let garbage = server.send("POST", "/updates", &[], b"{\"platform\":");
    assert_eq!(
        (garbage.status, garbage.json()["error"].as_str().unwrap()),
        (400, "invalid_json_body")
    );
}

#[test]
fn an_unknown_app_has_the_code_for_other_servers() {
    let (server, _) = with_bundle();
    let mut body = request();
    body["app_id"] = json!("com.example.other");
    let (status, answer) = server.device("POST", "/updates", &body);
    assert_eq!((status, code(&answer)), (429, "on_premise_app"));
}

#[test]
fn a_missing_bundle_channel_or_archive_has_its_code() {
    let server = TestServer::start();
    let id = server.publish("2.0.0");
    assert_eq!(no_update(&server, |_| ()), "no_bundle");
    server.set_channel("production", &json!({"public": false}));
    assert_eq!(no_update(&server, |_| ()), "no_channel");
    server.set_channel("production", &json!({"public": true}));
    server.promote(id);
    assert_eq!(server.update(|_| ())["version"], "2.0.0");
    let digest = Sha256Digest::of(b"the archive of 2.0.0");
    std::fs::remove_file(Path::new(server.folder.path()).join(format!("bundles/{APP}/{digest}.zip"))).unwrap();
    assert_eq!(no_update(&server, |_| ()), "no_bundle_url");
}

#[test]
fn every_setting_of_a_channel_disables_it() {
    let (server, _) = with_bundle();
    for (switch, change, expected) in [
        ("ios", json!({"platform": "ios"}), "disabled_platform_ios"),
        ("android", json!({}), "disabled_platform_android"),
        (
            "electron",
            json!({"platform": "electron"}),
            "disabled_platform_electron",
        ),
        ("allow_prod", json!({}), "disable_prod_build"),
        ("allow_dev", json!({"is_prod": false}), "disable_dev_build"),
        ("allow_device", json!({}), "disable_device"),
        ("allow_emulator", json!({"is_emulator": true}), "disable_emulator"),
    ] {
        let with = |request: &mut Value| {
            request
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
        };
        assert_eq!(server.update(with)["version"], "2.0.0", "{switch} is true");
        server.set_channel("production", &json!({switch: false}));
        let with = |request: &mut Value| {
            request
                .as_object_mut()
                .unwrap()
                .extend(change.as_object().unwrap().clone());
        };
        assert_eq!(no_update(&server, with), expected);
        server.set_channel("production", &json!({switch: true}));
    }
}

#[test]
fn version_rules_withhold_a_bundle_from_incompatible_native_apps() {
    let server = TestServer::start();
    let id = server.publish_with("2.1.1", &json!({"min_update_version": "2.1.0"}));
    server.promote(id);
    let native = |version: &'static str| move |request: &mut Value| request["version_build"] = json!(version);
    for (rule, blocked, expected, open) in [
        ("major", "1.9.0", "disable_auto_update_to_major", "2.1.0"),
        ("minor", "2.0.9", "disable_auto_update_to_minor", "2.1.0"),
        ("patch", "2.0.0", "disable_auto_update_to_patch", "2.1.0"),
        ("version_number", "2.0.9", "disable_auto_update_to_metadata", "2.1.0"),
    ] {
        server.set_channel("production", &json!({"disableAutoUpdate": rule}));
        assert_eq!(no_update(&server, native(blocked)), expected);
        assert_eq!(server.update(native(open))["version"], "2.1.1", "{rule}");
    }
    server.promote(server.publish("2.1.2"));
    assert_eq!(no_update(&server, native("2.1.0")), "misconfigured_channel");
    server.set_channel("production", &json!({"disableAutoUpdate": "none"}));
    assert_eq!(no_update(&server, native("2.2")), "disable_auto_update_under_native");
    assert_eq!(server.update(native("2.1"))["version"], "2.1.2");
}

/// The bundle would break an older app, whatever the channel allows.
#[test]
fn every_channel_withholds_a_bundle_from_apps_below_its_minimum() {
    let server = TestServer::start();
    let id = server.publish_with("2.1.1", &json!({"min_update_version": "2.1.0"}));
    server.promote(id);
    let native = |version: &'static str| move |request: &mut Value| request["version_build"] = json!(version);
    for rule in ["none", "major", "minor", "patch", "version_number"] {
        server.set_channel("production", &json!({"disableAutoUpdate": rule}));
        assert_eq!(server.update(native("2.1.0"))["version"], "2.1.1", "{rule}");
    }
    for rule in ["none", "major"] {
        server.set_channel("production", &json!({"disableAutoUpdate": rule}));
        assert_eq!(
            no_update(&server, native("2.0.9")),
            "disable_auto_update_to_metadata",
            "{rule}"
        );
    }
    // An empty minimum would protect no device.
    for nothing in [json!(""), Value::Null, json!(false)] {
        let body = json!({"app_id": APP, "version": "3.0.0", "external_url": "https://cdn.example/a.zip", "checksum": crate::test_server::CHECKSUM,
            "min_update_version": nothing});
        assert_eq!(
            server.error_code("POST", "/bundle", &body),
            "invalid_min_update_version"
        );
    }
}

#[test]
fn a_bundle_for_another_key_is_withheld_from_plugins_that_send_their_key() {
    let server = TestServer::start();
    server.promote(server.publish_with("2.0.0", &json!({"session_key": "aXY=:a2V5", "key_id": "one"})));
    let with = |key: &'static str, plugin: &'static str| {
        move |request: &mut Value| (request["key_id"], request["plugin_version"]) = (json!(key), json!(plugin))
    };
    assert_eq!(no_update(&server, with("two", "8.41.0")), "key_id_mismatch");
    assert_eq!(no_update(&server, with("", "8.41.0")), "key_id_mismatch");
    assert_eq!(server.update(with("one", "8.41.0"))["version"], "2.0.0");
    assert_eq!(server.update(with("two", "8.40.7"))["version"], "2.0.0");
}

#[test]
fn a_channel_can_return_devices_to_the_built_in_bundle() {
    let (server, _) = with_bundle();
    server.set_channel("production", &json!({"version": "builtin"}));
    let runs = |version: &'static str| move |request: &mut Value| request["version_name"] = json!(version);
    assert_eq!(server.update(runs("2.0.0")), json!({"version": "builtin"}));
    assert_eq!(no_update(&server, runs("builtin")), "already_on_builtin");
    let old = no_update(&server, |request| {
        (request["version_name"], request["plugin_version"]) = (json!("2.0.0"), json!("6.1.0"));
    });
    assert_eq!(old, "revert_to_builtin_plugin_version_too_old");
}

#[test]
fn a_default_channel_must_be_open_to_devices() {
    let (server, _) = with_bundle();
    server.publish("3.0.0");
    server.set_channel("beta", &json!({"version": "3.0.0"}));
    let beta = |request: &mut Value| request["defaultChannel"] = json!("beta");
    assert_eq!(no_update(&server, beta), "cannot_update_via_private_channel");
    server.set_channel("beta", &json!({"allow_device_self_set": true}));
    assert_eq!(server.update(beta)["version"], "3.0.0");
    let gone = |request: &mut Value| request["defaultChannel"] = json!("gone");
    assert_eq!(
        server.update(gone)["version"],
        "2.0.0",
        "an unknown default channel is ignored"
    );
}

#[test]
fn a_growing_rollout_keeps_its_devices() {
    let (server, _) = with_bundle();
    server.publish("3.0.0");
    let candidates = |percentage: u32| -> Vec<u32> {
        server.set_channel(
            "production",
            &json!({"rollout_version": "3.0.0", "rollout_percentage": percentage}),
        );
        let gets = |device: &u32| {
            let id = format!("{device:08x}{}", &DEVICE[8..]);
            server.update(|request| request["device_id"] = json!(id))["version"] == "3.0.0"
        };
        (0..60).filter(gets).collect()
    };
    let (none, some, most) = (candidates(0), candidates(30), candidates(80));
    assert!(
        none.is_empty() && some.len() > 5 && some.len() < most.len(),
        "{some:?} {most:?}"
    );
    assert!(some.iter().all(|device| most.contains(device)));
    assert_eq!(candidates(100).len(), 60);
}

#[test]
fn device_ids_are_case_insensitive() {
    let (server, _) = with_bundle();
    server.publish("3.0.0");
    server.set_channel("beta", &json!({"version": "3.0.0", "allow_device_self_set": true}));
    let mut choose = request();
    (choose["channel"], choose["device_id"]) = (json!("beta"), json!(DEVICE.to_uppercase()));
    assert_eq!(server.device("POST", "/channel_self", &choose).0, 200);
    assert_eq!(server.update(|_| ())["version"], "3.0.0");
}

//! Permissions: API keys, and the rules of an app.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use crate::test_server::{APP, CHECKSUM, TestServer};
use capbundle_update_server::{AppRules, Keys, create_app};
use serde_json::{Value, json};

const NONE: Value = Value::Null;

fn bundle(version: &str) -> Value {
    json!({"app_id": APP, "version": version, "external_url": "https://cdn.example/a.zip", "checksum": CHECKSUM})
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[test]
fn missing_wrong_and_revoked_keys_are_rejected() {
    let server = TestServer::start();
    server.publish("1.0.0");
    let path = format!("/bundle?app_id={APP}");
    let rejected = |headers: &[(&str, &str)]| {
        let response = server.send("GET", &path, headers, b"");
        assert_eq!(response.status, 401);
        response.json()["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(rejected(&[]), "no_key_provided");
    assert_eq!(rejected(&[("authorization", "")]), "no_key_provided");
    assert_eq!(rejected(&[("authorization", "cbk_wrong")]), "invalid_apikey");
    assert_eq!(rejected(&[("capgkey", &server.key[..46])]), "invalid_apikey");
    assert_eq!(
        rejected(&[("authorization", &server.key), ("x-limited-key-id", "7")]),
        "invalid_subkey"
    );
    assert_eq!(rejected(&[("x-api-key", &server.key)]), "no_key_provided");
    for (name, value) in [
        ("authorization", server.key.clone()),
        ("authorization", format!("Bearer {}", server.key)),
        ("capgkey", server.key.clone()),
    ] {
        assert_eq!(server.send("GET", &path, &[(name, &value)], b"").status, 200);
    }
    let keys = Keys::open(server.folder.path()).unwrap();
    assert!(keys.revoke(1).unwrap() && !keys.revoke(1).unwrap());
    assert_eq!(rejected(&[("authorization", &server.key)]), "invalid_apikey");
}

#[test]
fn a_key_permits_only_its_apps_and_its_operations() {
    let server = TestServer::start();
    let id = server.publish("1.0.0");
    let (other, reader) = (
        server.limited_key(&["com.example.other"], true),
        server.limited_key(&[APP], false),
    );
    let code = |key: &str, method: &str, path: &str, body: &Value| {
        let (_, answer) = server.api_as(key, method, path, body);
        answer
            .get("code")
            .unwrap_or(&answer["error"])
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let list = format!("/bundle?app_id={APP}");
    assert_eq!(code(&other, "GET", &list, &NONE), "cannot_get_bundle");
    assert_eq!(code(&reader, "GET", &list, &NONE), "");
    for key in [&other, &reader] {
        assert_eq!(code(key, "POST", "/bundle", &bundle("2.0.0")), "cannot_create_bundle");
        assert_eq!(
            code(key, "DELETE", "/bundle", &json!({"app_id": APP, "version": "1.0.0"})),
            "cannot_delete_version"
        );
        assert_eq!(
            code(key, "DELETE", "/bundle", &json!({"app_id": APP})),
            "cannot_delete_all_version"
        );
        assert_eq!(
            code(
                key,
                "PUT",
                "/bundle",
                &json!({"app_id": APP, "version_id": id, "channel_id": 1})
            ),
            "cannot_access_app"
        );
        let metadata = json!({"app_id": APP, "version_id": id, "link": "l"});
        assert_eq!(
            code(key, "POST", "/bundle/metadata", &metadata),
            "cannot_update_version_metadata"
        );
        assert_eq!(
            code(key, "POST", "/channel", &json!({"app_id": APP, "channel": "beta"})),
            "cannot_access_app"
        );
        assert_eq!(
            code(
                key,
                "DELETE",
                "/channel",
                &json!({"app_id": APP, "channel": "production"})
            ),
            "cannot_access_app"
        );
        let upload = server.send("PUT", &format!("/upload/{APP}"), &[("authorization", key)], b"x");
        assert_eq!(upload.status, 403);
    }
    let own = with(bundle("1.0.0"), "app_id", json!("com.example.other"));
    assert_eq!(code(&other, "POST", "/bundle", &own), "");
}

#[test]
fn an_app_that_requires_encryption_rejects_other_bundles() {
    let server = TestServer::start();
    let rules = AppRules {
        encryption_required: true,
        key_id: Some("one".to_owned()),
        ..AppRules::default()
    };
    create_app(server.folder.path(), APP, &rules).unwrap();
    let code = |body: &Value| server.error_code("POST", "/bundle", body);
    assert_eq!(code(&bundle("1.0.0")), "encryption_required");
    let encrypted = with(bundle("1.0.0"), "session_key", json!("aXY=:a2V5"));
    assert_eq!(code(&encrypted), "encryption_key_required");
    assert_eq!(
        code(&with(encrypted.clone(), "key_id", json!("two"))),
        "encryption_key_mismatch"
    );
    assert_eq!(
        server
            .api("POST", "/bundle", &with(encrypted, "key_id", json!("one")))
            .0,
        200
    );
}

#[test]
fn without_new_apps_unknown_apps_are_rejected() {
    let server = TestServer::start_with(|config| config.new_apps = false);
    assert_eq!(
        server.error_code("POST", "/bundle", &bundle("1.0.0")),
        "cannot_find_app"
    );
    assert_eq!(
        server.error_code("POST", "/channel", &json!({"app_id": APP, "channel": "beta"})),
        "cannot_find_app"
    );
    let upload = server.send(
        "PUT",
        &format!("/upload/{APP}"),
        &[("authorization", &server.key)],
        b"x",
    );
    assert_eq!(
        (upload.status, &upload.json()["error"]),
        (400, &json!("cannot_find_app"))
    );
    create_app(server.folder.path(), APP, &AppRules::default()).unwrap();
    assert_eq!(server.api("POST", "/bundle", &bundle("1.0.0")).0, 200);
}

//! The Bundles API in its documented shape, which is the default of `/bundle`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use crate::test_server::{APP, CHECKSUM, TestServer, send};
use capbundle_update_server::Keys;
use serde_json::{Value, json};

const NONE: Value = Value::Null;
/// The app id in the documentation.
const DOCUMENTED_APP: &str = "app_123";

fn bundle(version: &str) -> Value {
    json!({"app_id": DOCUMENTED_APP, "version": version, "external_url": "https://your-storage.com/bundles/app-1.2.3.zip",
           "checksum": CHECKSUM})
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

fn list(server: &TestServer, query: &str) -> (u16, Value) {
    server.api("GET", &format!("/bundle/?app_id={DOCUMENTED_APP}{query}"), &NONE)
}

fn rows(server: &TestServer) -> Vec<Value> {
    list(server, "").1["data"].as_array().unwrap().clone()
}

fn register(server: &TestServer, version: &str) -> i64 {
    let (status, answer) = server.api("POST", "/bundle/", &bundle(version));
    assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{answer}");
    rows(server)[0]["id"].as_i64().unwrap()
}

#[test]
fn a_list_has_the_documented_members() {
    let server = TestServer::start();
    register(&server, "1.0.0");
    let (status, answer) = list(&server, "");
    assert_eq!(status, 200);
    let row = answer["data"][0].as_object().unwrap();
    let is_text = |name: &str| row[name].is_string();
    for name in [
        "app_id",
        "name",
        "owner_org",
        "storage_provider",
        "checksum",
        "created_at",
        "updated_at",
        "user_id",
    ] {
        assert!(is_text(name), "{name}: {answer}");
    }
    assert!(row["id"].is_i64() && row["deleted"] == false && is_text("external_url"));
    for name in [
        "bucket_id",
        "minUpdateVersion",
        "native_packages",
        "r2_path",
        "session_key",
    ] {
        assert_eq!(row.get(name), Some(&NONE), "{name}: {answer}");
    }
    assert!(!row.contains_key("min_update_version"));
}

#[test]
fn pages_have_50_rows_start_at_zero_and_end_with_an_empty_one() {
    let server = TestServer::start();
    for number in 0..51 {
        server.api("POST", "/bundle/", &bundle(&format!("1.0.{number}")));
    }
    let count = |query: &str| {
        let (status, answer) = list(&server, query);
        (status, answer["data"].as_array().unwrap().len())
    };
    assert_eq!((count(""), count("&page=0")), ((200, 50), (200, 50)));
    assert_eq!(
        (count("&page=1"), count("&page=2"), count("&page=99")),
        ((200, 1), (200, 0), (200, 0))
    );
    let names: BTreeSet<String> = ["", "&page=1"]
        .iter()
        .flat_map(|query| list(&server, query).1["data"].as_array().unwrap().clone())
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names.len(), 51);
}

#[test]
fn every_change_has_the_documented_response() {
    let server = TestServer::start();
    let id = register(&server, "1.0.0");
    let channels = format!("/channel?app_id={DOCUMENTED_APP}&channel=production");
    let channel = server.api("GET", &channels, &NONE).1["id"].clone();
    let metadata = json!({"app_id": DOCUMENTED_APP, "version_id": id,
                          "link": "https://github.com/myorg/myapp/releases/tag/v1.0.0",
                          "comment": "Fixed critical bug in authentication"});
    assert_eq!(
        server.api("POST", "/bundle/metadata", &metadata),
        (200, json!({"status": "success"}))
    );
    assert_eq!(rows(&server)[0]["comment"], metadata["comment"]);
    let promotion = json!({"app_id": DOCUMENTED_APP, "version_id": id, "channel_id": channel});
    assert_eq!(
        server.api("PUT", "/bundle/", &promotion),
        (
            200,
            json!({"status": "success", "message": "Bundle 1.0.0 set to channel production"})
        )
    );
    register(&server, "1.0.1");
    let one = json!({"app_id": DOCUMENTED_APP, "version": "1.0.1"});
    assert_eq!(server.api("DELETE", "/bundle/", &one), (200, json!({"status": "ok"})));
    let all = json!({"app_id": DOCUMENTED_APP});
    assert_eq!(server.api("DELETE", "/bundle/", &all), (200, json!({"status": "ok"})));
    assert_eq!(rows(&server).len(), 1, "a bundle that a channel links is not deleted");
}

/// The status of an error in the documented shape, its `error` and its code.
fn rejected(answer: (u16, Value)) -> (u16, String, String) {
    let (status, answer) = answer;
    assert_eq!(answer["status"], "KO", "{answer}");
    assert!(
        answer["message"].as_str().is_some_and(|message| !message.is_empty()),
        "{answer}"
    );
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (status, text("error"), text("code"))
}

fn expected(status: u16, error: &str, code: &str) -> (u16, String, String) {
    (status, error.to_owned(), code.to_owned())
}

#[test]
fn the_four_documented_errors_have_their_text_and_the_code_of_the_backend() {
    let server = TestServer::start();
    let id = register(&server, "1.0.0");
    let missing = "Bundle not found";
    let no_version = json!({"app_id": DOCUMENTED_APP, "version": "1.0.0-beta.1"});
    assert_eq!(
        rejected(server.api("DELETE", "/bundle/", &no_version)),
        expected(400, missing, "cannot_delete_version")
    );
    let no_id = json!({"app_id": DOCUMENTED_APP, "version_id": 456, "channel_id": 1, "link": "https://l.example"});
    for (method, path) in [("PUT", "/bundle/"), ("POST", "/bundle/metadata")] {
        assert_eq!(
            rejected(server.api(method, path, &no_id)),
            expected(400, missing, "cannot_find_version")
        );
    }
    let unknown = server.api("GET", "/bundle/?app_id=com.example.unknown", &NONE);
    assert_eq!(rejected(unknown), expected(400, missing, "cannot_get_bundle"));

    let invalid = "Invalid version format";
    let wrong = server.api("POST", "/bundle/", &bundle("1.0"));
    assert_eq!(rejected(wrong), expected(400, invalid, "invalid_version_format"));
    let empty = json!({"app_id": DOCUMENTED_APP, "version": ""});
    assert_eq!(
        rejected(server.api("DELETE", "/bundle/", &empty)),
        expected(400, invalid, "invalid_version")
    );

    let denied = "Insufficient permissions to manage bundles";
    let reader = server.limited_key(&[DOCUMENTED_APP], false);
    let other = server.limited_key(&["com.example.other"], true);
    let path = format!("/bundle/?app_id={DOCUMENTED_APP}");
    assert_eq!(
        rejected(server.api_as(&other, "GET", &path, &NONE)),
        expected(400, denied, "cannot_get_bundle")
    );
    let body = json!({"app_id": DOCUMENTED_APP, "version_id": id, "channel_id": 1, "link": "https://l.example"});
    for (method, path, body, code) in [
        ("POST", "/bundle/", bundle("2.0.0"), "cannot_create_bundle"),
        ("DELETE", "/bundle/", bundle("1.0.0"), "cannot_delete_version"),
        ("PUT", "/bundle/", body.clone(), "cannot_access_app"),
        ("POST", "/bundle/metadata", body, "cannot_update_version_metadata"),
    ] {
        assert_eq!(
            rejected(server.api_as(&reader, method, path, &body)),
            expected(400, denied, code),
            "{method} {path}"
        );
    }
    let unknown = server.api_as("cbk_unknown", "GET", &path, &NONE);
    assert_eq!(rejected(unknown), expected(401, denied, "invalid_apikey"));
}

#[test]
fn an_archive_that_cannot_be_deleted_is_a_storage_error() {
    let server = TestServer::start();
    server.publish("1.0.0");
    let archives = server.folder.path().join("bundles").join(APP);
    let archive = std::fs::read_dir(&archives).unwrap().next().unwrap().unwrap().path();
    // A folder, so that removing it as a file fails even for root.
    std::fs::remove_file(&archive).unwrap();
    std::fs::create_dir(&archive).unwrap();
    let deleted = server.api("DELETE", "/bundle/", &json!({"app_id": APP, "version": "1.0.0"}));
    assert_eq!(
        rejected(deleted),
        expected(500, "Failed to delete bundle from storage", "unknown_error")
    );
}

#[test]
fn other_errors_have_the_same_shape_and_the_same_statuses() {
    let server = TestServer::start_with(|config| config.limits.json_bytes = 2000);
    let create = |body: &Value| rejected(server.api("POST", "/bundle/", body));
    let code = |body: &Value| create(body).2;
    assert_eq!(
        code(&with(bundle("1.0.0"), "external_url", json!("http://a.example/a.zip"))),
        "invalid_protocol"
    );
    register(&server, "1.0.0");
    let taken = create(&bundle("1.0.0"));
    assert_eq!(
        taken,
        expected(400, "Version 1.0.0 already exists", "version_already_exists")
    );
    let large = with(bundle("1.0.1"), "comment", json!("x".repeat(2000)));
    assert_eq!(
        (create(&large).0, create(&large).2.as_str()),
        (413, "payload_too_large")
    );
    let garbage = server.send("POST", "/bundle", &[("authorization", &server.key)], b"{");
    assert_eq!(rejected((garbage.status, garbage.json())).2, "invalid_json_parse_body");
    let wrong = server.send("PATCH", "/bundle", &[], b"");
    assert_eq!(rejected((wrong.status, wrong.json())).2, "method_not_allowed");
    // Other routes keep Capgo's shape.
    let (_, channel) = server.api("GET", &format!("/channel?app_id={DOCUMENTED_APP}&channel=none"), &NONE);
    assert_eq!(channel["error"], "cannot_find_channel");
}

#[test]
fn a_rate_limit_error_has_the_documented_shape() {
    let server = TestServer::start_with(|config| config.limits.per_address = 1);
    let path = format!("/bundle/?app_id={DOCUMENTED_APP}");
    send(server.address, "GET", &path, &[], b"");
    let error = send(server.address, "GET", &path, &[], b"");
    assert!(error.header("retry-after").is_some());
    assert_eq!(
        rejected((error.status, error.json())),
        expected(429, "Too many requests", "too_many_requests")
    );
}

#[test]
fn checksums_that_no_device_accepts_are_rejected() {
    let server = TestServer::start();
    for checksum in [
        "abc123...",
        "0a0b0c0d",
        &CHECKSUM[1..],
        &format!("{CHECKSUM}00"),
        "none",
    ] {
        let error = rejected(server.api("POST", "/bundle/", &with(bundle("1.0.0"), "checksum", json!(checksum))));
        assert_eq!(error.2, "invalid_checksum", "{checksum}");
    }
    let upper = with(bundle("1.0.0"), "checksum", json!(CHECKSUM.to_uppercase()));
    assert_eq!(server.api("POST", "/bundle/", &upper).0, 200);
    assert_eq!(
        rows(&server)[0]["checksum"],
        CHECKSUM,
        "devices compare it case-sensitively"
    );
    let signed = with(bundle("1.0.1"), "checksum", json!("0a".repeat(256)));
    assert_eq!(server.api("POST", "/bundle/", &signed).0, 200);
}

#[test]
fn a_row_names_the_key_that_published_it_even_if_revoked() {
    for server in [TestServer::start(), TestServer::start_as_backend()] {
        let key = server.limited_key(&[DOCUMENTED_APP], true);
        assert_eq!(server.api_as(&key, "POST", "/bundle/", &bundle("1.0.0")).0, 200);
        assert!(Keys::open(server.folder.path()).unwrap().revoke(2).unwrap());
        let answer = list(&server, "").1;
        let row = answer.get("data").unwrap_or(&answer)[0].clone();
        assert_eq!(row["user_id"], "2:test");
    }
}

#[test]
fn native_packages_are_returned_as_they_were_sent() {
    for server in [TestServer::start(), TestServer::start_as_backend()] {
        let packages = json!([{"name": "@capacitor/camera", "version": "7.0.1"},
                              {"name": "@capgo/capacitor-updater", "version": "8.51.14", "ios_checksum": "ab"}]);
        let body = with(bundle("1.0.0"), "native_packages", packages.clone());
        assert_eq!(server.api("POST", "/bundle/", &body).0, 200);
        let answer = list(&server, "").1;
        assert_eq!(answer.get("data").unwrap_or(&answer)[0]["native_packages"], packages);
        for wrong in [
            json!("none"),
            json!({}),
            json!([{"name": "a"}]),
            json!(["a@1"]),
            json!([{"name": "", "version": "1"}]),
        ] {
            let body = with(bundle("1.0.1"), "native_packages", wrong);
            assert_eq!(
                server.error_code("POST", "/bundle/", &body),
                "invalid_native_packages",
                "{body}"
            );
        }
    }
}

#[test]
fn sizes_and_storage_are_listed() {
    let server = TestServer::start();
    server.publish("1.0.0");
    let url = server.upload(b"the archive of 1.0.0")["url"].clone();
    // A second bundle of the same archive uses no more storage.
    let twin = json!({"app_id": APP, "version": "1.0.1", "external_url": url, "checksum": "0a".repeat(256), "session_key": "aXY=:a2V5"});
    assert_eq!(server.api("POST", "/bundle", &twin).0, 200);
    let external = with(bundle("1.0.2"), "app_id", json!(APP));
    assert_eq!(server.api("POST", "/bundle", &external).0, 200);
    let (_, answer) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
    let sizes: Vec<Value> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["size"].clone())
        .collect();
    assert_eq!(sizes, [NONE, json!(20), json!(20)]);
    assert_eq!(answer["storage"], json!({"bundles": 3, "archives": 1, "bytes": 20}));
}

#[test]
fn a_bundle_of_an_older_version_gets_its_size_at_the_next_start() {
    let mut server = TestServer::start();
    server.publish("1.0.0");
    server.server.take().unwrap().stop().unwrap();
    let database = rusqlite::Connection::open(server.folder.path().join("capbundle.sqlite")).unwrap();
    database.execute("UPDATE bundles SET size = NULL", []).unwrap();
    drop(database);
    server.start_again();
    let started = std::time::Instant::now();
    loop {
        let (_, answer) = server.api("GET", &format!("/bundle?app_id={APP}"), &NONE);
        if answer["data"][0]["size"] == 20 {
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "{answer}");
    }
}

//! Channels and events of devices.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use crate::test_server::{APP, DEVICE, TestServer, request};
use serde_json::{Value, json};

fn with_channels() -> TestServer {
    let server = TestServer::start();
    server.promote(server.publish("1.5.0"));
    server.set_channel("beta", &json!({"allow_device_self_set": true}));
    server.set_channel("staff", &json!({}));
    server
}

fn choose(server: &TestServer, channel: &str) -> (u16, Value) {
    let mut body = request();
    body["channel"] = json!(channel);
    server.device("POST", "/channel_self", &body)
}

fn query() -> String {
    format!("/channel_self?app_id={APP}&device_id={DEVICE}&platform=android")
}

fn code(answer: (u16, Value)) -> String {
    let (status, answer) = answer;
    assert_eq!(status, 200, "{answer}");
    answer["error"]
        .as_str()
        .unwrap_or_else(|| panic!("{answer}"))
        .to_owned()
}

#[test]
fn a_device_sets_reads_and_clears_its_channel() {
    let server = with_channels();
    let now = || server.device("PUT", "/channel_self", &request()).1;
    assert_eq!(
        now(),
        json!({"channel": "production", "status": "default", "allowSet": false})
    );
    assert_eq!(
        choose(&server, "beta"),
        (200, json!({"status": "ok", "allowSet": true}))
    );
    assert_eq!(
        now(),
        json!({"channel": "beta", "status": "override", "allowSet": true})
    );
    assert_eq!(
        server.device("DELETE", &query(), &json!({})),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(now()["channel"], "production");
}

#[test]
fn a_device_lists_the_channels_it_may_choose() {
    let server = with_channels();
    let (status, list) = server.device("GET", &query(), &json!({}));
    let expected = json!([
        {"id": "1", "name": "production", "public": true, "allow_self_set": false},
        {"id": "2", "name": "beta", "public": false, "allow_self_set": true},
    ]);
    assert_eq!((status, list), (200, expected));
    server.set_channel("beta", &json!({"android": false}));
    assert_eq!(
        server.device("GET", &query(), &json!({})).1.as_array().unwrap().len(),
        1
    );
}

#[test]
fn older_plugins_do_not_get_allow_set() {
    let server = with_channels();
    let mut body = request();
    for (plugin, expected) in [
        ("5.33.9", false),
        ("5.34.0", true),
        ("6.33.0", false),
        ("7.34.0", true),
        ("8.0.0", true),
    ] {
        body["plugin_version"] = json!(plugin);
        let (_, answer) = server.device("PUT", "/channel_self", &body);
        assert_eq!(answer.get("allowSet").is_some(), expected, "{plugin}");
    }
}

#[test]
fn every_rejection_has_status_200_and_its_code() {
    let server = with_channels();
    assert_eq!(
        code(server.device("POST", "/channel_self", &request())),
        "missing_channel"
    );
    assert_eq!(code(choose(&server, "gone")), "channel_not_found");
    assert_eq!(code(choose(&server, "staff")), "channel_self_set_not_allowed");
    assert_eq!(
        code(choose(&server, "production")),
        "public_channel_self_set_not_allowed"
    );
    choose(&server, "beta");
    // A device stays in a channel that devices may no longer choose.
    server.set_channel("beta", &json!({"allow_device_self_set": false}));
    server.set_channel("gamma", &json!({"allow_device_self_set": true}));
    assert_eq!(code(choose(&server, "gamma")), "cannot_override");
    assert_eq!(
        code(server.device("DELETE", &query(), &json!({}))),
        "override_not_allowed"
    );
    let (status, answer) = server.device(
        "DELETE",
        "/channel_self?app_id=com.example.other&device_id=x",
        &json!({}),
    );
    assert_eq!((status, answer["error"].as_str().unwrap()), (400, "invalid_device_id"));
    let other = query().replace(APP, "com.example.other");
    let (status, answer) = server.device("GET", &other, &json!({}));
    assert_eq!((status, answer["error"].as_str().unwrap()), (429, "on_premise_app"));
    server.set_channel("production", &json!({"public": false}));
    let mut other_device = request();
    other_device["device_id"] = json!(DEVICE.replace('0', "1"));
    assert_eq!(
        code(server.device("PUT", "/channel_self", &other_device)),
        "channel_not_found"
    );
}

fn event(action: &str, version: &str) -> Value {
    let mut event = request();
    (event["action"], event["version_name"]) = (json!(action), json!(version));
    event
}

#[test]
fn events_are_counted_by_day_version_and_action() {
    let server = with_channels();
    assert_eq!(
        server.device("POST", "/stats", &event("set", "1.5.0")),
        (200, json!({"status": "ok"}))
    );
    let batch = json!([
        event("set", "1.5.0"),
        event("dance", "1.5.0"),
        event("download_90", "1.5.0:index.html"),
        event("set", "9.9.9"),
        5
    ]);
    let (status, answer) = server.device("POST", "/stats", &batch);
    let results = json!([
        {"status": "ok", "index": 0},
        {"status": "error", "index": 1, "error": "invalid_action"},
        {"status": "ok", "index": 2},
        {"status": "ok", "index": 3},
        {"status": "error", "index": 4, "error": "invalid_json_body"},
    ]);
    assert_eq!((status, answer), (200, json!({"status": "ok", "results": results})));
    let (_, rows) = server.api("GET", &format!("/statistics?app_id={APP}"), &Value::Null);
    let counts: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["version"].as_str().unwrap(),
                row["action"].as_str().unwrap(),
                row["count"]
            )
        })
        .collect();
    assert_eq!(counts, ["1.5.0 download_90 1", "1.5.0 set 2", "other set 1"]);
}

#[test]
fn a_single_event_is_rejected_with_its_code() {
    let server = with_channels();
    let rejected = |event: &Value| {
        let (status, answer) = server.device("POST", "/stats", event);
        (status, answer["error"].as_str().unwrap().to_owned())
    };
    assert_eq!(rejected(&event("dance", "1.5.0")), (400, "invalid_action".to_owned()));
    let mut other = event("set", "1.5.0");
    other["app_id"] = json!("com.example.other");
    assert_eq!(rejected(&other), (429, "on_premise_app".to_owned()));
    assert_eq!(rejected(&json!(vec![5; 1001])), (400, "too_many_events".to_owned()));
}

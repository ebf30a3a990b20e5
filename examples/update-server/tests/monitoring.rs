//! Monitoring: `/metrics`, and the alerting rules for Prometheus.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::test_server::{APP, CHECKSUM, TestServer, request};
use serde_json::{Value, json};

fn rules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus/capbundle.rules.yml")
}

fn metrics(server: &TestServer, key: &str) -> String {
    let response = server.send("GET", "/metrics", &[("authorization", key)], b"");
    assert_eq!(response.status, 200);
    String::from_utf8(response.body).unwrap()
}

fn event(version: &str, action: &str) -> Value {
    let mut event = request();
    event["version_name"] = json!(version);
    event["action"] = json!(action);
    event
}

fn assert_has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line}\n{text}");
}

#[test]
fn outcomes_of_updates_are_counted_by_version() {
    let server = TestServer::start();
    server.publish("2.0.0");
    let batch = json!([
        event("2.0.0", "download_fail"),
        event("2.0.0", "download_fail"),
        event("2.0.0", "update_fail"),
        event("2.0.0", "download_complete"),
        event("builtin", "reset"),
        event("2.0.0", "no_such_action"),
        event("made\"up", "set"),
    ]);
    assert_eq!(server.device("POST", "/stats", &batch).0, 200);
    assert_eq!(server.device("POST", "/stats", &event("2.0.0", "set")).0, 200);
    let text = metrics(&server, &server.key);
    let line = |version: &str, outcome: &str, count: u32| {
        format!("capbundle_device_reports_total{{app=\"{APP}\",outcome=\"{outcome}\",version=\"{version}\"}} {count}")
    };
    for (version, outcome, count) in [
        ("2.0.0", "download_failed", 2),
        ("2.0.0", "update_failed", 1),
        ("2.0.0", "downloaded", 1),
        ("2.0.0", "installed", 1),
        ("2.0.0", "rolled_back", 0),
        ("builtin", "rolled_back", 1),
        ("other", "installed", 1),
    ] {
        assert_has(&text, &line(version, outcome, count));
    }
    assert!(!text.contains("made"), "unknown versions are counted as `other`");
}

#[test]
fn the_storage_of_an_app_is_shown_to_keys_that_may_read_it() {
    let server = TestServer::start();
    server.publish("1.0.0");
    let other = json!({"app_id": "com.example.other", "version": "1.0.0", "external_url": "https://cdn.example/a.zip", "checksum": CHECKSUM});
    assert_eq!(server.api("POST", "/bundle", &other).0, 200);
    let text = metrics(&server, &server.key);
    assert_has(&text, &format!("capbundle_stored_bytes{{app=\"{APP}\"}} 20"));
    assert_has(&text, &format!("capbundle_stored_archives{{app=\"{APP}\"}} 1"));
    assert_has(&text, "capbundle_bundles{app=\"com.example.other\"} 1");
    assert_has(&text, "capbundle_stored_bytes{app=\"com.example.other\"} 0");
    let limited = metrics(&server, &server.limited_key(&[APP], false));
    assert!(
        limited.contains(APP) && !limited.contains("com.example.other"),
        "{limited}"
    );
    server.api("DELETE", "/bundle", &json!({"app_id": APP}));
    assert_has(
        &metrics(&server, &server.key),
        &format!("capbundle_stored_bytes{{app=\"{APP}\"}} 0"),
    );
}

#[test]
fn the_rules_use_only_existing_metrics() {
    let server = TestServer::start();
    server.publish("1.0.0");
    server.device("POST", "/stats", &event("1.0.0", "set"));
    let text = metrics(&server, &server.key);
    let known: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let rules = std::fs::read_to_string(rules()).unwrap();
    let mut used = 0;
    for word in rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
        if word.starts_with("capbundle_") {
            used += 1;
            assert!(known.contains(word), "{word} is not in /metrics");
        }
    }
    assert!(used > 8);
    for outcome in [
        "download_failed",
        "downloaded",
        "update_failed",
        "installed",
        "rolled_back",
    ] {
        assert!(
            rules.contains(outcome) && text.contains(&format!("outcome=\"{outcome}\"")),
            "{outcome}"
        );
    }
}

/// The output of `promtool` for a file. If it is not installed, prints a line and returns `None`.
fn promtool(test: &str, arguments: [&str; 2], file: &Path) -> Option<String> {
    let Ok(checked) = Command::new("promtool").args(arguments).arg(file).output() else {
        // Directly to stderr, because the test harness hides the output of passing tests.
        let line = format!("SKIPPED {test}: promtool is not installed (Debian has it in the package prometheus)\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must not skip tests");
        return None;
    };
    assert!(checked.status.success(), "{checked:?}");
    Some(String::from_utf8(checked.stdout).unwrap())
}

#[test]
fn prometheus_accepts_the_rules() {
    if let Some(output) = promtool("prometheus_accepts_the_rules", ["check", "rules"], &rules()) {
        assert!(output.contains("SUCCESS: 7 rules found"), "{output}");
    }
}

#[test]
fn alerts_fire_for_a_version_that_does_not_start_and_a_server_that_is_down() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/test_server/alerts.test.yml");
    promtool(
        "alerts_fire_for_a_version_that_does_not_start",
        ["test", "rules"],
        &cases,
    );
}

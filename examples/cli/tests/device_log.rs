//! `capbundle device log`: the log that an app's updater wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::json;

use crate::phone::Phone;

#[test]
fn a_phone_without_entries_has_an_empty_log() {
    let phone = Phone::new();
    phone.launch();

    assert_eq!(phone.call("log"), json!({"entries": []}));
    let text = phone.project.run("device log --store phone").reports();
    assert_eq!(text, "The log has no entries\n");
}

#[test]
fn entries_are_printed_oldest_first_with_time_bundle_and_reason() {
    let phone = Phone::new();
    phone.launch();
    phone.project.write(
        "phone/log.1.jsonl",
        "{\"at\":1764590000,\"event\":\"download_failed\",\"error\":\"network\",\"text\":\"no connection\"}\n",
    );
    phone.project.write(
        "phone/log.jsonl",
        concat!(
            "\n{\"at\":1764590001,\"bundle\":\"0123456789\",\"event\":\"fell_back\",\"previous\":\"2.0.0\",",
            "\"reason\":\"trial_failed\",\"version\":\"1.0.0\"}\n",
            "\n{\"at\":1764590002,\"event\":\"teleported\",\"speed\":1}\n",
            "\nnot an entry \u{1b}[31m\n",
            "\n{\"at\":1764590003,\"event\":\"lau",
        ),
    );

    let text = phone.project.run("device log --store phone").reports();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "2025-12-01T11:53:20Z  download failed     error network, no connection",
            "2025-12-01T11:53:21Z  fell back           1.0.0 (0123456789), before 2.0.0, trial_failed",
            "2025-12-01T11:53:22Z  {\"at\":1764590002,\"event\":\"teleported\",\"speed\":1}",
        ]
    );
    assert!(
        lines[3].starts_with("time unknown          log damaged         not an entry"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    assert_eq!(lines.len(), 4, "an unfinished line is left out: {text}");

    let document = phone.call("log");
    let entries = document["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(
        entries[1],
        json!({
            "at": 1_764_590_001, "event": "fell_back", "bundle": "0123456789", "version": "1.0.0",
            "previous": "2.0.0", "reason": "trial_failed"
        })
    );
    assert_eq!(entries[2]["speed"], 1);
}

#[test]
fn a_log_of_a_folder_without_a_device_is_refused() {
    let phone = Phone::new();
    let message = phone.run("log").fails("not_found", 1);
    assert!(message.contains("there is no device"), "{message}");
}

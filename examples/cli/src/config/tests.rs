#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;

use super::*;

const PEM: &str = "-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n";
const QUOTED: &str = r#""-----BEGIN RSA PUBLIC KEY-----\nMIIB\n-----END RSA PUBLIC KEY-----\n""#;

fn edited(text: &str) -> Change {
    with_public_key(Path::new("capacitor.config.json"), text, PEM).unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// `before` becomes `after`, in which KEY stands for the key.
fn becomes(before: &str, after: &str) {
    let after = after.replace("KEY", QUOTED);
    assert_eq!(edited(before).text, after);
    // Setting the same key again changes nothing.
    let again = edited(&after);
    assert_eq!((again.text, again.replaced), (after, false));
}

#[test]
fn only_the_key_is_added_and_the_style_of_the_file_kept() {
    let cases = [
        (
            "{}",
            "{\n  \"plugins\": {\n    \"CapacitorUpdater\": {\n      \"publicKey\": KEY\n    }\n  }\n}",
        ),
        (
            "{\n}\n",
            "{\n  \"plugins\": {\n    \"CapacitorUpdater\": {\n      \"publicKey\": KEY\n    }\n  }\n}\n",
        ),
        (
            r#"{"appId":"a"}"#,
            r#"{"appId":"a","plugins": { "CapacitorUpdater": { "publicKey": KEY } }}"#,
        ),
        (
            r#"{ "appId": "a", "plugins": { "CapacitorUpdater": {} } }"#,
            r#"{ "appId": "a", "plugins": { "CapacitorUpdater": {"publicKey": KEY} } }"#,
        ),
        (
            "{\n    \"b\": 1.0e2,\n    \"plugins\": {\n        \"CapacitorUpdater\": {\n            \"autoUpdate\": true\n        },\n        \"A\": [1,2 ]\n    },\n    \"a\": \"\\u0041\"\n}\n",
            "{\n    \"b\": 1.0e2,\n    \"plugins\": {\n        \"CapacitorUpdater\": {\n            \"autoUpdate\": true,\n            \"publicKey\": KEY\n        },\n        \"A\": [1,2 ]\n    },\n    \"a\": \"\\u0041\"\n}\n",
        ),
        (
            "{\n\t\"appId\": \"a\",\n\t\"plugins\": {\n\t\t\"CapacitorUpdater\": { \"autoUpdate\": true }\n\t}\n}",
            "{\n\t\"appId\": \"a\",\n\t\"plugins\": {\n\t\t\"CapacitorUpdater\": { \"autoUpdate\": true, \"publicKey\": KEY }\n\t}\n}",
        ),
        (
            "{\n\t\"appId\": \"a\",\n\t\"plugins\": {}\n}",
            "{\n\t\"appId\": \"a\",\n\t\"plugins\": {\n\t\t\"CapacitorUpdater\": {\n\t\t\t\"publicKey\": KEY\n\t\t}\n\t}\n}",
        ),
    ];
    for (before, after) in cases {
        becomes(before, after);
    }
}

#[test]
fn line_ends_and_byte_order_mark_survive() {
    becomes(
        "\u{feff}{\r\n  \"appId\": \"a\",\r\n  \"plugins\": {\r\n    \"X\": {}\r\n  }\r\n}\r\n",
        "\u{feff}{\r\n  \"appId\": \"a\",\r\n  \"plugins\": {\r\n    \"X\": {},\r\n    \"CapacitorUpdater\": {\r\n      \
         \"publicKey\": KEY\r\n    }\r\n  }\r\n}\r\n",
    );
}

#[test]
fn another_key_is_replaced_in_place_and_reported() {
    let before = "{\"plugins\":{\"CapacitorUpdater\":{\"publicKey\" :  \"old\" ,\"z\":1}}}";
    let change = edited(before);
    assert_eq!(change.text, before.replace("\"old\"", QUOTED));
    assert!(change.replaced && !change.removed_private_key);
    assert!(!edited(&change.text).replaced);
}

#[test]
fn an_old_private_key_is_removed_from_any_position() {
    for (before, after) in [
        ("{\"privateKey\": \"p\"}", "{\"publicKey\": KEY}"),
        (
            "{ \"privateKey\": \"p\", \"a\": 1 }",
            "{ \"publicKey\": KEY, \"a\": 1 }",
        ),
        (
            "{\n \"publicKey\": \"o\",\n \"privateKey\": \"p\"\n}",
            "{\n \"publicKey\": KEY\n}",
        ),
        (
            "{\n \"privateKey\": \"p\",\n \"publicKey\": \"o\"\n}",
            "{\n \"publicKey\": KEY\n}",
        ),
        (
            "{\"publicKey\":\"o\",\"privateKey\":\"p\",\"a\":1}",
            "{\"publicKey\":KEY,\"a\":1}",
        ),
    ] {
        let around = |inner: &str| format!("{{\"plugins\":{{\"CapacitorUpdater\":{inner}}}}}");
        let change = edited(&around(before));
        assert_eq!(change.text, around(after).replace("KEY", QUOTED));
        assert!(change.removed_private_key);
    }
}

#[test]
fn a_private_key_of_another_plugin_is_left_alone() {
    let before =
        "{\"privateKey\":1,\"plugins\":{\"Other\":{\"privateKey\":2},\"CapacitorUpdater\":{\"publicKey\":\"o\"}}}";
    let change = edited(before);
    assert_eq!(change.text, before.replace("\"o\"", QUOTED));
    assert!(!change.removed_private_key);
}

#[test]
fn a_file_that_is_not_a_json_object_is_refused_with_its_line() {
    for (text, part) in [
        ("{\n  // comment\n}", "capacitor.config.json:2: "),
        ("{\"a\":1,}", "not valid JSON"),
        ("{'a':1}", "not valid JSON"),
        ("[]", "not a JSON object"),
        ("", "not a JSON object"),
        ("{\"plugins\":[]}", "`plugins` is not an object"),
        (
            "{\"plugins\":{\"CapacitorUpdater\":true}}",
            "`CapacitorUpdater` is not an object",
        ),
    ] {
        let failure = with_public_key(Path::new("capacitor.config.json"), text, PEM).unwrap_err();
        assert_eq!(failure.code, "invalid_config");
        assert!(failure.message.contains(part), "{text}: {}", failure.message);
    }
}

#[test]
fn json_and_scripts_give_the_same_values() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("capacitor.config.json");
    let script = folder.path().join("capacitor.config.ts");
    fs::write(&json, "\u{feff}{\"appId\":\"a.b\",\"webDir\":\"www\",\"plugins\":{\"CapacitorUpdater\":{\"appId\":\"c.d\",\"publicKey\":\"k\"}}}").unwrap();
    fs::write(
        &script,
        "export default {appId:'a.b',webDir:'www',plugins:{CapacitorUpdater:{appId:'c.d',publicKey:'k'}}}",
    )
    .unwrap();
    for path in [json, script] {
        let config = CapacitorConfig::read(&path).unwrap();
        assert_eq!(config.app_id().unwrap().as_deref(), Some("c.d"));
        assert_eq!(config.web_dir().unwrap().as_deref(), Some("www"));
        assert_eq!(config.public_key().unwrap().as_deref(), Some("k"));
    }
}

#[test]
fn the_script_wins_over_the_json_as_in_capacitor() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["capacitor.config.json", "capacitor.config.js", "capacitor.config.ts"] {
        fs::write(folder.path().join(name), "").unwrap();
        assert_eq!(CapacitorConfig::find(folder.path()), Some(folder.path().join(name)));
    }
}

#[test]
fn an_unreadable_value_is_named_with_its_place_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("capacitor.config.ts");
    fs::write(
        &script,
        "export default {\n  appId: process.env.ID,\n  webDir: dir(),\n}",
    )
    .unwrap();
    let config = CapacitorConfig::read(&script).unwrap();
    let message = config.app_id().unwrap_err().message;
    assert!(
        message.contains("capacitor.config.ts:2:10: cannot read `appId`: `process.env.ID` comes from the environment")
            && message.contains("first argument"),
        "{message}"
    );
    let message = config.web_dir().unwrap_err().message;
    assert!(
        message.contains("capacitor.config.ts:3:11: cannot read `webDir`: `dir()`") && message.contains("--path"),
        "{message}"
    );
    fs::write(folder.path().join("c.json"), "{\n\"appId\": {}}").unwrap();
    let config = CapacitorConfig::read(&folder.path().join("c.json")).unwrap();
    assert!(
        config
            .app_id()
            .unwrap_err()
            .message
            .contains("c.json:2:10: cannot read `appId`: `{}` is not a string")
    );
}

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::ErrorKind;

fn parse(json: &str) -> Result<Vec<ApplyCondition>> {
    ApplyCondition::parse_capgo(json, UtcOffset::UTC)
}

fn problem(json: &str) -> String {
    let error = parse(json).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{json}");
    error.to_string()
}

#[test]
fn conditions_are_read_as_set_multi_delay_receives_them() {
    let native = |version| ApplyCondition::NativeVersion(NativeVersion::new(version));
    for (json, expected) in [
        ("[]", vec![]),
        ("", vec![]),
        (" \n", vec![]),
        (r#"[{"kind":"background"}]"#, vec![ApplyCondition::Background(0)]),
        (
            r#"[{"kind":"background","value":""}]"#,
            vec![ApplyCondition::Background(0)],
        ),
        (
            r#"[{"kind":"background","value":null}]"#,
            vec![ApplyCondition::Background(0)],
        ),
        (
            r#"[{"kind":"background","value":"0"}]"#,
            vec![ApplyCondition::Background(0)],
        ),
        (
            r#"[{"kind":"background","value":"300000"}]"#,
            vec![ApplyCondition::Background(300_000)],
        ),
        (
            r#"[{"kind":"background","value":300000}]"#,
            vec![ApplyCondition::Background(300_000)],
        ),
        (r#"[{"kind":"kill"}]"#, vec![ApplyCondition::Kill]),
        (r#"[{"kind":"kill","value":""}]"#, vec![ApplyCondition::Kill]),
        (
            r#"[{"kind":"kill","value":{"not":"read"}}]"#,
            vec![ApplyCondition::Kill],
        ),
        (r#"[{"kind":"nativeVersion","value":"2.0.0"}]"#, vec![native("2.0.0")]),
        (r#"[{"kind":"nativeVersion","value":"3-beta"}]"#, vec![native("3-beta")]),
        (
            r#"[{"kind":"date","value":"2025-12-31T23:59:59Z"}]"#,
            vec![ApplyCondition::Date(Timestamp(1_767_225_599))],
        ),
        (
            r#"[{"kind":"date","value":"2025-12-31T23:59:59.001Z"}]"#,
            vec![ApplyCondition::Date(Timestamp(1_767_225_600))],
        ),
        (
            r#"[{"kind":"date","value":"2026-01-01"}]"#,
            vec![ApplyCondition::Date(Timestamp(1_767_225_600))],
        ),
        (
            r#"[{"kind":"kill"},{"kind":"background","value":"300000","note":"ignored"}]"#,
            vec![ApplyCondition::Kill, ApplyCondition::Background(300_000)],
        ),
    ] {
        assert_eq!(parse(json).unwrap(), expected, "{json}");
    }
}

#[test]
fn conditions_are_read_as_the_plugins_store_them() {
    let stored_on_android = r#"[{"kind":"kill","value":""},{"value":"5","kind":"background"}]"#;
    let stored_on_ios = r#"[{"value":"","kind":"kill"},{"kind":"background","value":"5"}]"#;
    for stored in [stored_on_android, stored_on_ios] {
        let expected = [ApplyCondition::Kill, ApplyCondition::Background(5)];
        assert_eq!(parse(stored).unwrap(), expected, "{stored}");
    }
}

#[test]
fn a_date_without_an_offset_is_local_as_in_the_plugins() {
    let local = UtcOffset::from_seconds_east(-5 * 3600).unwrap();
    let json = r#"[{"kind":"date","value":"2026-01-01T00:00:00"},{"kind":"date","value":"2026-01-01T00:00:00.000"}]"#;
    let conditions = ApplyCondition::parse_capgo(json, local).unwrap();
    let expected = ApplyCondition::Date(Timestamp(1_767_225_600 + 5 * 3600));
    assert_eq!(conditions, [expected.clone(), expected]);
}

#[test]
fn a_condition_that_cannot_be_parsed_is_refused_with_its_index_and_kind() {
    for (json, expected) in [
        (
            r#"[{"kind":"kill"},{"kind":"background","value":"soon"}]"#,
            "delayConditions[1], kind \"background\": expected a whole number of milliseconds from 0, such as \
             \"300000\", found \"soon\"",
        ),
        (
            r#"[{"kind":"background","value":"-1"}]"#,
            "delayConditions[0], kind \"background\": expected a whole number of milliseconds from 0, such as \
             \"300000\", found \"-1\"",
        ),
        (
            r#"[{"kind":"background","value":1.5}]"#,
            "delayConditions[0], kind \"background\": expected a whole number of milliseconds from 0, such as \
             \"300000\", found 1.5",
        ),
        (
            r#"[{"kind":"nativeVersion"}]"#,
            "delayConditions[0], kind \"nativeVersion\": expected a version such as \"2.0.0\", found null",
        ),
        (
            r#"[{"kind":"nativeVersion","value":"next"}]"#,
            "delayConditions[0], kind \"nativeVersion\": expected a version such as \"2.0.0\", found \"next\"",
        ),
        (
            r#"[{"kind":"nativeVersion","value":2.10}]"#,
            "delayConditions[0], kind \"nativeVersion\": expected a version such as \"2.0.0\", found 2.1",
        ),
        (
            r#"[{"kind":"date","value":"tomorrow"}]"#,
            "delayConditions[0], kind \"date\": expected an ISO 8601 date such as 2030-01-31T23:59:59Z, found \
             \"tomorrow\": expected 4 digits for the year, found 0",
        ),
        (
            r#"[{"kind":"date","value":1767225599000}]"#,
            "delayConditions[0], kind \"date\": expected an ISO 8601 date such as \"2030-01-31T23:59:59Z\", found \
             1767225599000",
        ),
        (
            r#"[{"kind":"date"}]"#,
            "delayConditions[0], kind \"date\": expected an ISO 8601 date such as \"2030-01-31T23:59:59Z\", found null",
        ),
        (
            r#"[{"kind":"Background"}]"#,
            "delayConditions[0], kind \"Background\": expected background, kill, nativeVersion or date",
        ),
        (
            r#"[{"value":"5"}]"#,
            "delayConditions[0], kind null: expected background, kill, nativeVersion or date",
        ),
        (
            r#"[{"kind":"kill"},"kill"]"#,
            "delayConditions[1]: expected an object with kind and value, found \"kill\"",
        ),
        (
            r#"{"kind":"kill"}"#,
            "delayConditions: expected an array of {\"kind\", \"value\"}, found an object",
        ),
        (
            "null",
            "delayConditions: expected an array of {\"kind\", \"value\"}, found null",
        ),
    ] {
        assert_eq!(problem(json), expected, "{json}");
    }
    assert!(problem("[{]").starts_with("delayConditions: "));
}

#[test]
fn conditions_are_written_in_the_storage_form_of_the_plugin() {
    let conditions = [
        ApplyCondition::Background(300_000),
        ApplyCondition::Kill,
        ApplyCondition::NativeVersion(NativeVersion::new("2.0.0")),
        ApplyCondition::Date(Timestamp(1_767_225_599)),
    ];
    let json = ApplyCondition::to_capgo_json(&conditions);
    assert_eq!(
        json,
        r#"[{"kind":"background","value":"300000"},{"kind":"kill","value":""},{"kind":"nativeVersion","value":"2.0.0"},{"kind":"date","value":"2025-12-31T23:59:59.000Z"}]"#
    );
    assert_eq!(parse(&json).unwrap(), conditions);
    assert_eq!(ApplyCondition::to_capgo_json(&[]), "[]");
}

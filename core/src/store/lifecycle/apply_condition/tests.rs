#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

use super::*;

fn waiting(delays: &[ApplyCondition]) -> ApplyConditions {
    let mut all = ApplyConditions::default();
    all.set(delays.to_vec());
    all
}

fn native(version: &str) -> NativeVersion {
    NativeVersion::new(version)
}

#[test]
fn nothing_to_wait_for_is_met() {
    assert!(waiting(&[]).are_met());
}

#[test]
fn a_background_is_measured_with_the_precision_of_the_clock() {
    for (wait, away, met) in [
        (0, 0, true),
        (1, 0, false),
        (1, 1, true),
        (1000, 1, true),
        (1001, 1, false),
        (1001, 2, true),
    ] {
        let mut delays = waiting(&[ApplyCondition::Background(wait)]);
        delays.entered_background(Timestamp(100));
        delays.entered_foreground(&native("1"), Timestamp(100 + away));
        assert_eq!(delays.are_met(), met, "{wait} ms wanted, {away} s away");
    }
}

#[test]
fn a_foreground_without_a_background_before_it_is_no_wait() {
    let mut delays = waiting(&[ApplyCondition::Background(0)]);
    delays.entered_foreground(&native("1"), Timestamp(100));
    assert!(!delays.are_met());
}

#[test]
fn two_backgrounds_do_not_add_up() {
    let mut delays = waiting(&[ApplyCondition::Background(10_000)]);
    for start in [0, 100] {
        delays.entered_background(Timestamp(start));
        delays.entered_foreground(&native("1"), Timestamp(start + 9));
    }
    assert!(!delays.are_met());
}

#[test]
fn only_a_new_process_meets_a_kill() {
    let mut delays = waiting(&[ApplyCondition::Kill]);
    delays.entered_background(Timestamp(0));
    delays.entered_foreground(&native("1"), Timestamp(1000));
    delays.satisfy_conditions(&native("1"), Timestamp(1000));
    assert!(!delays.are_met());
    delays.launched(&native("1"), Timestamp(1000));
    assert!(delays.are_met());
}

#[test]
fn a_native_version_without_an_order_meets_nothing() {
    let mut delays = waiting(&[ApplyCondition::NativeVersion(native("2"))]);
    delays.launched(&native("unknown"), Timestamp(0));
    assert!(!delays.are_met());
    delays.launched(&native("2.0.1"), Timestamp(0));
    assert!(delays.are_met());
}

#[test]
fn the_encoding_is_stable() {
    let delays = [
        (ApplyCondition::Background(5), r#"{"kind":"background","value":5}"#),
        (ApplyCondition::Kill, r#"{"kind":"kill"}"#),
        (
            ApplyCondition::NativeVersion(native("1.2")),
            r#"{"kind":"nativeVersion","value":"1.2"}"#,
        ),
        (ApplyCondition::Date(Timestamp(9)), r#"{"kind":"date","value":9}"#),
    ];
    for (delay, text) in delays {
        assert_eq!(serde_json::to_string(&delay).unwrap(), text);
        assert_eq!(
            crate::store::storage::json::read::<ApplyCondition>(text.as_bytes()).unwrap(),
            delay
        );
    }
}

//! `capbundle device`: the life cycle of bundles on a phone. Each call is a separate process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::json;

use crate::phone::Phone;
use crate::project::text_of;

#[test]
fn a_version_that_crashes_twice_falls_back_to_the_proven_one() {
    let phone = Phone::new();
    let first = phone.launch();
    assert_eq!(
        (&first["bundle"], &first["reason"]),
        (&json!("builtin"), &json!("current"))
    );

    let good = phone.install("2.0.0", "--next");
    let launch = phone.launch();
    assert_eq!(launch["reason"], "next_applied");
    assert_eq!(
        (&launch["version"], &launch["onTrial"]),
        (&json!("2.0.0"), &json!(true))
    );
    assert_eq!(launch["readyWithinMs"], 10_000);
    assert_eq!(
        phone.call("started"),
        json!({"bundle": good, "onTrial": true, "counts": true})
    );
    assert_eq!(phone.call("confirm"), json!({"bundle": good, "result": "proven"}));

    let broken = phone.install("3.0.0", "--next");
    for reason in ["next_applied", "current"] {
        let launch = phone.launch();
        assert_eq!(
            (&launch["version"], &launch["reason"]),
            (&json!("3.0.0"), &json!(reason))
        );
        phone.call("started");
    }

    let fallen = phone.launch();
    assert_eq!(
        (&fallen["bundle"], &fallen["reason"]),
        (&json!(good), &json!("trial_failed"))
    );
    assert_eq!(
        (&fallen["onTrial"], &fallen["failed"]["id"]),
        (&json!(false), &json!(broken))
    );
    assert_eq!(fallen["failed"]["cause"], "never_confirmed");
    let status = phone.call("status");
    assert_eq!((&status["current"], &status["fallback"]), (&json!(good), &json!(good)));
    assert_eq!(status["failed"].as_array().unwrap().len(), 1);
    assert_eq!(phone.call("confirm")["result"], "already_proven");

    let refused = phone.try_install("3.0.0", "").fails("not_trusted", 1);
    assert!(refused.contains("3.0.0") && refused.contains("forget"), "{refused}");
    assert_eq!(phone.call("forget 3.0.0"), json!({"version": "3.0.0", "forgotten": 1}));
    assert_eq!(phone.call("forget 3.0.0")["forgotten"], 0);
    phone.install("3.0.0", "");
}

#[test]
fn the_served_files_are_the_installed_ones() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    let folder = text_of(&phone.launch(), "folder");
    assert_eq!(phone.project.text(&format!("{folder}/version.txt")), "2.0.0");
    assert!(phone.project.has(&format!("{folder}/index.html")));
}

#[test]
fn a_page_that_never_starts_is_abandoned_but_not_failed() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    for _ in 0..5 {
        assert_eq!(phone.launch()["bundle"], bundle);
    }
    let given_up = phone.launch();
    assert_eq!(
        (&given_up["bundle"], &given_up["reason"]),
        (&json!("builtin"), &json!("trial_never_started"))
    );
    assert_eq!(phone.call("status")["failed"], json!([]));
    phone.call(&format!("next {bundle}"));
    assert_eq!(phone.launch()["bundle"], bundle);
}

#[test]
fn a_process_that_ends_in_the_background_is_not_a_failed_attempt() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    for _ in 0..6 {
        assert_eq!(phone.launch()["bundle"], bundle);
        phone.call("started");
        assert_eq!(phone.call("background")["applied"], false);
    }
    assert_eq!(phone.call("status")["failed"], json!([]));
    assert_eq!(phone.launch()["bundle"], bundle);
    phone.call("started");
    phone.call("background");
    assert_eq!(phone.call("expired")["result"], "ignored");
    phone.call("foreground");
    assert_eq!(phone.call("confirm")["result"], "proven");
}

#[test]
fn calls_between_launch_and_confirm_belong_to_the_same_run() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    phone.launch();
    assert_eq!(phone.call("started")["counts"], true);
    assert_eq!(phone.call("started")["counts"], true);
    phone.install("3.0.0", "");
    phone.call("list");
    phone.call("clean");
    let status = phone.call("status");
    assert_eq!(
        (&status["serves"]["bundle"], &status["serves"]["onTrial"]),
        (&json!(bundle), &json!(true))
    );
    assert_eq!(phone.call("confirm")["result"], "proven");
    assert_eq!(phone.call("status")["serves"]["onTrial"], false);
}

#[test]
fn a_late_confirmation_of_another_bundle_is_ignored() {
    let phone = Phone::new();
    let old = phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    phone.call("confirm");
    let new = phone.install("3.0.0", "--next");
    phone.launch();
    assert_eq!(
        phone.call(&format!("confirm {old}")),
        json!({"bundle": old, "result": "ignored", "current": new})
    );
    let status = phone.call("status");
    assert_eq!(
        (&status["fallback"], &status["serves"]["onTrial"]),
        (&json!(old), &json!(true))
    );
    assert_eq!(phone.call("confirm builtin")["result"], "built_in");
}

#[test]
fn a_timeout_falls_back_and_a_second_one_fails_the_bundle() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    let expired = phone.call("expired");
    assert_eq!(
        (&expired["bundle"], &expired["result"]),
        (&json!(bundle), &json!("fell_back"))
    );
    assert_eq!(
        (&expired["serves"]["bundle"], &expired["serves"]["reason"]),
        (&json!("builtin"), &json!("trial_expired"))
    );
    assert_eq!(phone.call("status")["serves"]["bundle"], "builtin");
    assert_eq!(phone.call("expired")["result"], "ignored");

    assert_eq!(phone.launch()["bundle"], bundle);
    phone.call("started");
    assert_eq!(phone.call("expired")["serves"]["failed"]["id"], bundle);
    phone.try_install("2.0.0", "").fails("not_trusted", 1);
    assert_eq!(phone.launch()["bundle"], "builtin");
}

#[test]
fn set_and_reset_serve_at_once() {
    let phone = Phone::new();
    let (old, new) = (phone.install("2.0.0", ""), phone.install("3.0.0", ""));
    phone.launch();
    let set = phone.call(&format!("set {old}"));
    assert_eq!(
        (&set["bundle"], &set["reason"], &set["onTrial"]),
        (&json!(old), &json!("set_current"), &json!(true))
    );
    assert_eq!(phone.call("started")["counts"], true);
    phone.call("confirm");
    phone.call(&format!("set {new}"));
    let reset = phone.call("reset --to-last-proven");
    assert_eq!((&reset["bundle"], &reset["reason"]), (&json!(old), &json!("reset")));
    assert_eq!(phone.call("reset")["bundle"], "builtin");
    assert_eq!(phone.launch()["bundle"], "builtin");
    assert_eq!(phone.call(&format!("set {new}"))["bundle"], new);
    assert_eq!(phone.call("set builtin")["bundle"], "builtin");
}

#[test]
fn a_bundle_marked_as_failed_is_served_until_the_run_ends() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    let folder = text_of(&phone.launch(), "folder");
    phone.call("started");
    phone.call("confirm");
    let failed = phone.call(&format!("fail {bundle}"));
    assert_eq!(failed["failed"][0]["cause"], "marked");
    assert_eq!(phone.call("status")["serves"]["bundle"], bundle);
    phone.call("clean");
    assert!(phone.project.has(&format!("{folder}/index.html")));
    assert_eq!(phone.launch()["bundle"], "builtin");
    phone.call("clean");
    assert!(!phone.project.has(&folder));
    phone.try_install("2.0.0", "").fails("not_trusted", 1);
}

#[test]
fn a_native_update_resets_to_the_built_in_bundle_and_clears_failures() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    phone.launch();
    phone.call("started");
    phone.call("confirm");
    let broken = phone.install("3.0.0", "");
    phone.call(&format!("fail {broken}"));
    let launch = phone.call("launch --native-build 2 --native-version 1.1.0");
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("native_changed"))
    );
    assert_eq!(phone.call("list")["bundles"], json!([]));
    let status = phone.call("status");
    assert_eq!(
        (&status["failed"], &status["fallback"]),
        (&json!([]), &json!("builtin"))
    );
    assert_eq!(
        (&status["nativeVersion"], &status["nativeBuild"]),
        (&json!("1.1.0"), &json!("2"))
    );
    phone.install("3.0.0", "");
    assert_eq!(phone.launch()["reason"], "current");
}

#[test]
fn a_bundle_for_other_native_versions_is_not_served() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next --min-native 1.5 --max-native 2.9");
    assert_eq!(phone.launch()["bundle"], "builtin");
    assert_eq!(phone.call("status")["next"], bundle);
    let kept = "--reset-when-update false";
    assert_eq!(
        phone.call(&format!("launch --native-version 1.10.0 {kept}"))["bundle"],
        bundle
    );
    phone.call("started");
    phone.call("confirm");
    let launch = phone.call(&format!("launch --native-version 3.0.0 {kept}"));
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("out_of_native_range"))
    );
}

#[test]
fn the_kill_condition_waits_for_the_end_of_the_process() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "");
    phone.launch();
    phone.call(&format!("next {bundle} --delay kill"));
    assert_eq!(phone.call("background")["applied"], false);
    assert_eq!(phone.call("foreground")["delays"], json!([{"kind": "kill"}]));
    assert_eq!(phone.launch()["bundle"], bundle);
}

#[test]
fn without_conditions_the_next_bundle_is_applied_in_the_background() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "");
    phone.launch();
    phone.call(&format!("next {bundle}"));
    let background = phone.call("background");
    assert_eq!(
        (&background["applied"], &background["serves"]["bundle"]),
        (&json!(true), &json!(bundle))
    );
    assert_eq!(phone.call("started")["counts"], true);
    assert_eq!(phone.call("confirm")["result"], "proven");
}

#[test]
fn a_background_condition_waits_for_its_time() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "");
    phone.launch();
    phone.call(&format!("next {bundle} --delay background=3600000"));
    for _ in 0..2 {
        phone.call("background");
        let waiting = json!([{"kind": "background", "value": 3_600_000}]);
        assert_eq!(phone.call("foreground")["delays"], waiting);
    }
    assert_eq!(phone.launch()["bundle"], "builtin");
    phone.call(&format!("next {bundle} --delay background"));
    assert_eq!(phone.call("background")["applied"], false);
    assert_eq!(phone.call("foreground")["delays"], json!([]));
    assert_eq!(phone.call("background")["serves"]["bundle"], bundle);
}

#[test]
fn all_conditions_must_be_met() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "");
    phone.launch();
    let (past, future) = ("date=1000000000", "date=4000000000");
    phone.call(&format!(
        "next {bundle} --delay {past} --delay {future} --delay kill --delay nativeVersion=2.0.0"
    ));
    assert_eq!(phone.launch()["bundle"], "builtin");
    let waiting = json!([
        {"kind": "date", "value": 4_000_000_000_u64},
        {"kind": "nativeVersion", "value": "2.0.0"},
    ]);
    assert_eq!(phone.call("status")["delays"], waiting);
    phone.call(&format!("next {bundle} --delay {past} --delay nativeVersion=2.0.0"));
    let kept = "--reset-when-update false";
    assert_eq!(
        phone.call(&format!("launch --native-version 1.9 {kept}"))["bundle"],
        "builtin"
    );
    assert_eq!(
        phone.call(&format!("launch --native-version 2.0 {kept}"))["bundle"],
        bundle
    );
}

#[test]
fn the_next_bundle_can_be_cleared() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    assert_eq!(phone.call("next --clear"), json!({"delays": []}));
    assert_eq!(phone.launch()["bundle"], "builtin");
    assert!(phone.call("status").get("next").is_none());
}

#[test]
fn a_confirmation_before_the_page_started_is_ignored() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "");
    phone.launch();
    phone.call(&format!("set {bundle}"));

    let confirmed = phone.call("confirm");

    assert_eq!(
        confirmed,
        json!({"bundle": bundle, "result": "ignored", "current": bundle})
    );
    assert_eq!(phone.call("status")["fallback"], "builtin");
    phone.call("started");
    assert_eq!(phone.call("confirm")["result"], "proven");
}

#[test]
fn a_new_native_version_with_the_same_build_is_a_native_update() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    for call in ["launch", "started", "confirm"] {
        phone.call(call);
    }
    let launch = phone.call("launch --native-version 2.0.0");
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!("builtin"), &json!("native_changed"))
    );
}

#[test]
fn a_proven_version_that_stops_confirming_is_set_aside_but_not_failed() {
    let phone = Phone::new();
    let old = phone.install("2.0.0", "--next");
    for call in ["launch", "started", "confirm"] {
        phone.call(call);
    }
    let new = phone.install("3.0.0", "--next");
    for call in ["launch", "started", "confirm"] {
        phone.call(call);
    }
    for on_trial in [false, false, false, true, true] {
        let launch = phone.launch();
        assert_eq!((&launch["bundle"], &launch["onTrial"]), (&json!(new), &json!(on_trial)));
        phone.call("started");
    }
    let launch = phone.launch();
    assert_eq!(
        (&launch["bundle"], &launch["reason"]),
        (&json!(old), &json!("set_aside"))
    );
    assert_eq!(phone.call("status")["failed"], json!([]));
    phone.try_install("3.0.0", "").fails("not_trusted", 1);
    assert_eq!(phone.call("forget 3.0.0")["forgotten"], 1);
    let again = phone.try_install("3.0.0", "").document();
    assert_eq!(
        again["alreadyInstalled"], true,
        "its files are kept until another bundle proves itself"
    );
}

#[test]
fn a_start_in_the_background_is_not_an_attempt() {
    let phone = Phone::new();
    let bundle = phone.install("2.0.0", "--next");
    for _ in 0..6 {
        let launch = phone.call("launch --background");
        assert_eq!(launch["bundle"], bundle);
        assert!(launch.get("readyWithinMs").is_none());
        phone.call("started");
    }
    assert_eq!(phone.call("status")["failed"], json!([]));
}

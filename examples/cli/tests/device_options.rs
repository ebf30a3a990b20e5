//! `capbundle device` with app settings other than the defaults.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::json;

use crate::phone::Phone;

#[test]
fn a_bundle_fails_after_as_many_starts_as_it_has_attempts() {
    for (attempts, starts) in [("--attempts 1", 1), ("", 2), ("--attempts 3", 3)] {
        let phone = Phone::new();
        phone.install("2.0.0", "--next");
        for start in 0..starts {
            let launch = phone.call(&format!("launch {attempts}"));
            assert_eq!(launch["version"], "2.0.0", "{attempts}: start {start}");
            phone.call(&format!("started {attempts}"));
        }
        assert_eq!(phone.call(&format!("launch {attempts}"))["reason"], "trial_failed");
    }
}

#[test]
fn the_time_to_confirm_is_configurable() {
    let phone = Phone::new();
    phone.install("2.0.0", "--next");
    let launch = phone.call("launch --app-ready-timeout 1m");
    assert_eq!(launch["readyWithinMs"], 60_000);
}

#[test]
fn a_replaced_bundle_is_kept_if_auto_delete_is_off() {
    for (option, left) in [("--auto-delete-previous false", 2), ("--silent-starts 0", 1), ("", 2)] {
        let phone = Phone::new();
        for version in ["2.0.0", "3.0.0"] {
            phone.install(version, "--next");
            for call in ["launch", "started", "confirm"] {
                phone.call(&format!("{call} {option}"));
            }
            // The bundle of the previous session is removed only after that session ended.
            phone.call(&format!("launch {option}"));
        }
        phone.call(&format!("clean {option}"));
        let installed = phone.call("list");
        assert_eq!(
            installed["bundles"].as_array().unwrap().len(),
            left,
            "{option}: {installed}"
        );
    }
}

#[test]
fn the_files_of_a_failed_bundle_are_kept_if_auto_delete_is_off() {
    for (option, stays) in [("--auto-delete-failed false", true), ("", false)] {
        let phone = Phone::new();
        let id = phone.install("2.0.0", "");
        phone.call(&format!("fail {id} {option}"));
        phone.call(&format!("clean {option}"));
        assert_eq!(
            phone.project.has(&format!("phone/bundles/{id}/index.html")),
            stays,
            "{option}"
        );
    }
}

#[test]
fn a_native_update_without_a_reset_puts_the_current_bundle_on_trial_again() {
    for (option, expected) in [
        ("--reset-when-update false", json!("2.0.0")),
        ("--reset-when-update true", json!(null)),
    ] {
        let phone = Phone::new();
        phone.install("2.0.0", "--next");
        for call in ["launch", "started", "confirm"] {
            phone.call(call);
        }
        let launch = phone.call(&format!("launch --native-build 2 {option}"));
        assert_eq!(launch["version"], expected, "{option}: {launch}");
        assert_eq!(launch["onTrial"], expected != json!(null), "{option}");
    }
}

#[test]
fn invalid_options_are_rejected_with_the_reason() {
    let phone = Phone::new();
    let refused = phone.run("launch --attempts 0").fails("invalid_input", 1);
    assert!(refused.contains("attempts"), "{refused}");
    let refused = phone.run("launch --app-ready-timeout 0s").fails("invalid_input", 1);
    assert!(refused.contains("1 s or more"), "{refused}");
}

#[test]
fn the_help_of_every_command_lists_the_app_settings() {
    let phone = Phone::new();
    for call in ["launch", "install", "status"] {
        let help = phone.project.run(&format!("device {call} --help")).stdout;
        for option in [
            "--attempts",
            "--silent-starts",
            "--app-ready-timeout",
            "--reset-when-update",
            "--auto-delete-failed",
            "--auto-delete-previous",
        ] {
            assert!(help.contains(option), "{call} {option}: {help}");
        }
    }
}

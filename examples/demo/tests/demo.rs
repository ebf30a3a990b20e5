//! Runs the demo.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn demo(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capbundle-demo"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn stdout(run: &Output) -> String {
    String::from_utf8(run.stdout.clone()).unwrap()
}

#[test]
fn the_demo_succeeds_and_leaves_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let run = demo(folder.path(), &[]);
    let text = stdout(&run);
    assert!(run.status.success() && run.stderr.is_empty(), "{run:?}");
    for expected in [
        "  1. ",
        "identical",
        "Changes one byte of the bundle",
        "rejected: digest_mismatch",
        "3.0.0 failed: runs 2.0.0 again",
        "version 3.0.0 failed on this device before",
        "not in the rollout yet",
        "The archive is replaced by that of another release",
        "3.0.0 applied (next applied); fell back to 2.0.0",
        "3.0.0 failed",
        "3.0.0 confirmed",
        "4.0.0 confirmed",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let verdict = text.trim_end().lines().last().unwrap();
    assert!(verdict.contains("9 of 9 forgeries were rejected"), "{verdict}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_demo_prints_a_document_and_keeps_its_files_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--json", "--keep", "files"];
    let document: Value = serde_json::from_str(&stdout(&demo(folder.path(), &arguments))).unwrap();
    assert_eq!(
        (&document["passed"], &document["folder"]),
        (&true.into(), &"files".into())
    );
    assert_eq!(document["steps"].as_array().unwrap().len(), 64);
    for kept in [
        "files/ci/dev.capbundle.webapp_1.0.0.zip",
        "files/device/bundles/1.0.0/index.html",
        "files/phone/state.json",
        "files/fleet-tablet/log.jsonl",
    ] {
        assert!(folder.path().join(kept).exists(), "{kept}");
    }
    let again = demo(folder.path(), &arguments);
    assert!(!again.status.success());
    assert!(
        String::from_utf8_lossy(&again.stderr).starts_with("error (io): files"),
        "{again:?}"
    );
}

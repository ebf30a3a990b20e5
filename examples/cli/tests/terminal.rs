//! Output to terminals and CI logs with hostile file names and full streams.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]
#![cfg(unix)]

#[cfg(target_os = "linux")]
use std::{
    fs::OpenOptions,
    process::{Command, Stdio},
};

use crate::project::{Project, Run};

/// A build folder with file names that imitate output of the command.
fn hostile() -> Project {
    Project::new()
        .with("www/a\n::error::pwned.map", "{}")
        .with("www/b\u{202e}gpj.map", "{}")
        .with("www/c##[add-mask]d.map", "{}")
        .with("www/d\n::error::pwned.js", "let a")
        .with("www/.git/e\n::error::pwned", "left out")
}

fn assert_harmless(run: &Run) {
    for line in run.stdout.lines().chain(run.stderr.lines()) {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
        assert!(!line.contains('\u{202e}'), "{line}");
    }
}

#[test]
fn file_names_cannot_print_ci_commands() {
    let project = hostile();
    let run = project.run("bundle check");
    assert_harmless(&run);
    assert!(run.stderr.contains("a\\n::error::pwned.map"), "{}", run.stderr);
    assert_harmless(&project.run("bundle zip --name app.zip"));
    assert_harmless(&project.run("bundle inspect app.zip"));
}

#[test]
fn file_names_in_errors_cannot_print_ci_commands() {
    let project = Project::new().with("www/a\n::error::pwned.pem", "key");
    let run = project.run("bundle check");
    assert_eq!(run.code, 1);
    assert_harmless(&run);
}

// Only Linux has /dev/full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_error_does_not_affect_the_result() {
    let project = Project::new();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let check = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capbundle"));
        command.args(arguments).current_dir(project.path("")).stderr(full());
        Run::from(command.output().unwrap())
    };
    let document = check(&["bundle", "check", "--json"]).document();
    assert_eq!(document["path"], "www");
    check(&["bundle", "check", "--json", "--path", "nowhere"]).fails("not_found", 1);
}

// Only Linux has /dev/full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let project = Project::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_capbundle"));
    command
        .args(["bundle", "check", "--json"])
        .current_dir(project.path(""));
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run::from(command.stdout(full).output().unwrap());
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("standard output"), "{}", run.stderr);
}

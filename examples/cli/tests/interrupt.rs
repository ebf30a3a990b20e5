//! A signal stops a command, which removes its temporary files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]
#![cfg(unix)]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::project::{Project, Run, text_of};

/// Large enough that a signal arrives during the operation. The file is sparse and uses no disk space.
const LARGE: u64 = 8 << 30;
/// The timeout for a command to create its temporary file.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command, sends the signal once its temporary file grows, and returns the result.
fn stopped(project: &Project, signal: &str, arguments: &[&str]) -> Run {
    stopped_by(project, signal, false, arguments)
}

/// Runs the command and sends the signal once or ten times in a row.
fn stopped_by(project: &Project, signal: &str, repeated: bool, arguments: &[&str]) -> Run {
    let child = Command::new(env!("CARGO_BIN_EXE_capbundle"))
        .args(arguments)
        .current_dir(project.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while !half_made(project) {
        assert!(started.elapsed() < PATIENCE, "no temporary file");
        thread::sleep(Duration::from_millis(2));
    }
    // The `kill` of the shell, which is always available.
    let kill = format!("kill -{signal} {}", child.id());
    // The process may have ended before the last signals.
    let kill = if repeated {
        format!("{kill}; for i in 1 2 3 4 5 6 7 8 9; do {kill}; done 2>/dev/null; true")
    } else {
        kill
    };
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    Run::from(child.wait_with_output().unwrap())
}

/// Whether the command has a temporary file with content.
fn half_made(project: &Project) -> bool {
    let grows = |path: &Path| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0);
    let within = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let mut temporary = project
        .names()
        .into_iter()
        .filter(|name| name.starts_with(".capbundle-"));
    temporary.any(|name| {
        let path = project.path(&name);
        grows(&path) || within(&path).iter().any(|file| grows(file))
    })
}

/// A large file to decrypt and its ivSessionKey.
fn large() -> (Project, String) {
    let project = Project::new().with_keys();
    let session = text_of(&project.encrypted(), "ivSessionKey");
    File::create(project.path("large")).unwrap().set_len(LARGE).unwrap();
    (project, session)
}

#[test]
fn ctrl_c_leaves_no_plain_text() {
    let (project, session) = large();
    let before = project.names();
    let decrypt = ["bundle", "decrypt", "large", &session, "--unverified", "--json"];
    let run = stopped(&project, "INT", &decrypt);
    assert_eq!(project.names(), before);
    run.fails("cancelled", 130);
}

#[test]
fn sigterm_leaves_no_plain_text() {
    let (project, session) = large();
    let before = project.names();
    let run = stopped(
        &project,
        "TERM",
        &["bundle", "decrypt", "large", &session, "--unverified"],
    );
    assert_eq!(project.names(), before);
    assert_eq!((run.code, run.stdout.as_str()), (143, ""));
    assert!(run.stderr.contains("error: "), "{}", run.stderr);
}

#[test]
fn repeated_signals_within_a_second_count_once() {
    // GNU `timeout` sends the signal to its child and to the child's group.
    let (project, session) = large();
    let before = project.names();
    let decrypt = ["bundle", "decrypt", "large", &session, "--unverified", "--json"];
    let run = stopped_by(&project, "TERM", true, &decrypt);
    assert_eq!(project.names(), before);
    run.fails("cancelled", 143);
}

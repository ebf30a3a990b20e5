//! Time and peak memory of a command.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::{Finished, run, target_folder};

/// What a command took.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds of processor time, of all its threads together.
    pub processor: f64,
    /// Bytes of memory it held at most (resident; files in the page cache do not count).
    pub peak_memory: u64,
    /// What it wrote to standard output.
    pub stdout: String,
}

/// Runs `command` to its end; it must succeed.
///
/// The measuring is done by a small process of its own: what the kernel reports as a child's peak starts at the size
/// of the process that started it.
///
/// # Panics
/// When the command fails.
#[must_use]
pub fn measure(command: &Command) -> Measurement {
    let (measurement, finished) = measure_whatever(command);
    let _stdout = finished.expect_success();
    measurement
}

/// As [`measure`], for a command that must fail; also how it ended.
///
/// # Panics
/// When the command succeeds.
#[must_use]
pub fn measure_failure(command: &Command) -> (Measurement, Finished) {
    let (measurement, finished) = measure_whatever(command);
    assert!(!finished.status.success(), "{}", finished.transcript());
    (measurement, finished)
}

fn measure_whatever(command: &Command) -> (Measurement, Finished) {
    let report = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut measured = Command::new(measured_program());
    measured
        .arg(report.path())
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        measured.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        measured.env(name, value.unwrap_or_else(|| OsStr::new("")));
    }
    let finished = run(&mut measured);
    let report = std::fs::read_to_string(report.path()).expect("the report can be read");
    let mut numbers = report.split_whitespace();
    let mut next = || {
        numbers
            .next()
            .unwrap_or_else(|| panic!("not measured: {}", finished.transcript()))
    };
    let measurement = Measurement {
        seconds: next().parse().expect("the first is seconds"),
        processor: next().parse::<f64>().expect("the second is microseconds") / 1e6,
        peak_memory: next().parse().expect("the third is bytes"),
        stdout: finished.stdout.clone(),
    };
    (measurement, finished)
}

/// The program `measured` of this package. Cargo builds it for integration tests and puts it beside their folder.
fn measured_program() -> PathBuf {
    sibling_program("measured")
}

/// A program of this package, built with the same profile as the running one.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn sibling_program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the test program has a path");
    let mut folders = this.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    folders
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built in {}", target_folder().display()))
}

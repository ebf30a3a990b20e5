//! Time and peak memory of a command.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use crate::peers::{Finished, run, target_folder};

/// The time and memory that a command used.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// Processor time of all threads in seconds.
    pub processor: f64,
    /// Peak resident memory in bytes, without the page cache.
    pub peak_memory: u64,
    /// Its standard output.
    pub stdout: String,
}

/// Runs `command`, which must succeed.
///
/// A small process of its own does the measurement, because the peak that the kernel reports for a child starts at the size of its
/// parent.
///
/// # Panics
/// If the command fails.
#[must_use]
pub fn measure(command: &Command) -> Measurement {
    let (measurement, finished) = measure_any(command);
    let _stdout = finished.expect_success();
    measurement
}

/// Like [`measure`], for a command that must fail. Also returns its result.
///
/// # Panics
/// If the command succeeds.
#[must_use]
pub fn measure_failure(command: &Command) -> (Measurement, Finished) {
    let (measurement, finished) = measure_any(command);
    assert!(!finished.status.success(), "{}", finished.transcript());
    (measurement, finished)
}

fn measure_any(command: &Command) -> (Measurement, Finished) {
    let report = tempfile::NamedTempFile::new().expect("a temporary file can be created");
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

/// The program `measured` of this package, which Cargo builds for integration tests.
fn measured_program() -> PathBuf {
    sibling_program("measured")
}

/// A program of this package, built with the same profile as the running program.
///
/// # Panics
/// If it is not built.
#[must_use]
pub fn sibling_program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the test program has a path");
    let mut folders = this.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    folders
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built in {}", target_folder().display()))
}

//! Other programs that capbundle is tested against.

mod capbundle;
mod capgo;
mod listing;
pub mod ours;
mod process;
mod readers;
mod sample;
mod writers;

use std::path::{Path, PathBuf};
use std::process::Command;

pub use capbundle::{Capbundle, JsonOutput};
pub use capgo::{CapgoProject, Encrypted, Updater};
pub use listing::Listing;
pub use process::{Finished, run};
pub use readers::{ALL_READERS, Reader};
pub use sample::{noise, write_sample};
pub use writers::{ALL_WRITERS, Writer};

use crate::skip::{skipped, tool};

/// The `tests` folder of the repository.
#[must_use]
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder, which also has files that tests create and reuse.
///
/// # Panics
/// If the program is not in a target folder.
#[must_use]
pub fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the test program has a path");
    let target = program
        .ancestors()
        .find(|folder| folder.join("debug").is_dir() || folder.join("release").is_dir());
    target.expect("tests run from cargo's target folder").to_path_buf()
}

/// The npm packages of `tests/npm`. Skips the current test if they are not installed.
#[must_use]
pub fn node_modules() -> Option<PathBuf> {
    let folder = tests_folder().join("npm/node_modules");
    if folder.join(".package-lock.json").is_file() {
        return Some(folder);
    }
    skipped("the npm packages are not installed (run `npm ci` in tests/npm)");
    None
}

/// The Python packages of `tests/python/requirements.txt`. Skips the current test if they are not installed.
fn python_packages() -> Option<PathBuf> {
    let folder = target_folder().join("python-packages");
    if folder.join(".installed-from").is_file() {
        return Some(folder);
    }
    skipped("the Python packages are not installed (run `tests/run python`)");
    None
}

/// `node SCRIPT` without network access, for a script in `tests/peers`.
#[must_use]
pub fn node_script(script: &str) -> Option<Command> {
    node_modules()?;
    let mut command = node_offline()?;
    command.arg(tests_folder().join("peers").join(script));
    Some(command)
}

/// `java FILE` for a source file in `tests/peers`.
#[must_use]
pub fn java_source(file: &str) -> Option<Command> {
    // A runtime without compiler cannot run source files.
    tool("javac")?;
    let mut command = Command::new(tool("java")?);
    // The defaults are for servers; these options halve the start-up time.
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
    command.arg(tests_folder().join("peers").join(file));
    Some(command)
}

/// `python3 FILE` for a script in `tests/peers`.
#[must_use]
pub fn python_script(script: &str) -> Option<Command> {
    let mut command = Command::new(tool("python3")?);
    command.arg(tests_folder().join("peers").join(script));
    Some(command)
}

/// `python3 FILE` for a script that needs packages.
#[must_use]
pub fn python_script_with_packages(script: &str) -> Option<Command> {
    let mut command = python_script(script)?;
    command.env("PYTHONPATH", python_packages()?);
    // Keeps bytecode of imported scripts out of the source folder.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// `node` without network access, see `tests/peers/offline.cjs`.
fn node_offline() -> Option<Command> {
    let mut command = Command::new(tool("node")?);
    command.arg("--require").arg(tests_folder().join("peers/offline.cjs"));
    command.env("CAPGO_DISABLE_TELEMETRY", "1").env("NO_COLOR", "1");
    Some(command)
}

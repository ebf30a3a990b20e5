//! The programs of others that capbundle is tested against.

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

pub use capbundle::{Answer, Capbundle};
pub use capgo::{CapgoProject, Encrypted, Updater};
pub use listing::Listing;
pub use process::{Finished, run};
pub use readers::{ALL_READERS, Reader};
pub use sample::{noise, write_sample};
pub use writers::{ALL_WRITERS, Writer};

use crate::skip::{skipped, tool};

/// The folder `tests` of the repository.
#[must_use]
pub fn tests_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder of the repository, where everything goes that tests build and may keep.
///
/// # Panics
/// When the program runs from elsewhere.
#[must_use]
pub fn target_folder() -> PathBuf {
    let of_this_program = std::env::current_exe().expect("the test program has a path");
    let target = of_this_program
        .ancestors()
        .find(|folder| folder.join("debug").is_dir() || folder.join("release").is_dir());
    target.expect("tests run from cargo's target folder").to_path_buf()
}

/// The npm packages of `tests/npm`; skips the current test where they are not installed.
#[must_use]
pub fn node_modules() -> Option<PathBuf> {
    let folder = tests_folder().join("npm/node_modules");
    if folder.join(".package-lock.json").is_file() {
        return Some(folder);
    }
    skipped("the npm packages are not installed (run `npm ci` in tests/npm)");
    None
}

/// The Python packages of `tests/python/requirements.txt`; skips the current test where they are not installed.
fn python_packages() -> Option<PathBuf> {
    let folder = target_folder().join("python-packages");
    if folder.join(".installed-from").is_file() {
        return Some(folder);
    }
    skipped("the Python packages are not installed (run `tests/run python`)");
    None
}

/// `node SCRIPT` without a network, for a script in `tests/peers`.
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
    // The compiler module is what a plain runtime lacks.
    tool("javac")?;
    let mut command = Command::new(tool("java")?);
    // The defaults size the heap and the collector for a server; these start in half the time.
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

/// The same for a script that needs packages.
#[must_use]
pub fn python_script_with_packages(script: &str) -> Option<Command> {
    let mut command = python_script(script)?;
    command.env("PYTHONPATH", python_packages()?);
    // Else what one script imports of another is compiled into the source folder.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// `node` with every connection refused, see `tests/peers/offline.cjs`.
fn node_offline() -> Option<Command> {
    let mut command = Command::new(tool("node")?);
    command.arg("--require").arg(tests_folder().join("peers/offline.cjs"));
    command.env("CAPGO_DISABLE_TELEMETRY", "1").env("NO_COLOR", "1");
    Some(command)
}

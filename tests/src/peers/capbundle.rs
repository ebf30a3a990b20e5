//! Our own command, run as a user runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Finished, run, target_folder};
use crate::skip::skipped;

/// The `capbundle` program.
#[derive(Debug, Clone)]
pub struct Capbundle {
    program: PathBuf,
}

/// What the command said, with `--json`.
#[derive(Debug)]
pub struct Answer {
    /// The one JSON document on standard output.
    pub json: Value,
    /// How it went.
    pub finished: Finished,
}

impl Answer {
    /// A text field of the answer.
    ///
    /// # Panics
    /// When it is not there.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field}: {}", self.finished.transcript()))
    }
}

impl Capbundle {
    /// The program that `CAPBUNDLE_BIN` names (`tests/run` sets it), else the newest one in cargo's target folder.
    /// Skips the test where none was built.
    ///
    /// # Panics
    /// When `CAPBUNDLE_BIN` names no file: tests that use another program than the one named prove nothing.
    #[must_use]
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("CAPBUNDLE_BIN").map(PathBuf::from);
        if let Some(program) = named.as_deref().filter(|program| !program.is_file()) {
            panic!(
                "CAPBUNDLE_BIN names {}, which is not there: build it (`tests/run command`) or unset the variable",
                program.display()
            );
        }
        let found = named.or_else(newest_built);
        if found.is_none() {
            skipped("capbundle is not built (run `cargo build -p capbundle-cli`, or use tests/run)");
        }
        found.map(|program| Self { program })
    }

    /// `capbundle ARGUMENTS…` in `folder`, not started yet.
    #[must_use]
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).args(arguments);
        command
    }

    /// `capbundle bundle zip` of the folder `app` into `app.zip` in `folder`, not started yet.
    #[must_use]
    pub fn zip_command(&self, folder: &Path, app: &str) -> Command {
        let named = [
            "bundle",
            "zip",
            "com.example.app",
            "--bundle",
            "1.0.0",
            "--name",
            "app.zip",
        ];
        let mut command = self.command(folder, &named);
        command.args(["--path", app]);
        command
    }

    /// Runs `capbundle ARGUMENTS… --json`.
    ///
    /// # Panics
    /// When standard output is not one JSON document.
    #[must_use]
    pub fn ask(&self, folder: &Path, arguments: &[&str]) -> Answer {
        let finished = run(self.command(folder, arguments).arg("--json"));
        let json = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("standard output is not JSON ({error}): {}", finished.transcript()));
        Answer { json, finished }
    }

    /// As [`ask`](Self::ask), for a command that must succeed.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn ask_successfully(&self, folder: &Path, arguments: &[&str]) -> Answer {
        let answer = self.ask(folder, arguments);
        assert!(answer.finished.status.success(), "{}", answer.finished.transcript());
        answer
    }
}

fn newest_built() -> Option<PathBuf> {
    let built = ["release", "debug"].map(|profile| target_folder().join(profile).join("capbundle"));
    let dated = built
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)));
    dated.max().map(|(_, path)| path)
}

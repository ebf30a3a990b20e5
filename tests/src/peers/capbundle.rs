//! The `capbundle` command.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Finished, run, target_folder};
use crate::skip::skipped;

/// The program `capbundle`.
#[derive(Debug, Clone)]
pub struct Capbundle {
    program: PathBuf,
}

/// The output of the command with `--json`.
#[derive(Debug)]
pub struct JsonOutput {
    /// The JSON document on standard output.
    pub json: Value,
    /// Its exit status and output.
    pub finished: Finished,
}

impl JsonOutput {
    /// A string member of the document.
    ///
    /// # Panics
    /// If there is no such string.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.json[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field}: {}", self.finished.transcript()))
    }
}

impl Capbundle {
    /// The program in `CAPBUNDLE_BIN` (set by `tests/run`), else the newest one in Cargo's target folder. Skips the current test if
    /// none is built.
    ///
    /// # Panics
    /// If `CAPBUNDLE_BIN` is not a file, since testing another program would be misleading.
    #[must_use]
    pub fn find() -> Option<Self> {
        let named = std::env::var_os("CAPBUNDLE_BIN").map(PathBuf::from);
        if let Some(program) = named.as_deref().filter(|program| !program.is_file()) {
            panic!(
                "CAPBUNDLE_BIN: {} does not exist; build it (`tests/run command`) or unset the variable",
                program.display()
            );
        }
        let found = named.or_else(newest_built);
        if found.is_none() {
            skipped("capbundle is not built (run `cargo build -p capbundle-cli`, or use tests/run)");
        }
        found.map(|program| Self { program })
    }

    /// The command `capbundle ARGUMENTS…` in `folder`.
    #[must_use]
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).args(arguments);
        command
    }

    /// The command `capbundle bundle zip` that packs the folder `app` into `app.zip` in `folder`.
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
    /// If standard output is not one JSON document.
    #[must_use]
    pub fn run_json(&self, folder: &Path, arguments: &[&str]) -> JsonOutput {
        let finished = run(self.command(folder, arguments).arg("--json"));
        let json = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("standard output is not JSON ({error}): {}", finished.transcript()));
        JsonOutput { json, finished }
    }

    /// Like [`run_json`](Self::run_json), for a command that must succeed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn run_json_successfully(&self, folder: &Path, arguments: &[&str]) -> JsonOutput {
        let output = self.run_json(folder, arguments);
        assert!(output.finished.status.success(), "{}", output.finished.transcript());
        output
    }
}

fn newest_built() -> Option<PathBuf> {
    let built = ["release", "debug"].map(|profile| target_folder().join(profile).join("capbundle"));
    let dated = built
        .into_iter()
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)));
    dated.max().map(|(_, path)| path)
}

//! A web project in a temporary folder, and the command run in it.
#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The project's folder, removed when dropped.
pub(crate) struct Project(TempDir);

/// The result of a command.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A valid web app, built into `www`, with app id `com.example.app` and version 1.2.3.
    pub(crate) fn new() -> Self {
        Self::empty()
            .with(
                "capacitor.config.json",
                "{\n  \"appId\": \"com.example.app\",\n  \"webDir\": \"www\"\n}\n",
            )
            .with("package.json", r#"{"name":"app","version":"1.2.3"}"#)
            .with(
                "www/index.html",
                "<!doctype html><script type=module src=app.js></script>",
            )
            .with("www/app.js", "CapacitorUpdater.notifyAppReady();")
    }

    /// Adds a file and its folders.
    pub(crate) fn with(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    pub(crate) fn without(self, path: &str) -> Self {
        fs::remove_file(self.path(path)).unwrap();
        self
    }

    /// Adds a key pair of 2048 bits.
    pub(crate) fn with_keys(self) -> Self {
        self.run("key create").succeeds();
        self
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// Names directly in the project's folder, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Runs `capbundle` here with the words of `line` as arguments.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.run_args(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_args(&self, arguments: &[&str]) -> Run {
        self.run_in("", arguments)
    }

    /// [`run`](Self::run) with these environment variables.
    pub(crate) fn run_where(&self, line: &str, variables: &[(&str, String)]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_capbundle"))
            .args(line.split_whitespace())
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .current_dir(self.path(""))
            .output()
            .unwrap();
        Run::from(output)
    }

    pub(crate) fn run_in(&self, folder: &str, arguments: &[&str]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_capbundle"))
            .args(arguments)
            .current_dir(self.path(folder))
            .output()
            .unwrap();
        Run::from(output)
    }

    /// Packs the app; returns the archive's name and its SHA-256.
    pub(crate) fn zipped(&self) -> (String, String) {
        let document = self.run("bundle zip --json").document();
        (text_of(&document, "filename"), text_of(&document, "checksum"))
    }

    /// Packs and encrypts the app; returns the document of `bundle encrypt`.
    pub(crate) fn encrypted(&self) -> Value {
        let (zip, checksum) = self.zipped();
        self.run(&format!("bundle encrypt {zip} {checksum} --json")).document()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().expect("ended by itself"),
        }
    }
}

impl Run {
    /// Asserts success without JSON: standard output is empty.
    pub(crate) fn succeeds(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.stderr);
        assert_eq!(self.stdout, "");
        self.without_colour()
    }

    /// Asserts success of a command that reports on standard output; returns the report.
    pub(crate) fn reports(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.without_colour().stdout
    }

    /// Asserts success with `--json`; returns the document.
    pub(crate) fn document(self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.without_colour().only_json()
    }

    /// Asserts failure with `--json`, this code and this exit code; returns the message.
    pub(crate) fn fails(self, code: &str, exit: i32) -> String {
        assert_eq!(self.code, exit, "{}{}", self.stdout, self.stderr);
        let document = self.without_colour().only_json();
        assert_eq!(document["error"], code, "{document}");
        text_of(&document, "message")
    }

    fn without_colour(self) -> Self {
        assert!(
            !self.stderr.contains('\u{1b}') && !self.stdout.contains('\u{1b}'),
            "{}",
            self.stderr
        );
        self
    }

    fn only_json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?}\n{}", self.stdout, self.stderr))
    }
}

pub(crate) fn text_of(document: &Value, member: &str) -> String {
    document[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member} of {document}"))
        .to_owned()
}

pub(crate) fn codes_of(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect()
}

/// All files below `folder` with their content.
pub(crate) fn tree(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

//! The Capgo CLI in a project.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Finished, node_modules, node_offline, run};

/// The version of the updater plugin in the project, by which the CLI selects the form of the checksum.
///
/// The plugin is only a `package.json` in `node_modules`; none of its code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updater {
    /// 7.30 and later: the signed checksum is "V3", hexadecimal.
    Modern,
    /// Before 6.30: "V2", base64.
    Legacy,
    /// Before 5.10: a plain CRC-32 by default.
    Ancient,
}

impl Updater {
    fn version(self) -> &'static str {
        match self {
            Self::Modern => "8.51.23",
            Self::Legacy => "6.28.0",
            Self::Ancient => "6.3.0",
        }
    }
}

/// The output of `bundle encrypt`.
#[derive(Debug, Clone)]
pub struct Encrypted {
    /// The encrypted file.
    pub file: PathBuf,
    /// `base64(iv):base64(signed session key)`.
    pub iv_session_key: String,
    /// The signed checksum.
    pub checksum: String,
}

/// A Capacitor project, in which the real Capgo CLI runs without network access.
#[derive(Debug)]
pub struct CapgoProject {
    folder: TempDir,
    program: PathBuf,
}

impl CapgoProject {
    /// A project with the app id `com.example.app`, version 1.2.3 and web folder `www`. Skips the current test if the CLI is missing.
    ///
    /// # Panics
    /// If the folder cannot be created.
    #[must_use]
    pub fn new(updater: Updater) -> Option<Self> {
        let program = node_modules()?.join("@capgo/cli/dist/index.js");
        let folder = tempfile::tempdir().expect("a temporary folder can be created");
        let plugin = json!({ "name": "@capgo/capacitor-updater", "version": updater.version() });
        let dependencies = json!({ "@capgo/capacitor-updater": updater.version() });
        let package = json!({ "name": "app", "version": "1.2.3", "dependencies": dependencies });
        let config = json!({ "appId": "com.example.app", "appName": "App", "webDir": "www", "plugins": {} });
        let project = Self { folder, program };
        project.write_json("node_modules/@capgo/capacitor-updater/package.json", &plugin);
        project.write_json("package.json", &package);
        project.write_json("capacitor.config.json", &config);
        Some(project)
    }

    /// The folder of the project.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `capgo ARGUMENTS…` in the project.
    ///
    /// # Panics
    /// If Node.js is missing.
    #[must_use]
    pub fn capgo(&self, arguments: &[&str]) -> Finished {
        let mut node: Command = node_offline().expect("Node.js is installed with its packages");
        run(node.current_dir(self.path()).arg(&self.program).args(arguments))
    }

    /// Runs `capgo key create`. Returns the private and the public key file.
    ///
    /// # Panics
    /// If the CLI fails.
    #[must_use]
    pub fn create_keys(&self) -> (PathBuf, PathBuf) {
        let _output = self.capgo(&["key", "create"]).expect_success();
        (self.path().join(".capgo_key_v2"), self.path().join(".capgo_key_v2.pub"))
    }

    /// Runs `capgo bundle zip`. Returns the archive and its checksum.
    ///
    /// # Panics
    /// If the CLI fails.
    #[must_use]
    pub fn zip(&self, folder: &Path, options: &[&str]) -> (PathBuf, String) {
        let mut arguments = vec![
            "bundle",
            "zip",
            "com.example.app",
            "--bundle",
            "1.2.3",
            "--json",
            "--path",
        ];
        arguments.push(text(folder));
        arguments.extend(options);
        let output = parse(&self.capgo(&arguments).expect_success());
        (self.path().join(field(&output, "filename")), field(&output, "checksum"))
    }

    /// Runs `capgo bundle encrypt`.
    ///
    /// # Panics
    /// If the CLI fails.
    #[must_use]
    pub fn encrypt(&self, archive: &Path, checksum: &str, private_key: &Path) -> Encrypted {
        let key = ["--key", text(private_key), "--json"];
        let arguments = [&["bundle", "encrypt", text(archive), checksum], key.as_slice()].concat();
        let output = parse(&self.capgo(&arguments).expect_success());
        Encrypted {
            file: self.path().join(field(&output, "filename")),
            iv_session_key: field(&output, "ivSessionKey"),
            checksum: field(&output, "checksum"),
        }
    }

    /// Runs `capgo bundle decrypt --checksum`, which must confirm the checksum. Returns the plain file.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn decrypt(&self, sealed: &Encrypted, public_key: &Path) -> PathBuf {
        let finished = self.try_decrypt(sealed, public_key);
        assert!(finished.status.success(), "{}", finished.transcript());
        assert!(
            finished.stdout.contains("Checksum matches"),
            "{}",
            finished.transcript()
        );
        PathBuf::from(format!("{}_decrypted.zip", text(&sealed.file)))
    }

    /// Runs `capgo bundle decrypt --checksum`, which may fail.
    #[must_use]
    pub fn try_decrypt(&self, sealed: &Encrypted, public_key: &Path) -> Finished {
        let mut arguments = vec!["bundle", "decrypt", text(&sealed.file), &sealed.iv_session_key];
        arguments.extend(["--key", text(public_key), "--checksum", &sealed.checksum]);
        self.capgo(&arguments)
    }

    fn write_json(&self, path: &str, value: &Value) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("the file has a folder")).expect("a folder can be created");
        fs::write(path, value.to_string()).expect("a file can be written");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

fn parse(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("invalid JSON ({error}): {stdout}"))
}

fn field(output: &Value, name: &str) -> String {
    output[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {output}"))
        .to_owned()
}

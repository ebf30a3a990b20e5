//! A project that builds versions of an app, and a simulated phone in its folder `phone`.
#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use serde_json::Value;

use crate::project::{Project, Run, text_of};

pub(crate) struct Phone {
    pub(crate) project: Project,
}

impl Phone {
    pub(crate) fn new() -> Self {
        Self {
            project: Project::new(),
        }
    }

    /// `capbundle device` with the words of `line` as arguments, as JSON.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.project.run(&format!("device --store phone --json {line}"))
    }

    /// [`run`](Self::run), which must succeed; returns the document.
    pub(crate) fn call(&self, line: &str) -> Value {
        self.run(line).document()
    }

    pub(crate) fn launch(&self) -> Value {
        self.call("launch")
    }

    /// Packs the app as this version into `<version>.zip`; returns its SHA-256.
    pub(crate) fn checksum(&self, version: &str) -> String {
        self.project.write("www/version.txt", version);
        let zip = self
            .project
            .run(&format!("bundle zip --name {version}.zip --json"))
            .document();
        text_of(&zip, "checksum")
    }

    pub(crate) fn try_install(&self, version: &str, more: &str) -> Run {
        let checksum = self.checksum(version);
        self.run(&format!(
            "install {version}.zip --version {version} --checksum {checksum} {more}"
        ))
    }

    /// Packs and installs this version; returns its id.
    pub(crate) fn install(&self, version: &str, more: &str) -> String {
        let document = self.try_install(version, more).document();
        assert_eq!(document["alreadyInstalled"], false);
        text_of(&document["bundle"], "id")
    }

    /// The entry of a bundle in `list`.
    pub(crate) fn bundle(&self, id: &str) -> Value {
        let list = self.call("list");
        let mut bundles = list["bundles"].as_array().unwrap().iter();
        bundles.find(|bundle| bundle["id"] == id).unwrap().clone()
    }
}

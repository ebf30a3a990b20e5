//! Runs all commands of the pages that the documents list as next steps: channels, update behaviour, CI/CD.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use capbundle_tests::documented::root;
use capbundle_tests::skip;

use crate::project::{Project, Run};
use crate::publishing::Updates;

const APP: &str = "com.example.app";

/// Third-party programs of the pages that no test can run.
const OTHERS: [&str; 2] = ["cargo install ", "npm ci"];

/// A reader of a page with a built app, keys and an update server.
struct Reader {
    project: Project,
    updates: Updates,
}

impl Reader {
    fn new() -> Self {
        let updates = Updates::start();
        let config = format!(
            r#"{{"appId":"{APP}","webDir":"www","plugins":{{"CapacitorUpdater":{{"updateUrl":"{}/updates"}}}}}}"#,
            updates.server.url()
        );
        let project = Project::new()
            .with("capacitor.config.json", config)
            .with(
                "package.json",
                r#"{"name":"app","version":"1.2.3","scripts":{"build":"node -e 0 && mkdir -p www"}}"#,
            )
            .with_keys();
        Self { project, updates }
    }

    fn run(&self, commands: &str) -> Run {
        let here = Path::new(env!("CARGO_BIN_EXE_capbundle")).parent().unwrap();
        let path = format!("{}:{}", here.display(), std::env::var("PATH").unwrap());
        // All blocks share one shell: later blocks use variables of earlier ones.
        let output = Command::new("sh")
            .args(["-euxc", commands])
            .current_dir(self.project.path(""))
            .env("PATH", path)
            .env("HOME", self.project.path(""))
            .env("CAPBUNDLE_API_URL", self.updates.server.url())
            .env("CAPGO_TOKEN", &self.updates.key)
            .env("COMMIT", "0123456789abcdef")
            .env("NO_PROXY", "*")
            .output()
            .unwrap();
        let run = Run::from(output);
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
        run
    }

    fn channels(&self) -> serde_json::Value {
        self.updates.run(&self.project, "channel list --json").document()
    }
}

/// The commands of a page: its `sh` blocks and the steps of its `yaml` blocks.
fn commands(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let mut blocks = Vec::new();
    let mut language: Option<&str> = None;
    let mut block = String::new();
    for line in text.lines() {
        match (line.strip_prefix("```"), language) {
            (Some(name), None) => language = Some(name),
            (Some(_), Some(name)) => {
                match name {
                    "sh" => blocks.push(block.clone()),
                    "yaml" => blocks.push(steps(&block)),
                    "text" => {}
                    other => panic!("{page} has a block of {other}"),
                }
                block.clear();
                language = None;
            }
            (None, Some(_)) => block.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert!(!blocks.is_empty(), "{page}");
    blocks
}

/// The steps of a GitHub (`- run:`) or GitLab (`script:`) job.
fn steps(yaml: &str) -> String {
    let mut steps = String::new();
    let mut is_script = false;
    for line in yaml.lines() {
        let text = line.trim();
        let step = match text.strip_prefix("- run: ") {
            Some(step) => Some(step),
            None if is_script => text.strip_prefix("- "),
            None => None,
        };
        is_script = text.ends_with("script:") || is_script && text.starts_with("- ");
        let Some(step) = step else { continue };
        if !OTHERS.iter().any(|other| step.starts_with(other)) {
            steps.extend([step, "\n"]);
        }
    }
    assert!(steps.contains("capbundle "), "{yaml}");
    steps
}

#[test]
fn the_channel_commands_work_and_devices_follow() {
    if skip::tool("curl").is_none() {
        return;
    }
    let reader = Reader::new();
    reader.run(&commands("channels.md").join("\n"));
    let channels = reader.channels();
    let of = |name: &str| {
        let list = channels["channels"].as_array().unwrap();
        list.iter()
            .find(|channel| channel["name"] == name)
            .unwrap_or_else(|| panic!("{channels}"))
    };
    assert_eq!(
        (&of("production")["version"], &of("staging")["version"]),
        (&"1.2.2".into(), &"1.2.3".into())
    );
}

#[test]
fn the_update_behaviour_commands_work_as_documented() {
    let reader = Reader::new();
    reader.run(&commands("update-behaviour.md").join("\n"));
    let status = reader.project.run("device status --store ./phone --json").document();
    assert_eq!(
        status["current"], status["fallback"],
        "it confirmed in the end: {status}"
    );
    assert_ne!(status["current"], "builtin", "{status}");
    assert_eq!(status["failed"].as_array().map(Vec::len), Some(0), "{status}");
    let list = reader
        .project
        .run("device list --store ./second-phone --json")
        .document();
    let bundle = &list["bundles"][0];
    assert_eq!(
        (&bundle["version"], &bundle["status"]),
        (&"1.3.0".into(), &"proven".into()),
        "{list}"
    );
}

#[test]
fn every_documented_ci_job_publishes() {
    if skip::tool("npm").is_none() {
        return;
    }
    for block in commands("ci-cd.md") {
        let reader = Reader::new();
        // Each block is an alternative and gets its preconditions.
        for channel in ["staging", "production"] {
            reader.updates.make_channel(APP, channel);
        }
        let promotes_only = !block.contains("upload") && block.contains("channel set");
        if promotes_only {
            reader.updates.run(&reader.project, "bundle upload").succeeds();
        }
        reader.run(&block);
        if block.contains("channel set production") {
            assert!(reader.channels().to_string().contains("1.2.3"));
        }
    }
}

//! The programs for Node.js in the documents, verbatim except for the host, with adm-zip, @tomasklaen/checksum and
//! node-fetch from npm.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::process::Command;

use capbundle_tests::documented::{root, script};
use capbundle_tests::skip;
use serde_json::Value;

use crate::project::{Project, text_of, tree};
use crate::publishing::Updates;

const APP: &str = "com.example.app";

/// A reader's project with an app in `dist`, and the packages of tests/npm.
struct Reader {
    project: Project,
}

impl Reader {
    fn new() -> Option<Self> {
        skip::tool("node")?;
        let packages = root().join("tests/npm/node_modules");
        if !packages.join("node-fetch").is_dir() {
            skip::skipped("the packages of tests/npm are not installed (npm --prefix tests/npm ci)");
            return None;
        }
        let project = Project::empty()
            .with(
                "capacitor.config.json",
                r#"{"appId":"com.example.app","webDir":"dist"}"#,
            )
            .with("package.json", r#"{"name":"app","version":"1.2.3"}"#)
            .with("dist/index.html", "<!doctype html><script src=assets/app.js></script>")
            .with("dist/assets/app.js", "CapacitorUpdater.notifyAppReady();")
            .with("dist/assets/deep/ü ß.txt", "names of all kinds")
            .with("dist/images/logo.svg", "<svg/>");
        std::os::unix::fs::symlink(packages, project.path("node_modules")).unwrap();
        Some(Self { project })
    }

    /// Runs a program of the documents followed by lines of the test; returns standard output.
    fn run(&self, program: &str, more: &str, variables: &[(&str, &str)]) -> String {
        self.project.write("program.cjs", format!("{program}\n{more}"));
        let output = Command::new("node")
            .arg("program.cjs")
            .current_dir(self.project.path(""))
            .env_remove("NODE_OPTIONS")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A phone installs this archive and serves the files of `dist`.
    fn installs(&self, zip: &str, checksum: &str) {
        self.project
            .run(&format!("bundle verify {zip} --checksum {checksum} --json"))
            .document();
        let phone = format!("phone-{zip}");
        let install =
            format!("device install {zip} --store {phone} --version 1.2.3 --checksum {checksum} --next --json");
        self.project.run(&install).document();
        let launch = self
            .project
            .run(&format!("device launch --store {phone} --json"))
            .document();
        assert_eq!(
            tree(&self.project.path(&text_of(&launch, "folder"))),
            tree(&self.project.path("dist"))
        );
    }

    fn digest(&self, zip: &str) -> String {
        capbundle::digest::Sha256Digest::of(&self.project.read(zip)).to_string()
    }
}

/// The JSON that the program prints after `Bundle info:`.
fn bundle_info(output: &str) -> Value {
    let (_, document) = output.split_once("Bundle info:").unwrap_or_else(|| panic!("{output}"));
    serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[test]
fn the_output_of_the_zip_scripts_can_be_installed() {
    let Some(reader) = Reader::new() else { return };

    let output = reader.run(&script("zip.cjs"), "", &[]);

    let info = bundle_info(&output);
    assert_eq!(
        (&info["filename"], &info["version"]),
        (&"my-app-1.2.3.zip".into(), &"1.2.3".into())
    );
    assert_eq!(text_of(&info, "checksum"), reader.digest("my-app-1.2.3.zip"));
    assert_eq!(info["size"], reader.project.read("my-app-1.2.3.zip").len());
    reader.installs("my-app-1.2.3.zip", &text_of(&info, "checksum"));
    // An archive packed by capbundle from the same folder works too.
    let own = reader.project.run("bundle zip --json").document();
    reader.installs(&text_of(&own, "filename"), &text_of(&own, "checksum"));
}

/// The program's code for Windows, which packs file by file.
#[test]
fn the_windows_variant_packs_the_same_files() {
    let Some(reader) = Reader::new() else { return };
    reader
        .project
        .write("windows.cjs", "require('node:os').platform = () => 'win32';");

    let output = reader.run(&script("zip.cjs"), "", &[("NODE_OPTIONS", "--require ./windows.cjs")]);

    assert!(output.starts_with("Zipping file windows mode"), "{output}");
    let info = bundle_info(&output);
    reader.installs("my-app-1.2.3.zip", &text_of(&info, "checksum"));
}

#[test]
fn the_checksum_scripts_print_the_digest() {
    let Some(reader) = Reader::new() else { return };
    reader
        .project
        .run("bundle zip --name my-app-1.2.3.zip --json")
        .document();
    let digest = reader.digest("my-app-1.2.3.zip");

    assert_eq!(
        reader.run(&script("checksum.cjs"), "", &[]),
        format!("Checksum: {digest}\n")
    );

    let verify = "verifyChecksum('./my-app-1.2.3.zip', process.env.EXPECTED);";
    for (expected, valid) in [(digest.as_str(), true), ("0000", false)] {
        let output = reader.run(&script("verify.cjs"), verify, &[("EXPECTED", expected)]);
        assert!(output.contains(&format!("SHA256 Checksum: {digest}\n")), "{output}");
        assert!(
            output.contains(&format!("Actual: {digest}\nValid: {valid}\n")),
            "{output}"
        );
    }
}

#[test]
fn the_registration_scripts_register_a_bundle() {
    let Some(reader) = Reader::new() else { return };
    let updates = Updates::start();
    let digest = "0".repeat(64);
    for (number, name) in ["register.ko.cjs", "register.zh.cjs"].into_iter().enumerate() {
        let program = script(name).replace("https://api.capgo.app", updates.server.url());
        let version = format!("1.2.{number}");
        let call = format!(
            "registerWithCapgo('{APP}', '{version}', 'https://your-storage.com/bundles/app.zip', '{digest}', process.env.KEY);"
        );

        let output = reader.run(&program, &call, &[("KEY", &updates.key), ("NO_PROXY", "*")]);

        assert!(output.starts_with("Bundle created: {"), "{output}");
        assert_eq!(updates.versions(&reader.project)[0], version);
    }
}

#[test]
fn the_complete_scripts_register_a_bundle() {
    let Some(reader) = Reader::new() else { return };
    let updates = Updates::start();
    let program = script("deploy.cjs").replace("https://api.capgo.app", updates.server.url());

    let output = reader.run(&program, "", &[("CAPGO_API_KEY", &updates.key), ("NO_PROXY", "*")]);

    let checksum = output.lines().find_map(|line| line.strip_prefix("Checksum: ")).unwrap();
    assert!(output.ends_with("Bundle registered with Capgo!\n"), "{output}");
    let list = updates.run(&reader.project, "bundle list --json").document();
    let bundle = &list["bundles"][0];
    assert_eq!(
        (&bundle["version"], &bundle["checksum"]),
        (&"1.2.3".into(), &checksum.into())
    );
    assert_eq!(bundle["external_url"], "https://your-storage.com/bundles/app-1.2.3.zip");
    // Step 3, which the program does not contain.
    let lines = [
        "// fs.writeFileSync('./bundle.zip', zipped);",
        "fs.writeFileSync('./bundle.zip', zipped);",
    ];
    let again = program.replace(lines[0], lines[1]).replace("'1.2.3'", "'1.2.4'");
    reader.run(&again, "", &[("CAPGO_API_KEY", &updates.key), ("NO_PROXY", "*")]);
    reader.installs("bundle.zip", &reader.digest("bundle.zip"));
}

//! The commands, bodies and options of the documents in `tests/documents`, verbatim except for hosts, keys and
//! example ids. Capgo's page on custom storage is tested in `documented.rs`, the programs for Node.js in
//! `interop_documents.rs`.
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

use capbundle_tests::documented::{DOCUMENTS, Document, rows, script};
use capbundle_tests::s3_store::{S3Store, Settings};
use capbundle_tests::skip;
use serde_json::{Value, json};

use crate::project::{Project, text_of};
use crate::publishing::Updates;

const APP: &str = "com.example.app";

/// The app id in the examples of the documents.
const EXAMPLE_APP: &str = "app_123";

/// A reader with an API key and curl.
struct Reader {
    updates: Updates,
    project: Project,
}

impl Reader {
    fn new() -> Option<Self> {
        skip::tool("curl")?;
        Some(Self {
            updates: Updates::start(),
            project: Project::new(),
        })
    }

    /// Runs a command of the documents; returns status and body.
    fn curl(&self, command: &str) -> (u16, Value) {
        self.curl_with(command, &self.updates.key)
    }

    fn curl_with(&self, command: &str, key: &str) -> (u16, Value) {
        assert!(command.starts_with("curl "), "{command}");
        let command = command
            .trim_end()
            .replace("https://api.capgo.app", self.updates.server.url())
            .replace("your-api-key", key)
            .replace("app_123", EXAMPLE_APP);
        let output = Command::new("sh")
            .args([
                "-c",
                &format!("{command} --silent --show-error --write-out '\\n%{{http_code}}'"),
            ])
            .current_dir(self.project.path(""))
            .env("NO_PROXY", "*")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let (body, status) = text.rsplit_once('\n').unwrap_or_else(|| panic!("{command}: {said}"));
        let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{command}: {error}: {body:?} {said}"));
        (status.parse().unwrap(), body)
    }

    /// Registers this version with the command of the documents.
    fn register(&self, app: &str, version: &str) -> i64 {
        let command = script("create.sh").replace("1.2.3", version).replace(APP, app);
        let (status, answer) = self.curl(&command);
        assert_eq!(status, 200, "{answer}");
        self.row(app, version)["id"].as_i64().unwrap()
    }

    /// The list entry of a version, from the command of the documents.
    fn row(&self, app: &str, version: &str) -> Value {
        let (status, list) = self.curl(&script("list.sh").replace("app_123", app));
        assert_eq!(status, 200, "{list}");
        let rows = &list["data"];
        let found = rows.as_array().unwrap().iter().find(|row| row["name"] == version);
        found.cloned().unwrap_or_else(|| panic!("{list}"))
    }

    fn versions(&self, app: &str) -> Vec<String> {
        let (_, list) = self.curl(&script("list.sh").replace("app_123", app));
        let rows = &list["data"];
        let names = rows.as_array().unwrap().iter();
        names.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The id of the app's public channel, which is created with the first bundle.
    fn channel(&self, app: &str) -> i64 {
        let command = format!("curl -H \"authorization: your-api-key\" \"https://api.capgo.app/channel?app_id={app}\"");
        let (_, channels) = self.curl(&command);
        channels[0]["id"].as_i64().unwrap_or_else(|| panic!("{channels}"))
    }
}

/// Asserts that a response has all members of a documented body. It may have more.
fn assert_documented(answer: &(u16, Value), body: &str) {
    let documented: Value = serde_json::from_str(&script(body)).unwrap();
    for (member, value) in documented.as_object().unwrap() {
        assert_eq!(&answer.1[member], value, "{answer:?} is not {body}");
    }
}

#[test]
fn the_examples_of_the_api_work() {
    let Some(reader) = Reader::new() else { return };

    // Create.
    let created = reader.curl(&script("create.sh"));
    assert_eq!(created.0, 200, "{created:?}");
    assert_documented(&created, "ok.json");
    let row = reader.row(APP, "1.2.3");
    assert_eq!(row["external_url"], "https://your-storage.com/bundles/app-1.2.3.zip");
    let checksum = "a1b2c3d4e5f6789abcdef123456789abcdef123456789abcdef123456789abcd";
    assert_eq!(row["checksum"], checksum);

    // List, and the next page.
    let id = reader.register(EXAMPLE_APP, "1.0.0");
    assert_eq!(reader.row(EXAMPLE_APP, "1.0.0")["id"], id);
    let (status, page) = reader.curl(&script("page.sh"));
    assert_eq!((status, &page["data"]), (200, &json!([])));

    // Metadata.
    let metadata = script("metadata.sh").replace("456", &id.to_string());
    let answer = reader.curl(&metadata);
    assert_eq!(answer.0, 200, "{answer:?}");
    assert_documented(&answer, "success.json");
    let row = reader.row(EXAMPLE_APP, "1.0.0");
    assert_eq!(row["comment"], "Fixed critical bug in authentication");
    assert_eq!(row["link"], "https://github.com/myorg/myapp/releases/tag/v1.0.0");

    // Set channel.
    let channel = reader.channel(EXAMPLE_APP);
    let set = script("set_channel.sh")
        .replace("456", &id.to_string())
        .replace("789", &channel.to_string());
    let answer = reader.curl(&set);
    assert_eq!(answer.0, 200, "{answer:?}");
    assert_documented(&answer, "set_channel.json");

    // Delete one bundle, but not one that a channel serves.
    let (status, refused) = reader.curl(&script("delete.sh"));
    assert_eq!(status, 400, "{refused}");
    let beta = body_to("DELETE", "cleanup.json");
    reader.register(EXAMPLE_APP, "1.0.0-beta.1");
    assert_documented(&deleted(&reader, &beta), "ok.json");
    assert!(!reader.versions(EXAMPLE_APP).contains(&"1.0.0-beta.1".to_owned()));
    reader.register(EXAMPLE_APP, "1.0.1");
    let newer = reader.row(EXAMPLE_APP, "1.0.1")["id"].to_string();
    reader.curl(&set.replace(&format!("\"version_id\": {id}"), &format!("\"version_id\": {newer}")));
    assert_documented(&deleted(&reader, &script("delete.sh")), "ok.json");
    assert!(!reader.versions(EXAMPLE_APP).contains(&"1.0.0".to_owned()));

    // Delete all bundles, except those that a channel serves.
    for command in [script("delete_all.sh"), body_to("DELETE", "reset.json")] {
        reader.register(EXAMPLE_APP, "0.9.0");
        assert_documented(&deleted(&reader, &command), "ok.json");
        assert_eq!(reader.versions(EXAMPLE_APP), ["1.0.1"]);
    }

    // Each body has the members of its documented interface.
    for (interface, command) in [
        ("create.ts", "create.sh"),
        ("delete.ts", "delete.sh"),
        ("delete_all.ts", "delete_all.sh"),
        ("metadata.ko.ts", "metadata.sh"),
        ("metadata.zh.ts", "metadata.sh"),
        ("set_channel.ko.ts", "set_channel.sh"),
        ("set_channel.zh.ts", "set_channel.sh"),
    ] {
        for (member, _) in members(interface) {
            assert!(
                script(command).contains(&format!("\"{member}\":")),
                "{command} has no {member}"
            );
        }
    }
}

fn deleted(reader: &Reader, command: &str) -> (u16, Value) {
    let answer = reader.curl(command);
    assert_eq!(answer.0, 200, "{command}: {answer:?}");
    answer
}

/// The command of the documents with another documented body.
fn body_to(method: &str, body: &str) -> String {
    let body = script(body);
    format!(
        "curl -X {method} \\\n-H \"authorization: your-api-key\" \\\n-H \"Content-Type: application/json\" \\\n-d '{body}' \\\n\
         https://api.capgo.app/bundle/"
    )
}

/// The members of a documented interface, and their types.
fn members(interface: &str) -> Vec<(String, String)> {
    let text = script(interface);
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let pairs: Vec<_> = lines
        .map(|(name, kind)| {
            let kind = kind.split("//").next().unwrap().trim();
            (name.trim_end_matches('?').to_owned(), kind.to_owned())
        })
        .collect();
    assert!(!pairs.is_empty(), "{interface}");
    pairs
}

#[test]
fn a_bundle_has_the_documented_fields() {
    let Some(reader) = Reader::new() else { return };
    reader.register(APP, "1.2.3");

    let row = reader.row(APP, "1.2.3");

    for (member, kind) in members("bundle.ts") {
        let value = row.get(&member).unwrap_or_else(|| panic!("{row} has no {member}"));
        let fits = kind.split(" | ").any(|kind| match kind {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "Json[]" => value.is_array(),
            "null" => value.is_null(),
            other => panic!("{other}"),
        });
        assert!(fits, "{member} is {value}, which is no {kind}");
    }
    let example: Value = serde_json::from_str(&script("list.json")).unwrap();
    for member in example["data"][0].as_object().unwrap().keys() {
        assert!(row.get(member).is_some(), "{row} has no {member}");
    }
    assert!(row["user_id"].is_string(), "{row}");
}

#[test]
fn the_documented_errors_are_returned() {
    let Some(reader) = Reader::new() else { return };
    reader.register(EXAMPLE_APP, "1.0.0");
    let reading = reader.updates.reader();
    let create = script("create.sh");

    let refused = [
        (
            reader.curl(&script("metadata.sh")),
            "not_found.json",
            "cannot_find_version",
        ),
        (
            reader.curl(&create.replace("1.2.3\",", "1.2\",")),
            "invalid_version.json",
            "invalid_version_format",
        ),
        (reader.curl_with(&create, &reading), "permission.json", ""),
        (
            reader.curl_with(&create, "cbk_unknown"),
            "permission.json",
            "invalid_apikey",
        ),
    ];

    for ((status, answer), body, code) in refused {
        assert!((400..500).contains(&status), "{status} {answer}");
        let documented: Value = serde_json::from_str(&script(body)).unwrap();
        assert_eq!(
            (&answer["error"], &answer["status"]),
            (&documented["error"], &documented["status"]),
            "{answer}"
        );
        assert!(code.is_empty() || answer["code"] == code, "{answer}");
    }
}

#[test]
fn the_example_urls_are_registered() {
    let Some(reader) = Reader::new() else { return };
    let mut number = 0;
    for document in api_documents() {
        for row in rows(&document) {
            let address = row.text.trim_start_matches("• ");
            if row.kind == "example"
                && address.starts_with("https://")
                && Path::new(address)
                    .extension()
                    .is_some_and(|extension| extension == "zip")
            {
                number += 1;
                let command = script("create.sh")
                    .replace("https://your-storage.com/bundles/app-1.2.3.zip", address)
                    .replace("\"1.2.3\"", &format!("\"2.0.{number}\""));
                let (status, answer) = reader.curl(&command);
                assert_eq!(status, 200, "{address}: {answer}");
                assert_eq!(reader.row(APP, &format!("2.0.{number}"))["external_url"], address);
            }
        }
    }
    assert_eq!(number, 6);
}

#[test]
fn the_upload_examples_work() {
    let Some(reader) = Reader::new() else { return };
    let (zip, digest) = reader.project.zipped();
    fs::rename(reader.project.path(&zip), reader.project.path("my-app-1.2.3.zip")).unwrap();

    // To your own endpoint: an update server, which needs the app id in the URL.
    let here = format!("{}/upload/{APP}", reader.updates.server.url());
    let form = script("form.sh")
        .replace("https://your-storage-api.com/upload", &here)
        .replace("YOUR_TOKEN", &reader.updates.key);
    let (status, answer) = reader.curl(&form);
    assert_eq!((status, &answer["sha256"]), (201, &digest.into()), "{answer}");

    // To a bucket, with the AWS command.
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("your-bucket")).unwrap();
    let settings = Settings {
        credentials: ("AKIDTESTS", "secret"),
        domains: &[],
        public: false,
    };
    let store = S3Store::start(folder.path(), settings);
    if !shell("aws --version", folder.path()).status.success() {
        println!("NOT CHECKED aws s3 cp: Amazon's command is not installed");
        return;
    }
    let copied = Command::new("sh")
        .args(["-c", &script("aws.sh")])
        .current_dir(reader.project.path(""))
        .env("AWS_ENDPOINT_URL", format!("http://{}", store.address))
        .env("AWS_ACCESS_KEY_ID", "AKIDTESTS")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_REGION", "us-east-1")
        .env("NO_PROXY", "*")
        .output()
        .unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let object = fs::read(folder.path().join("your-bucket/bundles/my-app-1.2.3.zip")).unwrap();
    assert_eq!(object, reader.project.read("my-app-1.2.3.zip"));
}

#[test]
fn a_bundle_has_the_documented_structure() {
    let project = Project::empty().with("package.json", r#"{"name":"app","version":"1.2.3"}"#);
    let mut folder = "dist".to_owned();
    for line in script("structure.txt").lines().skip(1) {
        let name = line.trim_start_matches(['│', '├', '└', '─', ' ']);
        let is_below = line.starts_with('│');
        match name.strip_suffix('/') {
            Some(below) => {
                folder = format!("dist/{below}");
                fs::create_dir_all(project.path(&folder)).unwrap();
            }
            None if is_below => project.write(&format!("{folder}/{name}"), "x"),
            None => project.write(&format!("dist/{name}"), "x"),
        }
    }
    project.write("dist/images/logo.svg", "<svg/>");
    project.write(
        "dist/index.html",
        "<link href=assets/styles.css rel=stylesheet><script src=assets/app.js></script>",
    );
    project.write("dist/assets/app.js", "CapacitorUpdater.notifyAppReady()");
    let zip = "bundle zip com.example.app --path ./dist --json";

    let document = project.run(zip).document();
    let listed = project
        .run(&format!("bundle inspect {} --json", text_of(&document, "filename")))
        .document()
        .to_string();
    for name in ["index.html", "assets/app.js", "assets/styles.css", "images/logo.svg"] {
        assert!(project.has(&format!("dist/{name}")), "{name}");
    }
    assert!(listed.contains("\"files\""), "{listed}");

    // A call of notifyAppReady() and a root index.html are required.
    project.write("dist/assets/app.js", "nothing()");
    project.run(zip).fails("notifyAppReady_not_in_source_code", 1);
    project
        .run(&format!("{zip} --no-code-check --name unchecked.zip"))
        .document();
    project.write("dist/assets/app.js", "CapacitorUpdater.notifyAppReady()");
    fs::rename(project.path("dist/index.html"), project.path("dist/assets/index.html")).unwrap();
    project.run(zip).fails("index_html_not_found", 1);
}

#[test]
fn the_options_of_the_documents_are_in_the_help() {
    let project = Project::empty();
    let [storage, ..] = DOCUMENTS;
    let mut found = 0;
    for row in rows(&storage).iter().filter(|row| row.kind == "option") {
        let command = match row.lines.0 {
            ..27 => "upload",
            27..43 => "zip",
            _ => "encrypt",
        };
        let name = row.text.split(' ').next().unwrap();
        found += 1;
        if name.starts_with("--") {
            let help = project.run(&format!("bundle {command} --help")).stdout;
            assert!(help.contains(name), "bundle {command} --help has no {name}");
        } else {
            // A required positional argument.
            assert_eq!(project.run(&format!("bundle {command}")).code, 2, "{name}");
        }
    }
    assert_eq!(found, 19);
}

#[test]
fn the_app_is_built() {
    if skip::tool("npm").is_none() {
        return;
    }
    let project = Project::empty()
        .with(
            "package.json",
            r#"{"name":"app","version":"1.2.3","scripts":{"build":"mkdir -p dist && cp src/* dist/"}}"#,
        )
        .with("src/index.html", "<script src=app.js></script>")
        .with("src/app.js", "CapacitorUpdater.notifyAppReady()");
    for document in DOCUMENTS {
        let commands: Vec<_> = rows(&document)
            .into_iter()
            .filter(|row| row.kind == "command" && row.text.starts_with("npm run"))
            .collect();
        assert!(!commands.is_empty(), "{}", document.name);
        for row in commands {
            let built = shell(&row.text, &project.path(""));
            assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        }
    }
    project
        .run("bundle zip com.example.app --path ./dist --json")
        .document();
}

#[test]
fn the_documented_packages_are_the_tested_ones() {
    let folder = capbundle_tests::documented::root().join("tests/npm/package.json");
    let packages: Value = serde_json::from_str(&fs::read_to_string(folder).unwrap()).unwrap();
    for document in api_documents() {
        let commands: Vec<_> = rows(&document)
            .into_iter()
            .filter(|row| row.text.starts_with("npm install "))
            .collect();
        assert_eq!(commands.len(), 2, "{}", document.name);
        for package in commands.iter().flat_map(|row| row.text.split(' ').skip(2)) {
            assert!(packages["devDependencies"][package].is_string(), "{package}");
        }
    }
}

fn api_documents() -> Vec<Document> {
    DOCUMENTS
        .into_iter()
        .filter(|document| document.name.starts_with("bundles-api"))
        .collect()
}

fn shell(line: &str, folder: &Path) -> std::process::Output {
    Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .output()
        .unwrap()
}

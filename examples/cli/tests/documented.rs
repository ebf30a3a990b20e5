//! Every command of Capgo's page on custom storage, verbatim except that `npx @capgo/cli@latest` is `capbundle`.
//! Placeholders in capitals are filled in.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;

use capbundle::digest::Sha256Digest;
use serde_json::Value;

use crate::internet::{Internet, shell};
use crate::project::{Project, Run, text_of};
use crate::publishing::Updates;

const APP: &str = "com.example.app";

/// Basic External URL Upload.
const EXTERNAL: &str = "npx @capgo/cli@latest bundle upload --external https://your-domain.com/bundles/v1.2.3.zip";
/// With Encryption.
const EXTERNAL_SEALED: &str = "npx @capgo/cli@latest bundle upload --external https://your-domain.com/bundles/v1.2.3.zip --iv-session-key YOUR_IV_SESSION_KEY";
/// S3 Upload Options.
const S3: &str = "npx @capgo/cli@latest bundle upload \\
  --s3-region us-east-1 \\
  --s3-apikey YOUR_ACCESS_KEY \\
  --s3-apisecret YOUR_SECRET_KEY \\
  --s3-bucket-name your-bucket-name";
/// Complete S3 Configuration.
const S3_COMPLETE: &str = "npx @capgo/cli@latest bundle upload \\
  --s3-region us-east-1 \\
  --s3-apikey YOUR_ACCESS_KEY \\
  --s3-apisecret YOUR_SECRET_KEY \\
  --s3-endpoint https://s3.your-provider.com \\
  --s3-bucket-name your-bucket-name \\
  --s3-port 443 \\
  --no-s3-ssl # Only if your endpoint doesn't support SSL";
/// Step 1: Create a Zip Bundle.
const ZIP: &str = "npx @capgo/cli@latest bundle zip com.example.app --path ./dist";
/// Zip Command Options.
const ZIP_OPTIONS: &str = "npx @capgo/cli@latest bundle zip [appId] \\
  --path ./dist \\
  --bundle 1.2.3 \\
  --name myapp-v1.2.3 \\
  --json \\
  --no-code-check \\
  --key-v2 \\
  --package-json ../../package.json,./package.json";
/// Step 2: Encrypt the Bundle.
const ENCRYPT: [&str; 3] = [
    "npx @capgo/cli@latest bundle encrypt ./myapp.zip CHECKSUM",
    "npx @capgo/cli@latest bundle encrypt ./myapp.zip CHECKSUM --key ./path/to/.capgo_key_v2",
    "npx @capgo/cli@latest bundle encrypt ./myapp.zip CHECKSUM --key-data \"PRIVATE_KEY_CONTENT\"",
];
/// Example 1: External URL with Encryption.
const EXAMPLE_1: [&str; 3] = [
    "npx @capgo/cli@latest bundle zip com.example.app --path ./dist --bundle 1.2.3",
    "npx @capgo/cli@latest bundle encrypt ./com.example.app-1.2.3.zip CHECKSUM_FROM_STEP_2",
    "npx @capgo/cli@latest bundle upload \\
  --external https://your-cdn.com/bundles/com.example.app-1.2.3.zip \\
  --iv-session-key IV_SESSION_KEY_FROM_STEP_3",
];
/// Example 2: Direct S3 Upload.
const EXAMPLE_2: &str = "npx @capgo/cli@latest bundle upload \\
  --s3-region us-west-2 \\
  --s3-apikey YOUR_ACCESS_KEY \\
  --s3-apisecret YOUR_SECRET_KEY \\
  --s3-bucket-name your-app-bundles \\
  --channel Production";
/// Example 3: S3 with Encryption.
const EXAMPLE_3: [&str; 3] = [
    "npx @capgo/cli@latest bundle zip com.example.app --path ./dist --key-v2",
    "npx @capgo/cli@latest bundle encrypt ./com.example.app.zip CHECKSUM",
    "npx @capgo/cli@latest bundle upload \\
  --s3-region us-west-2 \\
  --s3-apikey YOUR_ACCESS_KEY \\
  --s3-apisecret YOUR_SECRET_KEY \\
  --s3-bucket-name your-app-bundles \\
  --iv-session-key IV_SESSION_KEY_FROM_STEP_2 \\
  --channel Production",
];
/// Debug Commands.
const DEBUG: &str = "npx @capgo/cli@latest app debug";
const LIST: &str = "npx @capgo/cli@latest bundle list";

/// A reader of the page: a project, an API key, and all hosts on the page.
struct Reader {
    project: Project,
    updates: Updates,
    internet: Internet,
}

impl Reader {
    fn new(test: &str) -> Option<Self> {
        let updates = Updates::start();
        let internet = Internet::start(updates.server.address(), test)?;
        let project = Project::new()
            .with(
                "capacitor.config.json",
                r#"{"appId":"com.example.app","webDir":"dist","plugins":{"CapacitorUpdater":{"defaultChannel":"Production"}}}"#,
            )
            // The version of the native app in Capacitor's project.
            .with("android/app/build.gradle", "android {\n    defaultConfig {\n        versionName \"1.0.0\"\n    }\n}\n")
            .with("dist/index.html", "<script type=module src=app.js></script>")
            .with("dist/app.js", "CapacitorUpdater.notifyAppReady();");
        Some(Self {
            project,
            updates,
            internet,
        })
    }

    fn with_keys(mut self) -> Self {
        self.project = self.project.with_keys();
        self
    }

    fn run(&self, line: &str) -> Run {
        let mut variables = self.internet.variables();
        variables.push(("CAPGO_TOKEN", self.updates.key.clone()));
        shell(line, &self.project.path(""), &variables)
    }

    /// Runs a line and returns standard error; standard output must be empty.
    fn messages(&self, line: &str) -> String {
        self.run(line).succeeds().stderr
    }

    /// The registration of version 1.2.3.
    fn registered(&self) -> Value {
        let list = self.updates.run(&self.project, "bundle list --json").document();
        let bundles = list["bundles"].as_array().unwrap();
        let found = bundles.iter().find(|bundle| bundle["version"] == "1.2.3");
        found.cloned().unwrap_or_else(|| panic!("{list}"))
    }

    /// The result of `app debug` for a device of the page's app.
    fn debug(&self) -> Value {
        self.run(&format!("{DEBUG} --json")).document()
    }

    fn make_channel(&self, name: &str) {
        self.updates.make_channel(APP, name);
    }

    /// Packs and encrypts the app; returns the document of `bundle encrypt`.
    fn sealed(&self) -> Value {
        self.project.encrypted()
    }
}

/// The value after a label in the messages.
fn value_after(messages: &str, word: &str) -> String {
    let line = messages
        .lines()
        .find(|line| line.starts_with(word))
        .expect("the label is printed");
    line.rsplit(' ').next().unwrap().to_owned()
}

/// The command suggested by a message.
fn suggested_command(message: &str) -> String {
    let (_, rest) = message
        .split_once("run `capbundle ")
        .unwrap_or_else(|| panic!("{message}"));
    let (command, _) = rest.split_once('`').unwrap();
    assert!(command.contains("com.example.app_1.2.3.zip"), "{message}");
    format!("npx @capgo/cli@latest {command}")
}

#[test]
fn a_url_is_registered() {
    let Some(reader) = Reader::new("a_url_is_registered") else {
        return;
    };
    let (zip, digest) = reader.project.zipped();
    reader.internet.host("v1.2.3.zip", &reader.project.read(&zip));

    reader.messages(EXTERNAL);

    let bundle = reader.registered();
    assert_eq!(bundle["checksum"], digest.as_str());
    assert_eq!(bundle["external_url"], "https://your-domain.com/bundles/v1.2.3.zip");
}

#[test]
fn the_url_of_an_encrypted_bundle_is_registered() {
    let Some(reader) = Reader::new("the_url_of_an_encrypted_bundle_is_registered") else {
        return;
    };
    let reader = reader.with_keys();
    let sealed = reader.sealed();
    let file = reader.project.read(&text_of(&sealed, "filename"));
    reader.internet.host("v1.2.3.zip", &file);
    let session = text_of(&sealed, "ivSessionKey");

    reader.messages(&EXTERNAL_SEALED.replace("YOUR_IV_SESSION_KEY", &session));

    let bundle = reader.registered();
    assert_eq!(
        (&bundle["checksum"], &bundle["session_key"]),
        (&sealed["checksum"], &sealed["ivSessionKey"])
    );
}

#[test]
fn a_bundle_is_uploaded_to_amazon_s3() {
    let Some(reader) = Reader::new("a_bundle_is_uploaded_to_amazon_s3") else {
        return;
    };

    reader.messages(S3);

    let bundle = reader.registered();
    let (zip, digest) = reader.project.zipped();
    let key = format!("com.example.app/1.2.3-{digest}.zip");
    let address = format!("https://your-bucket-name.s3.us-east-1.amazonaws.com/{key}");
    assert_eq!(bundle["external_url"], address.as_str());
    assert_eq!(
        reader.internet.object("your-bucket-name", &key),
        reader.project.read(&zip)
    );
}

#[test]
fn https_with_no_ssl_is_rejected_with_the_two_possible_commands() {
    let Some(reader) = Reader::new("https_with_no_ssl_is_rejected_with_the_two_possible_commands") else {
        return;
    };

    let run = reader.run(S3_COMPLETE);

    assert_eq!(run.code, 1);
    assert!(
        run.stderr.contains("scheme is https, but SSL is disabled"),
        "{}",
        run.stderr
    );
    // The page's comment: "Only if your endpoint doesn't support SSL".
    let (with_ssl, _) = S3_COMPLETE.split_once(" \\\n  --no-s3-ssl").unwrap();
    reader.messages(with_ssl);
    let (_, digest) = reader.project.zipped();
    let address = format!("https://s3.your-provider.com/your-bucket-name/com.example.app/1.2.3-{digest}.zip");
    assert_eq!(reader.registered()["external_url"], address.as_str());
}

#[test]
fn a_folder_is_packed() {
    let Some(reader) = Reader::new("a_folder_is_packed") else {
        return;
    };

    let messages = reader.messages(ZIP);

    assert!(reader.project.has("com.example.app_1.2.3.zip"), "{messages}");
    // The app is part of a monorepo.
    let app = reader.project.path("apps/one");
    fs::create_dir_all(&app).unwrap();
    fs::rename(reader.project.path("dist"), app.join("dist")).unwrap();
    let line = ZIP_OPTIONS.replace("[appId]", APP);
    let document = shell(&line, &app, &[]).document();
    assert_eq!(
        (&document["bundle"], &document["filename"]),
        (&"1.2.3".into(), &"myapp-v1.2.3".into())
    );
    assert_eq!(text_of(&document, "checksum").len(), 64);
    assert!(app.join("myapp-v1.2.3").is_file());
}

#[test]
fn an_archive_is_encrypted_with_each_key_option() {
    let Some(reader) = Reader::new("an_archive_is_encrypted_with_each_key_option") else {
        return;
    };
    let reader = reader.with_keys();
    let (zip, digest) = reader.project.zipped();
    fs::rename(reader.project.path(&zip), reader.project.path("myapp.zip")).unwrap();
    let key = reader.project.text(".capgo_key_v2");
    reader.project.write("path/to/.capgo_key_v2", &key);
    for line in ENCRYPT {
        let line = line.replace("CHECKSUM", &digest).replace("PRIVATE_KEY_CONTENT", &key);

        let messages = reader.messages(&line);

        let (session, checksum) = (
            value_after(&messages, "ivSessionKey "),
            value_after(&messages, "Checksum "),
        );
        let opening =
            format!("npx @capgo/cli@latest bundle decrypt myapp.zip_encrypted.zip {session} --checksum {checksum}");
        reader.messages(&opening);
    }
}

#[test]
fn example_1_external_url_with_encryption() {
    let Some(reader) = Reader::new("example_1_external_url_with_encryption") else {
        return;
    };
    let reader = reader.with_keys();
    let [zip, encrypt, upload] = EXAMPLE_1;
    let checksum = value_after(&reader.messages(zip), "Checksum ");
    let encrypt = encrypt.replace("CHECKSUM_FROM_STEP_2", &checksum);
    // The file name on the page differs from that of Capgo's command.
    let refused = reader.run(&encrypt);
    assert_eq!(refused.code, 1);
    let session = value_after(&reader.messages(&suggested_command(&refused.stderr)), "ivSessionKey ");
    let sealed = reader.project.read("com.example.app_1.2.3.zip_encrypted.zip");
    reader.internet.host("com.example.app-1.2.3.zip", &sealed);

    reader.messages(&upload.replace("IV_SESSION_KEY_FROM_STEP_3", &session));

    let bundle = reader.registered();
    assert_eq!(bundle["session_key"], session.as_str());
    assert_eq!(
        bundle["external_url"],
        "https://your-cdn.com/bundles/com.example.app-1.2.3.zip"
    );
}

#[test]
fn example_2_direct_s3_upload() {
    let Some(reader) = Reader::new("example_2_direct_s3_upload") else {
        return;
    };
    // The channel is created manually and is not the first channel of the app.
    let unknown = reader.run(EXAMPLE_2);
    assert!(
        unknown.code == 1 && unknown.stderr.contains("Production"),
        "{}",
        unknown.stderr
    );
    reader.make_channel("Production");

    let messages = reader.messages(EXAMPLE_2);

    assert!(
        messages.contains("Devices in Production get it from now on"),
        "{messages}"
    );
    let debug = reader.debug();
    assert_eq!(
        (&debug["answer"], &debug["version"]),
        (&"update".into(), &"1.2.3".into()),
        "{debug}"
    );
    assert_eq!(debug["proof"], "digest");
}

#[test]
fn example_3_s3_with_encryption() {
    let Some(reader) = Reader::new("example_3_s3_with_encryption") else {
        return;
    };
    let reader = reader.with_keys();
    reader.make_channel("Production");
    let [zip, encrypt, upload] = EXAMPLE_3;
    let checksum = value_after(&reader.messages(zip), "Checksum ");
    let encrypt = encrypt.replace("CHECKSUM", &checksum);
    let refused = reader.run(&encrypt);
    let session = value_after(&reader.messages(&suggested_command(&refused.stderr)), "ivSessionKey ");

    reader.messages(&upload.replace("IV_SESSION_KEY_FROM_STEP_2", &session));

    let sealed = reader.project.read("com.example.app_1.2.3.zip_encrypted.zip");
    let key = format!("com.example.app/1.2.3-{}.zip", Sha256Digest::of(&sealed));
    assert_eq!(reader.internet.object("your-app-bundles", &key), sealed);
    let debug = reader.debug();
    assert_eq!(
        (&debug["version"], &debug["proof"]),
        (&"1.2.3".into(), &"capgo_signed".into()),
        "{debug}"
    );
}

#[test]
fn the_debugging_commands_show_the_bundles() {
    let Some(reader) = Reader::new("the_debugging_commands_show_the_bundles") else {
        return;
    };
    reader.make_channel("Production");
    reader.messages(EXAMPLE_2);

    let list = reader.run(LIST);
    let debug = reader.run(DEBUG);

    assert_eq!((list.code, debug.code), (0, 0), "{}{}", list.stderr, debug.stderr);
    assert!(list.stdout.contains("1.2.3"), "{}", list.stdout);
    let said = format!("{}{}", debug.stdout, debug.stderr);
    assert!(said.contains("1.2.3"), "{said}");
}

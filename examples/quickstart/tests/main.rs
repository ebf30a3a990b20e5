//! Runs every program of this package as a process against real servers on the loopback address.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use capbundle::bundle::{PackOptions, pack};
use capbundle::capgo;
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey};
use capbundle::progress::Control;
use capbundle_tests::rough_server::{RoughServer, contents};
use capbundle_tests::s3_store::{S3Store, Settings};
use capbundle_tests::scripted_server::{Reply, ScriptedServer};
use capbundle_update_server::{Access, AppRules, Config, Keys, Server, create_app};
use tempfile::TempDir;

const APP: &str = "com.example.app";
const DEVICE: &str = "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11";
const SECRET: &str = "secret/of+the/tests";

/// The output of a program, and whether it succeeded.
struct Outcome {
    success: bool,
    text: String,
}

impl Outcome {
    fn succeeds(self) -> String {
        assert!(self.success, "{}", self.text);
        self.text
    }

    fn fails(self) -> String {
        assert!(!self.success, "{}", self.text);
        self.text
    }
}

/// A working folder with an update server and its API key.
struct Fixture {
    folder: TempDir,
    server: Server,
    key: String,
    web_apps: AtomicU32,
}

impl Fixture {
    fn new() -> Self {
        Self::with_rules(None)
    }

    fn with_rules(rules: Option<&AppRules>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::loopback(folder.path().join("server"));
        if let Some(rules) = rules {
            create_app(&config.data, APP, rules).unwrap();
        }
        let key = Keys::open(&config.data)
            .unwrap()
            .create("ci", &Access::Everything)
            .unwrap();
        Self {
            key: key.text().to_owned(),
            server: Server::start(config).unwrap(),
            folder,
            web_apps: AtomicU32::new(0),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A web app that calls `notifyAppReady()` and then runs `script`.
    fn www(&self, script: &str) -> PathBuf {
        let www = self.path(&format!("www-{}", self.web_apps.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&www).unwrap();
        fs::write(www.join("index.html"), "<script src=app.js></script>").unwrap();
        fs::write(
            www.join("app.js"),
            format!("CapacitorUpdater.notifyAppReady();{script}"),
        )
        .unwrap();
        www
    }

    /// A packed web app and its digest.
    fn archive(&self, script: &str) -> (String, String) {
        let www = self.www(script);
        let archive = www.with_extension("zip");
        let packed = pack(&www, &archive, &PackOptions::default(), &Control::new()).unwrap();
        (text(&archive), packed.digest.to_string())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Outcome {
        self.run_with(program, arguments, &[])
    }

    fn run_with(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .env("API_URL", self.server.url())
            .env("CAPGO_TOKEN", &self.key)
            .env("TOKEN", &self.key)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        Outcome {
            success: output.status.success(),
            text: String::from_utf8(text).unwrap(),
        }
    }

    /// Uploads an archive to the update server. Returns its URL.
    fn upload(&self, archive: &str) -> String {
        let to = format!("{}/upload/{APP}", self.server.url());
        let output = self.run(env!("CARGO_BIN_EXE_upload-file"), &[&to, archive]).succeeds();
        output.trim().rsplit(' ').next().unwrap().to_owned()
    }

    fn api(&self, arguments: &[&str]) -> Outcome {
        self.run(env!("CARGO_BIN_EXE_bundles-api"), &[&[APP], arguments].concat())
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_encrypted_app_is_decrypted_to_the_same_files() {
    let fixture = Fixture::new();
    let (www, key) = (fixture.www(""), fixture.path("key.pem"));
    let pair = SigningKey::generate(KeyBits::B2048).unwrap();
    pair.write(&key, Overwrite::Never).unwrap();
    let work = fixture.path("work");
    fs::create_dir(&work).unwrap();
    let arguments = [text(&www), text(&key), text(&work)];

    let output = fixture.run(
        env!("CARGO_BIN_EXE_encrypt-and-decrypt"),
        &arguments.each_ref().map(String::as_str),
    );

    assert!(output.succeeds().contains("packed 2 files"));
    for name in ["index.html", "app.js"] {
        assert_eq!(
            fs::read(www.join(name)).unwrap(),
            fs::read(work.join("live").join(name)).unwrap()
        );
    }
    assert_ne!(
        fs::read(work.join("app.zip")).unwrap(),
        fs::read(work.join("app.sealed")).unwrap()
    );
}

#[test]
fn a_download_resumes_an_interrupted_one() {
    let fixture = Fixture::new();
    let server = RoughServer::start();
    let size = 3_000_000;
    let digest = Sha256Digest::of(&contents("app", size)).to_string();
    // The first connection is cut, and the second gets 404, which ends the first run.
    let url = server.url(&format!("/app?size={size}&cut=2000000&status=ok.404"));
    let (part, program) = (fixture.path("downloads"), env!("CARGO_BIN_EXE_download"));
    fs::create_dir(&part).unwrap();
    let arguments = [url, digest, text(&part)];
    let arguments = arguments.each_ref().map(String::as_str);

    assert!(fixture.run(program, &arguments).fails().contains("404"));
    let output = fixture.run(program, &arguments).succeeds();

    assert!(output.contains("download 3000000 of 3000000"), "{output}");
    assert!(
        output.contains("3000000 bytes in ") && output.contains(", 1000000 of them received now"),
        "{output}"
    );
}

#[test]
fn a_device_installs_updates_and_rolls_back_one_that_crashes() {
    let fixture = Fixture::new();
    let store = text(&fixture.path("device"));
    let update = |version: &str, script: &str| {
        let (archive, digest) = fixture.archive(script);
        let url = fixture.upload(&archive);
        let arguments = [store.as_str(), &url, &digest, version];
        fixture.run(env!("CARGO_BIN_EXE_install-update"), &arguments)
    };
    let start = |page: &str| {
        fixture
            .run(env!("CARGO_BIN_EXE_launch-app"), &[&store, page])
            .succeeds()
    };

    assert!(start("works").contains("serves the built-in bundle because: current"));
    assert!(
        update("1.0.0", "good")
            .succeeds()
            .contains("1.0.0 has 2 files and is next")
    );
    assert!(start("works").contains("serves 1.0.0 because: next_applied"));

    update("2.0.0", "bad").succeeds();
    assert!(start("crashes").contains("serves 2.0.0"));
    assert!(start("crashes").contains("serves 2.0.0"));
    assert!(start("works").contains("serves 1.0.0 because: trial_failed"));
    assert!(update("2.0.0", "bad").fails().contains("failed"));
    assert!(start("works").contains("serves 1.0.0 because: current"));
}

#[test]
fn an_app_keeps_itself_up_to_date() {
    let fixture = Fixture::new();
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let (public, sealed) = (fixture.path("public.pem"), fixture.path("sealed"));
    fs::write(&public, key.verifying_key().to_pem()).unwrap();
    let (archive, digest) = fixture.archive("");
    let encryption = capgo::Encryption {
        expected: &digest.parse().unwrap(),
        key: &key,
        form: capgo::ChecksumForm::V3,
    };
    let parts = capgo::encrypt(Path::new(&archive), &sealed, &encryption, &Control::new()).unwrap();
    let (checksum, session_key) = (parts.checksum.to_string(), parts.iv_session_key.to_string());
    let bytes = fs::read(&sealed).unwrap();
    let server = ScriptedServer::start(move |request| {
        if request.path() == "/bundle" {
            return Reply::file(request, &bytes, "\"1\"");
        }
        let url = format!("http://{}/bundle", request.headers["host"]);
        let offer =
            format!(r#"{{"version":"2.0.0","url":"{url}","checksum":"{checksum}","session_key":"{session_key}"}}"#);
        Reply::new(200, offer)
    });

    let mut app = Command::new(env!("CARGO_BIN_EXE_self-updating-app"))
        .args([text(&fixture.path("phone")), server.url("/updates"), text(&public)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(app.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("setNext")), "it found no update");
    let mut stdin = app.stdin.take().unwrap();
    stdin.write_all(b"\n").unwrap();
    let loaded = lines
        .find(|line| line.starts_with("load Some"))
        .expect("it serves the update");
    assert!(loaded.contains("next_applied"), "{loaded}");
    drop(stdin);
    assert!(app.wait().unwrap().success());
}

#[test]
fn an_archive_in_a_bucket_is_downloaded_from_its_presigned_url() {
    let fixture = Fixture::new();
    let root = fixture.path("buckets");
    fs::create_dir_all(root.join("bundles")).unwrap();
    let settings = Settings {
        credentials: ("AKIDTESTS", SECRET),
        domains: &[],
        public: false,
    };
    let bucket = S3Store::start(&root, settings);
    let (archive, digest) = fixture.archive("");
    let endpoint = format!("http://{}", bucket.address);
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIDTESTS"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_S3", &endpoint),
    ];
    let publish = || {
        let arguments = ["bundles", "app/1.0.0.zip", &archive];
        fixture.run_with(env!("CARGO_BIN_EXE_publish-to-s3"), &arguments, &variables)
    };

    let output = publish().succeeds();

    assert!(output.contains(&digest) && !output.contains(SECRET), "{output}");
    let url = output.lines().last().unwrap();
    let arguments = [url, &digest, "."];
    fixture.run(env!("CARGO_BIN_EXE_download"), &arguments).succeeds();
    assert!(publish().succeeds().contains("already exists"));
    let unsigned = url.split('?').next().unwrap();
    let private = fixture.run(env!("CARGO_BIN_EXE_check-url"), &[unsigned, &archive]);
    assert!(private.fails().contains("private"));
}

#[test]
fn a_url_is_checked_against_a_local_archive() {
    let fixture = Fixture::new();
    let (archive, _) = fixture.archive("ours");
    let (other, _) = fixture.archive("other");
    let url = fixture.upload(&archive);
    let check = |url: &str, archive: &str| fixture.run(env!("CARGO_BIN_EXE_check-url"), &[url, archive]);

    let size = fs::metadata(&archive).unwrap().len();
    assert!(
        check(&url, &archive)
            .succeeds()
            .contains(&format!("these {size} bytes"))
    );
    check(&url, &other).fails();
    let missing = format!("{}/bundles/missing.zip", fixture.server.url());
    assert!(check(&missing, &archive).fails().contains("no such file"));
}

#[test]
fn a_bundle_is_registered_described_promoted_listed_and_deleted() {
    let fixture = Fixture::new();
    let publish = |version: &str| {
        let (archive, digest) = fixture.archive(version);
        let url = fixture.upload(&archive);
        fixture.api(&["create", version, &url, &digest]).succeeds();
    };
    publish("1.0.0");
    publish("1.1.0");

    fixture.api(&["describe", "1.0.0", "the first"]).succeeds();
    fixture.api(&["promote", "1.1.0", "production"]).succeeds();

    let list = fixture.api(&["list"]).succeeds();
    assert_eq!(list, "1.1.0 \n1.0.0 the first\nproduction -> 1.1.0\n");
    let linked = fixture.api(&["delete", "1.1.0"]).fails();
    assert!(linked.contains("cannot_delete_linked_version"), "{linked}");
    fixture.api(&["delete", "1.0.0"]).succeeds();
    assert!(!fixture.api(&["list"]).succeeds().contains("1.0.0"));
    let unknown = fixture.api(&["promote", "1.1.0", "beta"]).fails();
    assert!(unknown.contains("production"), "{unknown}");
}

#[test]
fn a_release_runs_its_steps_in_order_and_a_device_installs_it() {
    let fixture = Fixture::new();
    let (archive, _) = fixture.archive("");

    let output = fixture
        .run(env!("CARGO_BIN_EXE_release"), &[APP, "1.0.0", &archive, "production"])
        .succeeds();

    let steps = [
        "upload ",
        "check that",
        "register version 1.0.0",
        "set channel production",
        "devices of",
    ];
    for (line, step) in output.lines().zip(steps) {
        assert!(line.starts_with(step), "{output}");
    }
    assert!(fixture.api(&["list"]).succeeds().contains("production -> 1.0.0"));

    let url = format!("{}/updates", fixture.server.url());
    let check = |app: &str| fixture.run(env!("CARGO_BIN_EXE_check-for-update"), &[&url, app, DEVICE, "0.9.0"]);
    let offer = check(APP).succeeds();
    let [version, url, digest] = offer.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{offer}");
    };
    let installing = fixture.run(
        env!("CARGO_BIN_EXE_install-update"),
        &[&text(&fixture.path("device")), url, digest, version],
    );
    assert!(installing.succeeds().contains("1.0.0 has 2 files and is next"));
    assert!(!check("com.example.unknown").text.contains("1.0.0"));
}

#[test]
fn a_failed_release_is_undone() {
    let rules = AppRules {
        encryption_required: true,
        ..AppRules::default()
    };
    let fixture = Fixture::with_rules(Some(&rules));
    let (archive, digest) = fixture.archive("");

    let output = fixture
        .run(env!("CARGO_BIN_EXE_release"), &[APP, "1.0.0", &archive, "production"])
        .fails();

    assert!(output.contains("encryption_required"), "{output}");
    assert!(
        output.contains("undone: ") && !output.contains("still there"),
        "{output}"
    );
    let archive = fixture.path("server/bundles").join(APP).join(format!("{digest}.zip"));
    assert!(!archive.exists());
}

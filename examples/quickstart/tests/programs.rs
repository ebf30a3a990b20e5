//! Every program of this package, as whoever copies it runs it: a process of its own against real servers on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use capbundle::bundle::{PackOptions, pack};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey};
use capbundle::progress::Control;
use capbundle_tests::rough_server::{RoughServer, contents};
use capbundle_tests::s3_store::{S3Store, Settings};
use capbundle_update_server::{Access, AppRules, Config, Keys, Server, create_app};
use tempfile::TempDir;

const APP: &str = "com.example.app";
const DEVICE: &str = "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11";
const SECRET: &str = "secret/of+the/tests";

/// What a program said, and whether it succeeded.
struct Said {
    success: bool,
    text: String,
}

impl Said {
    fn succeeds(self) -> String {
        assert!(self.success, "{}", self.text);
        self.text
    }

    fn fails(self) -> String {
        assert!(!self.success, "{}", self.text);
        self.text
    }
}

/// A working folder, with an update server and what programs need to talk to it.
struct Place {
    folder: TempDir,
    server: Server,
    key: String,
    made: AtomicU32,
}

impl Place {
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
            made: AtomicU32::new(0),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A web app that calls `notifyAppReady()` and has this script.
    fn www(&self, script: &str) -> PathBuf {
        let www = self.path(&format!("www-{}", self.made.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&www).unwrap();
        fs::write(www.join("index.html"), "<script src=app.js></script>").unwrap();
        fs::write(
            www.join("app.js"),
            format!("CapacitorUpdater.notifyAppReady();{script}"),
        )
        .unwrap();
        www
    }

    /// A packed web app, and its digest.
    fn archive(&self, script: &str) -> (String, String) {
        let www = self.www(script);
        let archive = www.with_extension("zip");
        let packed = pack(&www, &archive, &PackOptions::default(), &Control::new()).unwrap();
        (text(&archive), packed.digest.to_string())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Said {
        self.run_with(program, arguments, &[])
    }

    fn run_with(&self, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
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
        Said {
            success: output.status.success(),
            text: String::from_utf8(text).unwrap(),
        }
    }

    /// Puts an archive on the update server; gives its address.
    fn put(&self, archive: &str) -> String {
        let to = format!("{}/upload/{APP}", self.server.url());
        let said = self.run(env!("CARGO_BIN_EXE_put-file"), &[&to, archive]).succeeds();
        said.trim().rsplit(' ').next().unwrap().to_owned()
    }

    fn api(&self, words: &[&str]) -> Said {
        self.run(env!("CARGO_BIN_EXE_bundles-api"), &[&[APP], words].concat())
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_sealed_app_is_opened_again() {
    let place = Place::new();
    let (www, key) = (place.www(""), place.path("key.pem"));
    let pair = SigningKey::generate(KeyBits::B2048).unwrap();
    pair.write(&key, Overwrite::Never).unwrap();
    let work = place.path("work");
    fs::create_dir(&work).unwrap();
    let arguments = [text(&www), text(&key), text(&work)];

    let said = place.run(
        env!("CARGO_BIN_EXE_seal-and-open"),
        &arguments.each_ref().map(String::as_str),
    );

    assert!(said.succeeds().contains("packed 2 files"));
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
fn a_download_goes_on_where_an_earlier_one_broke_off() {
    let place = Place::new();
    let server = RoughServer::start();
    let size = 3_000_000;
    let digest = Sha256Digest::of(&contents("app", size)).to_string();
    // The first connection breaks, the next is told that there is nothing, which ends the first run.
    let url = server.url(&format!("/app?size={size}&cut=2000000&status=ok.404"));
    let (part, program) = (place.path("downloads"), env!("CARGO_BIN_EXE_download"));
    fs::create_dir(&part).unwrap();
    let arguments = [url, digest, text(&part)];
    let arguments = arguments.each_ref().map(String::as_str);

    assert!(place.run(program, &arguments).fails().contains("404"));
    let said = place.run(program, &arguments).succeeds();

    assert!(said.contains("download 3000000 of 3000000"), "{said}");
    assert!(
        said.contains("3000000 bytes in ") && said.contains(", 1000000 of them came now"),
        "{said}"
    );
}

#[test]
fn a_device_installs_updates_and_goes_back_from_one_that_crashes() {
    let place = Place::new();
    let store = text(&place.path("device"));
    let update = |version: &str, script: &str| {
        let (archive, digest) = place.archive(script);
        let url = place.put(&archive);
        let arguments = [store.as_str(), &url, &digest, version];
        place.run(env!("CARGO_BIN_EXE_install-update"), &arguments)
    };
    let start = |page: &str| place.run(env!("CARGO_BIN_EXE_start-app"), &[&store, page]).succeeds();

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
fn an_archive_goes_into_a_bucket_and_comes_out_by_a_signed_address() {
    let place = Place::new();
    let root = place.path("buckets");
    fs::create_dir_all(root.join("bundles")).unwrap();
    let settings = Settings {
        credentials: ("AKIDTESTS", SECRET),
        domains: &[],
        public: false,
    };
    let bucket = S3Store::start(&root, settings);
    let (archive, digest) = place.archive("");
    let endpoint = format!("http://{}", bucket.address);
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIDTESTS"),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_S3", &endpoint),
    ];
    let publish = || {
        let arguments = ["bundles", "app/1.0.0.zip", &archive];
        place.run_with(env!("CARGO_BIN_EXE_publish-to-s3"), &arguments, &variables)
    };

    let said = publish().succeeds();

    assert!(said.contains(&digest) && !said.contains(SECRET), "{said}");
    let address = said.lines().last().unwrap();
    let arguments = [address, &digest, "."];
    place.run(env!("CARGO_BIN_EXE_download"), &arguments).succeeds();
    assert!(publish().succeeds().contains("there already"));
    let unsigned = address.split('?').next().unwrap();
    let refused = place.run(env!("CARGO_BIN_EXE_check-address"), &[unsigned, &archive]);
    assert!(refused.fails().contains("private"));
}

#[test]
fn an_address_is_checked_against_the_archive_that_is_here() {
    let place = Place::new();
    let (archive, _) = place.archive("ours");
    let (other, _) = place.archive("other");
    let url = place.put(&archive);
    let check = |url: &str, archive: &str| place.run(env!("CARGO_BIN_EXE_check-address"), &[url, archive]);

    let size = fs::metadata(&archive).unwrap().len();
    assert!(
        check(&url, &archive)
            .succeeds()
            .contains(&format!("these {size} bytes"))
    );
    check(&url, &other).fails();
    let nowhere = format!("{}/bundles/nowhere.zip", place.server.url());
    assert!(check(&nowhere, &archive).fails().contains("no such file"));
}

#[test]
fn a_bundle_is_registered_described_promoted_listed_and_deleted() {
    let place = Place::new();
    let publish = |version: &str| {
        let (archive, digest) = place.archive(version);
        let url = place.put(&archive);
        place.api(&["create", version, &url, &digest]).succeeds();
    };
    publish("1.0.0");
    publish("1.1.0");

    place.api(&["describe", "1.0.0", "the first"]).succeeds();
    place.api(&["promote", "1.1.0", "production"]).succeeds();

    let list = place.api(&["list"]).succeeds();
    assert_eq!(list, "1.1.0 \n1.0.0 the first\nproduction -> 1.1.0\n");
    let linked = place.api(&["delete", "1.1.0"]).fails();
    assert!(linked.contains("cannot_delete_linked_version"), "{linked}");
    place.api(&["delete", "1.0.0"]).succeeds();
    assert!(!place.api(&["list"]).succeeds().contains("1.0.0"));
    let unknown = place.api(&["promote", "1.1.0", "beta"]).fails();
    assert!(unknown.contains("production"), "{unknown}");
}

#[test]
fn a_release_is_done_in_its_order_and_a_device_takes_it() {
    let place = Place::new();
    let (archive, _) = place.archive("");

    let said = place
        .run(env!("CARGO_BIN_EXE_release"), &[APP, "1.0.0", &archive, "production"])
        .succeeds();

    let steps = [
        "upload ",
        "look whether",
        "register version 1.0.0",
        "set channel production",
        "devices of",
    ];
    for (line, step) in said.lines().zip(steps) {
        assert!(line.starts_with(step), "{said}");
    }
    assert!(place.api(&["list"]).succeeds().contains("production -> 1.0.0"));

    let url = format!("{}/updates", place.server.url());
    let ask = |app: &str| place.run(env!("CARGO_BIN_EXE_ask-for-update"), &[&url, app, DEVICE, "0.9.0"]);
    let offer = ask(APP).succeeds();
    let [version, url, digest] = offer.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{offer}");
    };
    let installing = place.run(
        env!("CARGO_BIN_EXE_install-update"),
        &[&text(&place.path("device")), url, digest, version],
    );
    assert!(installing.succeeds().contains("1.0.0 has 2 files and is next"));
    assert!(!ask("com.example.unknown").text.contains("1.0.0"));
}

#[test]
fn a_release_that_fails_is_taken_back() {
    let rules = AppRules {
        encryption_required: true,
        ..AppRules::default()
    };
    let place = Place::with_rules(Some(&rules));
    let (archive, digest) = place.archive("");

    let said = place
        .run(env!("CARGO_BIN_EXE_release"), &[APP, "1.0.0", &archive, "production"])
        .fails();

    assert!(said.contains("encryption_required"), "{said}");
    assert!(said.contains("undone: ") && !said.contains("still there"), "{said}");
    let kept = place.path("server/bundles").join(APP).join(format!("{digest}.zip"));
    assert!(!kept.exists());
}

//! The commands of docs/key-rotation.md work, and a device that was offline during all rotations still updates.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle::ChannelName;
use capbundle::http::download::DownloadOptions;
use capbundle::http::{Head, Headers, Receiver, Request, Transport, TransportError};
use capbundle::native::NativeVersion;
use capbundle::progress::Control;
use capbundle::store::{
    BundleRecord, ChannelOutcome, ChannelSource, ChannelUpdate, ReleaseOptions, RequiredProof, Store, StoreOptions,
};
use capbundle::update::channel::Site;

use crate::project::Project;

const ADDRESS: &str = "https://updates.example.com/app/";

/// The command blocks of the page.
fn blocks() -> Vec<String> {
    let page = include_str!("../../../docs/key-rotation.md");
    let blocks = page.split("```sh\n").skip(1);
    blocks
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// Runs commands in a shell with this `capbundle` first in PATH.
fn run(project: &Project, commands: &str) {
    let folder = Path::new(env!("CARGO_BIN_EXE_capbundle")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .args(["-euc", commands])
        .current_dir(project.path(""))
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{commands}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A transport that serves a folder as a site.
#[derive(Debug)]
struct Served(PathBuf);

impl Transport for Served {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let path = request.url.as_str().strip_prefix(ADDRESS).unwrap();
        let mut headers = Headers::new();
        let (status, body) = match fs::read(self.0.join(path)) {
            Ok(bytes) => (200, bytes),
            Err(_) => (404, Vec::new()),
        };
        headers.add("Content-Length", body.len().to_string()).unwrap();
        receiver
            .begin(&Head::new(status, headers))
            .map_err(TransportError::Receiver)?;
        receiver.write(&body).map_err(TransportError::Receiver)
    }
}

/// A device with the key ring of its native app.
struct Device {
    store: Store,
    source: ChannelSource,
    _folder: tempfile::TempDir,
}

impl Device {
    fn with_ring(first_ring: Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = StoreOptions::default();
        options.required_proof = RequiredProof::Release;
        let channel: ChannelName = "production".parse().unwrap();
        let native = NativeVersion::new("1.0");
        let release = ReleaseOptions::new("com.example.app".parse().unwrap(), channel, first_ring, native);
        Self {
            store: Store::open(folder.path(), options).unwrap(),
            source: ChannelSource::new(Site::new(ADDRESS.parse().unwrap()), release),
            _folder: folder,
        }
    }

    fn update(&self, site: &Path) -> ChannelUpdate {
        let served = Served(site.to_owned());
        let update =
            self.store
                .update_from_channel(&served, &self.source, &DownloadOptions::default(), &Control::new());
        update.unwrap()
    }

    /// The bundle installed by an update and the current key ring.
    fn takes(&self, site: &Path) -> (String, u64) {
        let update = self.update(site);
        match update.outcome {
            ChannelOutcome::Installed(record) => (version(&record), update.ring),
            other => panic!("{other:?}: {:?}", update.passed_over),
        }
    }

    /// The check that rejects the release on the site.
    fn refuses(&self, site: &Path) -> &'static str {
        let update = self.update(site);
        assert_eq!(update.outcome, ChannelOutcome::Refused);
        match &update.passed_over[0].error {
            capbundle::Error::ReleaseRefused { reason, .. } => reason.as_str(),
            other => panic!("{other}"),
        }
    }
}

fn version(record: &BundleRecord) -> String {
    record.version.clone()
}

#[test]
fn a_device_that_was_offline_for_three_rotations_still_updates() {
    let project = Project::new();
    for block in blocks() {
        run(&project, &block);
    }
    let sleeper = Device::with_ring(project.read("1.json"));
    assert_eq!(sleeper.takes(&project.path("public")), ("1.2.0".to_owned(), 4));
}

#[test]
fn devices_of_every_age_update_at_every_step() {
    let project = Project::new();
    let site = project.path("public");
    let mut blocks = blocks().into_iter();
    let mut next = || run(&project, &blocks.next().unwrap());
    next();
    next();
    let device = Device::with_ring(project.read("1.json"));
    assert_eq!(device.takes(&site), ("1.0.0".to_owned(), 1));
    // The ring has the new key, and both keys sign.
    next();
    next();
    assert_eq!(device.takes(&site), ("1.1.0".to_owned(), 2));
    // A device without the new ring accepts the same release by its old signature.
    let cut_off = Device::with_ring(project.read("1.json"));
    fs::remove_file(site.join("keys/2.json")).unwrap();
    assert_eq!(cut_off.takes(&site), ("1.1.0".to_owned(), 1));
    fs::copy(project.path("2.json"), site.join("keys/2.json")).unwrap();
    // The old key is retired, and two signatures are required.
    next();
    next();
    assert_eq!(device.takes(&site), ("1.2.0".to_owned(), 4));
    assert_eq!(cut_off.takes(&site), ("1.2.0".to_owned(), 4));
    let fresh = Device::with_ring(project.read("4.json"));
    assert_eq!(fresh.takes(&site), ("1.2.0".to_owned(), 4));
}

#[test]
fn a_signature_only_by_a_retired_key_is_rejected() {
    let project = Project::new();
    for block in blocks() {
        run(&project, &block);
    }
    let site = project.path("public");
    let device = Device::with_ring(project.read("1.json"));
    device.takes(&site);
    // An attacker with the old key and write access to the site signs a newer release only with the old key.
    let zip = project.zipped().0;
    let stolen = format!(
        "release create --archive {zip} --bundle 9.9.9 --channel production --sequence 99 --key key-2026/.capgo_key_v2 --to \
         public/releases/production/99.json --files stolen.json"
    );
    project.run(&stolen).succeeds();
    let channel = r#"{"format":1,"app_id":"com.example.app","channel":"production","stable":{"sequence":99}}"#;
    project.write("public/channels/production.json", channel);
    assert_eq!(device.refuses(&site), "signatures");
    // A device that cannot get the later rings still accepts it.
    for ring in 2..=4 {
        fs::remove_file(site.join(format!("keys/{ring}.json"))).unwrap();
    }
    let kept_back = Device::with_ring(project.read("1.json"));
    let update = kept_back.update(&site);
    assert_eq!(update.ring, 1);
    assert!(
        !update
            .passed_over
            .iter()
            .any(|passed| passed.error.to_string().contains("signatures"))
    );
}

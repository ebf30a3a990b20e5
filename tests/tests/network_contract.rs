//! The network cases of `bindings/contract` with the Rust transport. Kotlin and Swift run them with theirs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod channels;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::http::{Http, Url};
use capbundle::native::NativeApp;
use capbundle::progress::Control;
use capbundle::store::{
    BundleRecord, BundleRef, ExpectedProof, NewBundle, RemoteArchive, RequiredProof, Store, StoreOptions,
};
use capbundle::{Error, Result};
use capbundle_tests::peers::tests_folder;
use capbundle_tests::rough_server::RoughServer;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

/// With fewer cases, the document was not read completely.
const MIN_CASES: usize = 60;

#[test]
fn every_network_case_has_the_expected_result() {
    let path = tests_folder().parent().unwrap().join("bindings/contract/network.json");
    let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert!(cases.len() >= MIN_CASES, "{} cases", cases.len());
    let server = RoughServer::start();
    for case in cases {
        let mut device = Device::new(&server, case);
        for step in case["steps"].as_array().unwrap() {
            let outcome = device.run_step(step);
            match (&outcome, step.get("expect"), step["error"].as_str()) {
                (Ok(_), None, None) => {}
                (Ok(found), Some(expected), None) if matches_expected(expected, found) => {}
                (Err(error), None, Some(kind)) if error.kind().as_str() == kind => {}
                _ => panic!("{}: {step}\nfound {outcome:?}", case["name"]),
            }
        }
    }
}

/// The folder and the store of one case.
struct Device<'a> {
    server: &'a RoughServer,
    folder: TempDir,
    store: Option<Store>,
    bundles: BTreeMap<String, String>,
}

impl<'a> Device<'a> {
    fn new(server: &'a RoughServer, case: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("downloads")).unwrap();
        for (name, content) in case["files"].as_object().unwrap_or(&Map::new()) {
            let bytes = match content["text"].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => BASE64.decode(content["base64"].as_str().unwrap()).unwrap(),
            };
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        Self {
            server,
            folder,
            store: None,
            bundles: BTreeMap::new(),
        }
    }

    fn run_step(&mut self, step: &Value) -> Result<Value> {
        match text(step, "do") {
            "open" => {
                self.store = None;
                let mut options = StoreOptions::default();
                if step["required_proof"] == "release" {
                    options.required_proof = RequiredProof::Release;
                }
                options.built_in_sequence = step["built_in_sequence"].as_u64();
                self.store = Some(Store::open(&self.path("store"), options)?);
                Ok(Value::Null)
            }
            "close" => {
                self.store = None;
                Ok(Value::Null)
            }
            "update_from_channel" => self.update_from_channel(step),
            "key_ring" => {
                let ring = self.open_store().key_ring(&self.release_options(step)?)?;
                Ok(ring.number().into())
            }
            "next" => Ok(self.open_store().next()?.map_or(Value::Null, |slot| self.slot(&slot))),
            "launch" => {
                let launch = self.open_store().launch(&NativeApp::new("1.0.0", "1"));
                Ok(json!({
                    "bundle": self.slot(&launch.bundle), "version": launch.version, "on_trial": launch.on_trial,
                }))
            }
            "download" => self.download(step),
            "install_from" => {
                let mut archive = RemoteArchive::new(self.url(step)?, proof(step)?, bundle(step));
                archive.size = step["size"].as_u64();
                let store = self.store.as_ref().unwrap();
                let record = store.install_from(&Http::new(), &archive, &options(step), &Control::new())?;
                Ok(self.installed(&record, step))
            }
            "install_file" => {
                let (file, store) = (self.path(text(step, "file")), self.store.as_ref().unwrap());
                let record = store.install_file(&file, &proof(step)?, &bundle(step), &Control::new())?;
                Ok(self.installed(&record, step))
            }
            "list" => {
                let records = self.store.as_ref().unwrap().list()?;
                let listed = |record: &BundleRecord| json!({ "bundle": self.name(record), "version": record.version });
                Ok(records.iter().map(|(record, _)| listed(record)).collect())
            }
            "tree" => Ok(tree(&self.path(text(step, "folder")))),
            other => panic!("unknown operation {other}"),
        }
    }

    fn download(&self, step: &Value) -> Result<Value> {
        let mut remote = Remote::new(self.url(step)?);
        remote.digest = step["digest"].as_str().map(str::parse).transpose()?;
        remote.size = step["size"].as_u64();
        let folder = self.path("downloads");
        let wanted = Download {
            remote: &remote,
            folder: &folder,
            options: &options(step),
        };
        let downloaded = download(&Http::new(), &wanted, &Control::new())?;
        let found = json!({
            "sha256": Sha256Digest::of_file(&downloaded.path, &Control::new())?.to_string(),
            "size": downloaded.size, "received": downloaded.received, "verified": downloaded.verified,
        });
        downloaded.remove()?;
        Ok(found)
    }

    fn url(&self, step: &Value) -> Result<Url, Error> {
        let on_server = step["from"].as_str().map(|path| self.server.url(path));
        on_server.unwrap_or_else(|| text(step, "url").to_owned()).parse()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn installed(&mut self, record: &BundleRecord, step: &Value) -> Value {
        if let Some(name) = step["as"].as_str() {
            self.bundles.insert(record.id.to_string(), name.to_owned());
        }
        let digest = record.digest.map(|digest| digest.to_string());
        json!({
            "bundle": self.name(record), "version": record.version, "files": record.files, "digest": digest,
        })
    }

    fn name(&self, record: &BundleRecord) -> String {
        self.name_of(record.id.to_string())
    }

    fn slot(&self, slot: &BundleRef) -> Value {
        self.name_of(slot.to_string()).into()
    }

    fn name_of(&self, id: String) -> String {
        self.bundles.get(&id).cloned().unwrap_or(id)
    }

    fn open_store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }
}

fn proof(step: &Value) -> Result<ExpectedProof> {
    Ok(ExpectedProof::Digest(text(step, "digest").parse()?))
}

fn bundle(step: &Value) -> NewBundle {
    NewBundle::new(text(step, "version"))
}

/// Short waits and no margin, unless the case sets others.
fn options(step: &Value) -> DownloadOptions {
    let mut options = DownloadOptions::default();
    options.first_wait = Duration::from_millis(2);
    options.space_margin = 0;
    for (key, value) in step["options"].as_object().unwrap_or(&Map::new()) {
        let number = value.as_u64().unwrap();
        match key.as_str() {
            "attempts" => options.attempts = u32::try_from(number).unwrap(),
            "max_size" => options.max_size = number,
            "stall_timeout_ms" => options.stall_timeout = Duration::from_millis(number),
            _ => panic!("unknown option {key}"),
        }
    }
    options
}

/// The paths in a folder; none if it does not exist.
fn tree(folder: &Path) -> Value {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| path.display().to_string()).collect()
}

/// Whether `found` has the expected value. Only the expected members of an object are compared.
fn matches_expected(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => {
            let matches =
                |(key, value): (&String, &Value)| found.get(key).is_some_and(|found| matches_expected(value, found));
            expected.iter().all(matches)
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .zip(found)
                    .all(|(one, other)| matches_expected(one, other))
        }
        _ => expected == found,
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is missing in {value}"))
}

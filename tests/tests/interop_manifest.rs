//! Manifests in both directions: the functions of the Capgo CLI make files that our device code opens, and open ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use capbundle::bundle::{UnpackOptions, unpack};
use capbundle::capgo::{self, ChecksumForm, Encryption, IvSessionKey};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, Overwrite, SigningKey, VerifyingKeys};
use capbundle::progress::Control;
use capbundle::release::FileList;
use capbundle::update::manifest::{ManifestFiles, ManifestKeys};
use capbundle::update::protocol::{ManifestEntry, UpdateOffer};
use capbundle::{Limits, VerifiedArchive};
use capbundle_publish::manifest::{FileProtection, Manifest, ManifestOptions, file_key, prepare};
use capbundle_tests::peers::{node_script, ours, run, write_sample};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Digests by path.
type Digests = BTreeMap<String, String>;

/// An app with files of every kind that a manifest treats differently.
struct Project {
    folder: TempDir,
    key: SigningKey,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_sample(&folder.path().join("www"));
        let www = folder.path().join("www");
        fs::write(www.join("large.js"), "const answer = 42;\n".repeat(1000)).unwrap();
        fs::write(www.join("with space.css"), "a{}").unwrap();
        fs::write(www.join("empty.txt"), "").unwrap();
        let key = SigningKey::generate(KeyBits::B2048).unwrap();
        key.write(&folder.path().join("key"), Overwrite::Never).unwrap();
        key.verifying_key()
            .write(&folder.path().join("key.pub"), Overwrite::Never)
            .unwrap();
        for name in ["theirs", "ours"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, key }
    }

    fn text(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn list(&self) -> (VerifiedArchive, FileList) {
        let zip = self.folder.path().join("app.zip");
        let digest = ours::pack(&self.folder.path().join("www"), &zip).digest;
        let archive = VerifiedArchive::from_digest(&zip, &digest, &Control::new()).unwrap();
        let list = FileList::of_archive(&archive, &Limits::default(), &Control::new()).unwrap();
        (archive, list)
    }

    /// Our files of the app, in `ours`, with their manifest.
    fn prepare(&self, session: Option<&IvSessionKey>) -> Manifest {
        let (archive, list) = self.list();
        let unpacked = self.folder.path().join("unpacked");
        unpack(&archive, &unpacked, &UnpackOptions::default(), &Control::new()).unwrap();
        let protection = session.map(|iv_session_key| FileProtection {
            iv_session_key,
            key: &self.key,
            form: ChecksumForm::V3,
        });
        let options = ManifestOptions::default().with_protection(protection);
        let manifest = prepare(&unpacked, &list, self.folder.path(), &options, &Control::new()).unwrap();
        let mut rows = Vec::new();
        for (number, file) in manifest.files.iter().enumerate() {
            fs::copy(file.path(), self.folder.path().join("ours").join(number.to_string())).unwrap();
            rows.push(json!({ "file_name": file.file_name, "file_hash": file.file_hash }));
        }
        let document = json!({ "session_key": session.map(ToString::to_string), "manifest": rows });
        fs::write(self.folder.path().join("ours/manifest.json"), document.to_string()).unwrap();
        manifest
    }

    fn session(&self) -> IvSessionKey {
        let (archive, _) = self.list();
        let (zip, to) = (
            self.folder.path().join("app.zip"),
            self.folder.path().join("encrypted.zip"),
        );
        let encryption = Encryption {
            expected: &archive.digest(),
            key: &self.key,
            form: ChecksumForm::V3,
        };
        capgo::encrypt(&zip, &to, &encryption, &Control::new())
            .unwrap()
            .iv_session_key
    }

    /// The digests of our files.
    fn expected(&self) -> Digests {
        let (_, list) = self.list();
        let files = list.files().iter();
        files
            .map(|file| (file.path.as_str().to_owned(), file.digest.to_string()))
            .collect()
    }
}

/// Runs the functions of the Capgo CLI; `None` without it.
fn capgo_cli(arguments: &[&str]) -> Option<Value> {
    let mut command = node_script("capgo-manifest.mjs")?;
    let output = run(command.args(arguments)).expect_success();
    Some(serde_json::from_str(&output).unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Opens the files of Capgo's manifest as a device does; returns their digests by path.
fn open(made: &Value, folder: &Path, keys: Option<&VerifyingKeys>) -> Digests {
    let entries = made["manifest"].as_array().unwrap().iter().map(|row| {
        ManifestEntry::new(
            text(&row["file_name"]),
            text(&row["file_hash"]),
            "https://cdn.example.com/file",
        )
    });
    let offer = UpdateOffer::new("1.2.3", "https://404.capgo.app/no.zip")
        .with_manifest(entries.collect())
        .with_session_key(made["session_key"].as_str().map(str::to_owned));
    let keys = keys.map(|keys| ManifestKeys {
        keys,
        form: ChecksumForm::V3,
    });
    let files = ManifestFiles::check(&offer, keys, &Limits::default()).unwrap();
    let mut opened = Digests::new();
    for (number, file) in files.files().iter().enumerate() {
        let bytes = fs::read(folder.join(number.to_string())).unwrap();
        let mut plain = Vec::new();
        let mut source = &bytes[..];
        let limit = Limits::default().file_size;
        files
            .open(file, &mut source, limit)
            .unwrap()
            .read_to_end(&mut plain)
            .unwrap();
        opened.insert(file.path.as_str().to_owned(), Sha256Digest::of(&plain).to_string());
    }
    opened
}

/// The files without those that Capgo's command leaves out.
fn without_empty(mut files: Digests) -> Digests {
    let empty = Sha256Digest::of(b"").to_string();
    files.retain(|_, digest| *digest != empty);
    files
}

#[test]
fn our_device_opens_what_the_capgo_cli_makes_plain_and_encrypted() {
    let project = Project::new();
    let (www, out) = (project.text("www"), project.text("theirs"));
    let theirs = project.folder.path().join("theirs");
    let Some(made) = capgo_cli(&["make", &www, &out]) else {
        return;
    };
    assert_eq!(open(&made, &theirs, None), without_empty(project.expected()));
    let made = capgo_cli(&["make", &www, &out, &project.text("key")]).unwrap();
    let keys = VerifyingKeys::new(vec![project.key.verifying_key()]).unwrap();
    assert_eq!(open(&made, &theirs, Some(&keys)), without_empty(project.expected()));
}

#[test]
fn the_capgo_cli_opens_what_we_make_plain_and_encrypted() {
    let project = Project::new();
    let expected = json!(project.expected());
    drop(project.prepare(None));
    let Some(opened) = capgo_cli(&["open", &project.text("ours")]) else {
        return;
    };
    assert_eq!(opened, expected);
    fs::remove_dir_all(project.folder.path().join("unpacked")).unwrap();
    drop(project.prepare(Some(&project.session())));
    let opened = capgo_cli(&["open", &project.text("ours"), &project.text("key.pub")]).unwrap();
    assert_eq!(opened, expected);
}

#[test]
fn names_hashes_and_keys_of_plain_files_are_those_of_the_capgo_cli() {
    let project = Project::new();
    let manifest = project.prepare(None);
    let Some(made) = capgo_cli(&["make", &project.text("www"), &project.text("theirs")]) else {
        return;
    };
    let theirs: BTreeMap<_, _> = made["manifest"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                text(&row["file_name"]),
                (text(&row["file_hash"]), text(&row["s3_path"])),
            )
        })
        .collect();
    let ours: BTreeMap<_, _> = manifest
        .files
        .iter()
        .filter(|file| file.plain_size > 0)
        .map(|file| {
            let key = format!("orgs/org/apps/com.example.app/{}", file_key(&manifest, file));
            (file.file_name.clone(), (file.file_hash.clone(), key))
        })
        .collect();
    assert_eq!(ours, theirs);
}

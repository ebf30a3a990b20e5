//! Our formats against a second implementation, written in Python from docs/format.md alone: `tests/peers/second.py`
//! reads and `second_writer.py` writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use capbundle::digest::Sha256Digest;
use capbundle::keys::{ContentKey, KeyBits, Overwrite, SigningKey};
use capbundle::native::NativeVersion;
use capbundle::progress::Control;
use capbundle::release::policy;
use capbundle::release::policy::TrustContext;
use capbundle::release::{Envelope, KeyRing, RELEASE_TYPE, SignedRelease};
use capbundle::sealed::{Sealing, open_unverified, seal};
use capbundle::time::Timestamp;
use capbundle_tests::peers::{python_script_with_packages, run, tests_folder};
use capbundle_tests::vector::Vector;
use tempfile::TempDir;

const SIZES: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 200_000, 3 << 20];
/// Keys of all sizes in `tests/vectors/keys`; the last one is in no ring.
const SIGNERS: [&str; 3] = ["test-signer", "test-signer-3072", "test-signer-4096"];
/// The folders of vectors whose results docs/format.md defines.
const FORMAT_FOLDERS: [&str; 6] = ["sealed", "patches", "releases", "rings", "file-lists", "json"];

#[test]
fn the_peer_opens_what_we_seal() {
    let workspace = Workspace::new();
    let recipients: Vec<_> = workspace.keys.iter().map(|key| key.public().clone()).collect();
    for size in SIZES {
        let digest = workspace.plain(size);
        let sealed = workspace.path("sealed");
        let sealing = Sealing {
            expected: &digest,
            recipients: &recipients,
        };
        seal(&workspace.path("plain"), &sealed, &sealing, &Control::new()).unwrap();
        for key in ["one", "two"] {
            let Some(mut peer) = workspace.peer("second.py", &["open", "sealed", key, "opened"]) else {
                return;
            };
            let _silent = run(&mut peer).expect_success();
            assert_eq!(
                Sha256Digest::of(&fs::read(workspace.path("opened")).unwrap()),
                digest,
                "{size}"
            );
        }
    }
}

#[test]
fn we_open_what_the_peer_seals() {
    let workspace = Workspace::new();
    for size in SIZES {
        let digest = workspace.plain(size);
        let arguments = ["seal", "plain", "sealed", "one.pub", "two.pub"];
        let Some(mut peer) = workspace.peer("second_writer.py", &arguments) else {
            return;
        };
        let _silent = run(&mut peer).expect_success();
        for key in &workspace.keys {
            let opened = open_unverified(
                &workspace.path("sealed"),
                &workspace.path("opened"),
                key,
                &Control::new(),
            );
            assert_eq!(opened.unwrap(), digest, "{size}");
        }
    }
}

#[test]
fn the_peer_verifies_what_we_sign() {
    let Some(mut peer) = python_script_with_packages("second.py") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("release.json");
    let keys = SIGNERS.map(|name| SigningKey::read(&key_file(name, "private")).unwrap());
    let envelope = Envelope::sign(RELEASE_TYPE, valid_payload(), &keys.each_ref()).unwrap();
    fs::write(&file, envelope.to_json().unwrap()).unwrap();
    peer.arg("verify").arg(&file);
    peer.args(SIGNERS.map(|name| key_file(name, "public")));
    let verified: serde_json::Value = serde_json::from_str(&run(&mut peer).expect_success()).unwrap();
    let ids = keys.each_ref().map(|key| key.verifying_key().id().to_string());
    assert_eq!(verified["type"], RELEASE_TYPE);
    assert_eq!(verified["signers"], serde_json::json!(ids));
    assert_eq!(verified["payload"].as_str().unwrap().as_bytes(), valid_payload());
}

#[test]
fn we_trust_what_the_peer_signs() {
    let Some(mut peer) = python_script_with_packages("second_writer.py") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let payload = folder.path().join("payload");
    fs::write(&payload, valid_payload()).unwrap();
    peer.args(["sign", RELEASE_TYPE]).arg(&payload);
    peer.args(SIGNERS.map(|name| key_file(name, "private")));
    let made = run(&mut peer).expect_success().into_bytes();
    let valid = valid();
    let app = valid.field("app").parse().unwrap();
    let ring = fs::read(vectors().join("trust/two-of-three.json")).unwrap();
    let ring = KeyRing::trusted(&ring, &app).unwrap();
    let channel = valid.field("channel").parse().unwrap();
    let native = NativeVersion::new(valid.field("native"));
    let now = Timestamp(valid.field("now").parse().unwrap());
    let device = TrustContext::new(&ring, &app, &channel, &native).with_now(now);
    let trusted = policy::check(&made, &device).unwrap();
    assert_eq!(trusted.keys().len(), 2, "the third key is not in the ring");
}

#[test]
fn both_implementations_agree_on_every_vector() {
    let Some(mut peer) = python_script_with_packages("second.py") else {
        return;
    };
    let output = run(peer.arg("vectors").arg(vectors())).expect_success();
    let found: BTreeMap<&str, &str> = output.lines().filter_map(|line| line.split_once(' ')).collect();
    let expected: BTreeMap<String, String> = FORMAT_FOLDERS.into_iter().flat_map(outcomes).collect();
    let disputed: Vec<String> = expected
        .iter()
        .filter(|(name, outcome)| found.get(name.as_str()) != Some(&outcome.as_str()))
        .map(|(name, outcome)| format!("{name}: expected {outcome}, found {:?}", found.get(name.as_str())))
        .collect();
    assert!(disputed.is_empty(), "{}", disputed.join("\n"));
    assert_eq!(found.len(), expected.len());
}

/// The expected result of each vector: `folder/name` and the code, followed by the digest of the opened archive if any.
fn outcomes(folder: &str) -> Vec<(String, String)> {
    let outcome = |vector: &Vector| {
        let name = format!("{folder}/{}", vector.field("name"));
        let outcome = format!("{} {}", vector.field("expect"), vector.field("plain"));
        (name, outcome.trim_end().to_owned())
    };
    let read = Vector::read_all(&vectors().join(folder)).unwrap();
    read.iter().map(outcome).collect()
}

/// A folder with the files of two content key pairs.
struct Workspace {
    folder: TempDir,
    keys: [ContentKey; 2],
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = [KeyBits::B2048, KeyBits::B3072].map(|bits| ContentKey::generate(bits).unwrap());
        for (key, name) in keys.iter().zip(["one", "two"]) {
            key.write(&folder.path().join(name), Overwrite::Never).unwrap();
            let public = folder.path().join(format!("{name}.pub"));
            key.public().write(&public, Overwrite::Never).unwrap();
        }
        Self { folder, keys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plain(&self, size: usize) -> Sha256Digest {
        let plain: Vec<u8> = (0_u32..).flat_map(u32::to_be_bytes).take(size).collect();
        fs::write(self.path("plain"), &plain).unwrap();
        Sha256Digest::of(&plain)
    }

    fn peer(&self, script: &str, arguments: &[&str]) -> Option<Command> {
        let mut command = python_script_with_packages(script)?;
        command.current_dir(self.folder.path()).args(arguments);
        Some(command)
    }
}

/// The vector of a valid release.
fn valid() -> Vector {
    let releases = Vector::read_all(&vectors().join("releases")).unwrap();
    let mut named = releases.into_iter().filter(|vector| vector.field("name") == "sound");
    named.next().unwrap()
}

fn valid_payload() -> Vec<u8> {
    SignedRelease::parse(&valid().body)
        .unwrap()
        .envelope()
        .payload()
        .to_vec()
}

fn key_file(name: &str, half: &str) -> PathBuf {
    vectors().join("keys").join(format!("{name}.{half}.pem"))
}

fn vectors() -> PathBuf {
    tests_folder().join("vectors")
}

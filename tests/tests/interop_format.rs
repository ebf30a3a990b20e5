//! Our formats against a second implementation, written in Python from docs/format.md alone: `tests/peers/second.py`, and what
//! it reads from `second_writer.py`.
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
/// The folders of vectors that docs/format.md decides.
const DECIDED: [&str; 5] = ["sealed", "releases", "rings", "file-lists", "json"];

#[test]
fn the_peer_opens_what_we_seal() {
    let workshop = Workshop::new();
    let recipients: Vec<_> = workshop.keys.iter().map(|key| key.public().clone()).collect();
    for size in SIZES {
        let digest = workshop.plain(size);
        let sealed = workshop.path("sealed");
        seal(
            &workshop.path("plain"),
            &sealed,
            &Sealing {
                expected: &digest,
                recipients: &recipients,
            },
            &Control::new(),
        )
        .unwrap();
        for key in ["one", "two"] {
            let Some(mut peer) = workshop.peer("second.py", &["open", "sealed", key, "opened"]) else {
                return;
            };
            let _silent = run(&mut peer).expect_success();
            assert_eq!(
                Sha256Digest::of(&fs::read(workshop.path("opened")).unwrap()),
                digest,
                "{size}"
            );
        }
    }
}

#[test]
fn we_open_what_the_peer_seals() {
    let workshop = Workshop::new();
    for size in SIZES {
        let digest = workshop.plain(size);
        let arguments = ["seal", "plain", "sealed", "one.pub", "two.pub"];
        let Some(mut peer) = workshop.peer("second_writer.py", &arguments) else {
            return;
        };
        let _silent = run(&mut peer).expect_success();
        for key in &workshop.keys {
            let opened = open_unverified(&workshop.path("sealed"), &workshop.path("opened"), key, &Control::new());
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
    let envelope = Envelope::sign(RELEASE_TYPE, sound_payload(), &keys.each_ref()).unwrap();
    fs::write(&file, envelope.to_json().unwrap()).unwrap();
    peer.arg("verify").arg(&file);
    peer.args(SIGNERS.map(|name| key_file(name, "public")));
    let said: serde_json::Value = serde_json::from_str(&run(&mut peer).expect_success()).unwrap();
    let ids = keys.each_ref().map(|key| key.verifying_key().id().to_string());
    assert_eq!(said["type"], RELEASE_TYPE);
    assert_eq!(said["signers"], serde_json::json!(ids));
    assert_eq!(said["payload"].as_str().unwrap().as_bytes(), sound_payload());
}

#[test]
fn we_trust_what_the_peer_signs() {
    let Some(mut peer) = python_script_with_packages("second_writer.py") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let payload = folder.path().join("payload");
    fs::write(&payload, sound_payload()).unwrap();
    peer.args(["sign", RELEASE_TYPE]).arg(&payload);
    peer.args(SIGNERS.map(|name| key_file(name, "private")));
    let made = run(&mut peer).expect_success().into_bytes();
    let sound = sound();
    let app = sound.field("app").parse().unwrap();
    let ring = fs::read(vectors().join("trust/two-of-three.json")).unwrap();
    let device = TrustContext {
        ring: &KeyRing::trusted(&ring, &app).unwrap(),
        app: &app,
        channel: &sound.field("channel").parse().unwrap(),
        native: &NativeVersion::new(sound.field("native")),
        built_in_sequence: None,
        last_accepted: None,
        now: Timestamp(sound.field("now").parse().unwrap()),
        latest_time_seen: Timestamp(0),
        content_keys: &[],
    };
    let taken = policy::check(&made, &device).unwrap();
    assert_eq!(taken.keys().len(), 2, "the third one is in no ring");
}

#[test]
fn both_implementations_agree_on_every_vector() {
    let Some(mut peer) = python_script_with_packages("second.py") else {
        return;
    };
    let said = run(peer.arg("vectors").arg(vectors())).expect_success();
    let said: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once(' ')).collect();
    let expected: BTreeMap<String, String> = DECIDED.into_iter().flat_map(outcomes).collect();
    let disputed: Vec<String> = expected
        .iter()
        .filter(|(name, outcome)| said.get(name.as_str()) != Some(&outcome.as_str()))
        .map(|(name, outcome)| format!("{name}: {:?} instead of {outcome}", said.get(name.as_str())))
        .collect();
    assert!(disputed.is_empty(), "{}", disputed.join("\n"));
    assert_eq!(said.len(), expected.len());
}

/// How each vector of a folder must end: `folder/name`, and the word, with the digest of what a sealed archive opens to.
fn outcomes(folder: &str) -> Vec<(String, String)> {
    let outcome = |vector: &Vector| {
        let name = format!("{folder}/{}", vector.field("name"));
        let outcome = format!("{} {}", vector.field("expect"), vector.field("plain"));
        (name, outcome.trim_end().to_owned())
    };
    let read = Vector::read_all(&vectors().join(folder)).unwrap();
    read.iter().map(outcome).collect()
}

/// A folder with two pairs of content keys in the files that people keep.
struct Workshop {
    folder: TempDir,
    keys: [ContentKey; 2],
}

impl Workshop {
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

/// The vector of a release that is right in everything.
fn sound() -> Vector {
    let releases = Vector::read_all(&vectors().join("releases")).unwrap();
    let mut named = releases.into_iter().filter(|vector| vector.field("name") == "sound");
    named.next().unwrap()
}

fn sound_payload() -> Vec<u8> {
    SignedRelease::parse(&sound().body)
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

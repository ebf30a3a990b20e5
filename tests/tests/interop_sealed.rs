//! Sealed archives against a second implementation, written from docs/format.md alone: `tests/peers/sealed.cjs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use capbundle::digest::Sha256Digest;
use capbundle::keys::{ContentKey, KeyBits, Overwrite};
use capbundle::progress::Control;
use capbundle::seal::stream::{open_unverified, seal};
use capbundle_tests::peers::{bare_node_script, run, tests_folder};
use capbundle_tests::vector::Vector;
use tempfile::TempDir;

const SIZES: [usize; 7] = [0, 1, 65_535, 65_536, 65_537, 200_000, 3 << 20];

/// A folder with two pairs of keys in the files that people keep.
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

    fn peer(&self, arguments: &[&str]) -> Option<Command> {
        let mut command = bare_node_script("sealed.cjs")?;
        command.current_dir(self.folder.path()).args(arguments);
        Some(command)
    }
}

#[test]
fn the_peer_opens_what_we_seal() {
    let workshop = Workshop::new();
    let recipients: Vec<_> = workshop.keys.iter().map(|key| key.public().clone()).collect();
    for size in SIZES {
        let digest = workshop.plain(size);
        let sealed = workshop.path("sealed");
        seal(&workshop.path("plain"), &digest, &sealed, &recipients, &Control::new()).unwrap();
        for key in ["one", "two"] {
            let Some(mut peer) = workshop.peer(&["open", "sealed", key, "opened"]) else {
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
        let Some(mut peer) = workshop.peer(&["seal", "plain", "sealed", "one.pub", "two.pub"]) else {
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
fn the_peer_and_we_agree_on_every_vector() {
    let workshop = Workshop::new();
    let vectors = tests_folder().join("vectors");
    let [folder, keys] = ["sealed", "keys"].map(|name| vectors.join(name));
    let Some(mut peer) = workshop.peer(&["vectors", text(&folder), text(&keys)]) else {
        return;
    };
    let said = run(&mut peer).expect_success();
    let said: BTreeMap<&str, &str> = said.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let ours = Vector::read_all(&folder).unwrap();
    assert_eq!(said.len(), ours.len());
    for vector in ours {
        let expected = match vector.field("expect") {
            "ok" => format!("ok {}", vector.field("plain")),
            _ => "refused".to_owned(),
        };
        assert_eq!(said[vector.field("name")], expected, "{}", vector.field("name"));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

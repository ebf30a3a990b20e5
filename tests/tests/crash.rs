//! Killed at any moment, an operation leaves what was there before or what it was to make, never a part of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use capbundle::VerifiedArchive;
use capbundle::bundle::{PackOptions, UnpackOptions, pack, unpack};
use capbundle::capgo;
use capbundle::capgo::ChecksumForm;
use capbundle::digest::Sha256Digest;
use capbundle::keys::SigningKey;
use capbundle::progress::Control;
use capbundle_tests::tree::Tree;

/// Tells the child process which folder to work in.
const PLACE: &str = "CAPBUNDLE_CRASH_PLACE";
const OPERATION: &str = "CAPBUNDLE_CRASH_OPERATION";
/// How often each operation is killed, at moments spread evenly over the time that it takes.
const KILLS: u32 = 25;
/// How often so many kills are tried anew until one lands while a file is being written.
const ROUNDS: u32 = 4;

#[test]
fn a_killed_pack_leaves_the_old_archive_or_the_new_one() {
    let place = Place::new();
    let whole = place.pack("new.zip");
    let found = || fs::read(place.path("bundle.zip")).unwrap();
    let reset = || fs::write(place.path("bundle.zip"), "old").unwrap();
    place.kill_often("pack", reset, || match found() {
        old if old == b"old" => Found::Old,
        new if Sha256Digest::of(&new) == whole => Found::New,
        other => panic!("{} bytes that are neither", other.len()),
    });
}

#[test]
fn a_killed_seal_leaves_the_old_file_or_a_whole_one() {
    let place = Place::new();
    place.pack("new.zip");
    let reset = || fs::write(place.path("sealed"), "old").unwrap();
    let whole = (fs::metadata(place.path("new.zip")).unwrap().len() / 16 + 1) * 16;
    place.kill_often("seal", reset, || {
        match fs::metadata(place.path("sealed")).unwrap().len() {
            3 => Found::Old,
            length if length == whole => Found::New,
            length => panic!("{length} bytes of {whole}"),
        }
    });
}

#[test]
fn a_killed_unpack_leaves_no_folder_or_a_whole_one() {
    let place = Place::new();
    place.pack("new.zip");
    let folder = place.path("bundle");
    let reset = || {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
    };
    place.kill_often("unpack", reset, || {
        if !folder.exists() {
            return Found::Old;
        }
        assert!(Tree::read_from(&folder).unwrap() == tree());
        Found::New
    });
}

/// What is in place: one of these, whole.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Old,
    New,
}

/// What the killed process does; an ordinary test run skips it.
#[test]
#[ignore = "run by the other tests of this file, in a process of its own"]
fn child() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    let place = Place {
        folder: PathBuf::from(place),
        _removed_at_the_end: None,
    };
    let (control, plain) = (Control::new(), place.path("new.zip"));
    match std::env::var(OPERATION).unwrap().as_str() {
        "pack" => drop(place.pack("bundle.zip")),
        "seal" => {
            let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys/test-signer.private.pem");
            let key = SigningKey::read(&key).unwrap();
            let digest = Sha256Digest::of_file(&plain, &control).unwrap();
            capgo::encrypt(
                &plain,
                &place.path("sealed"),
                &capgo::Encryption {
                    expected: &digest,
                    key: &key,
                    form: ChecksumForm::V3,
                },
                &control,
            )
            .unwrap();
        }
        "unpack" => {
            let archive = VerifiedArchive::assume_trusted(&plain, &control).unwrap();
            unpack(&archive, &place.path("bundle"), &UnpackOptions::default(), &control).unwrap();
        }
        other => panic!("unknown operation {other}"),
    }
}

/// A folder with a web folder in it.
struct Place {
    folder: PathBuf,
    _removed_at_the_end: Option<tempfile::TempDir>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self {
            folder: folder.path().to_path_buf(),
            _removed_at_the_end: Some(folder),
        };
        fs::create_dir(place.path("web")).unwrap();
        tree().write_to(&place.path("web")).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn pack(&self, name: &str) -> Sha256Digest {
        pack(
            &self.path("web"),
            &self.path(name),
            &PackOptions::default(),
            &Control::new(),
        )
        .unwrap()
        .digest
    }

    /// Runs the operation once to the end, then kills it again and again, looking at what is there each time.
    fn kill_often(&self, operation: &str, reset: impl Fn(), found: impl Fn() -> Found) {
        reset();
        let started = Instant::now();
        assert!(self.child(operation).wait().unwrap().success());
        let duration = started.elapsed();
        assert_eq!(found(), Found::New, "{operation} undisturbed");
        assert_eq!(
            self.remove_left_overs(),
            0,
            "{operation} undisturbed left a temporary file"
        );
        let mut at_work = 0;
        for _ in 0..ROUNDS {
            for number in 0..KILLS {
                reset();
                let mut child = self.child(operation);
                thread::sleep(duration * number / KILLS);
                // It may have ended just before: then there is nothing to kill, and what is there must be whole too.
                child.kill().unwrap();
                child.wait().unwrap();
                found();
                at_work += usize::from(self.remove_left_overs() > 0);
            }
            if at_work > 0 {
                return;
            }
        }
        panic!("of {} kills none hit {operation} at work", ROUNDS * KILLS);
    }

    fn child(&self, operation: &str) -> std::process::Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored"])
            .env(PLACE, &self.folder)
            .env(OPERATION, operation)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// What a crash leaves is named so that it can be found and removed; how many of it there were.
    fn remove_left_overs(&self) -> usize {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = ["web", "new.zip", "bundle.zip", "bundle", "sealed"].contains(&name.as_str());
            let left_over =
                name.starts_with(".capbundle-") && Path::new(&name).extension().is_some_and(|end| end == "tmp");
            assert!(known || left_over, "{name}");
            if left_over {
                let path = self.path(&name);
                if path.is_dir() {
                    fs::remove_dir_all(path).unwrap();
                } else {
                    fs::remove_file(path).unwrap();
                }
                removed += 1;
            }
        }
        removed
    }
}

fn tree() -> Tree {
    (0..300).fold(Tree::bundle(), |tree, number| {
        let content = format!("export const number = {number};\n").repeat(1 + number * 7);
        tree.with_file(&format!("assets/{}/{number}.js", number % 9), content.as_bytes())
    })
}

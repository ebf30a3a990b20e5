//! An operation that is killed at any moment leaves the old content or the complete new one, never a part of it.

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

/// The environment variables of the child process: the folder to work in, and the operation.
const FOLDER: &str = "CAPBUNDLE_CRASH_FOLDER";
const OPERATION: &str = "CAPBUNDLE_CRASH_OPERATION";
/// Kills per round, spread evenly over the duration of the operation.
const KILLS: u32 = 25;
/// Rounds until a kill hits the operation while it writes a file.
const ROUNDS: u32 = 4;

#[test]
fn a_killed_pack_leaves_the_old_archive_or_the_new_one() {
    let workspace = Workspace::new();
    let whole = workspace.pack("new.zip");
    let found = || fs::read(workspace.path("bundle.zip")).unwrap();
    let reset = || fs::write(workspace.path("bundle.zip"), "old").unwrap();
    workspace.kill_repeatedly("pack", reset, || match found() {
        old if old == b"old" => Found::Old,
        new if Sha256Digest::of(&new) == whole => Found::New,
        other => panic!("{} bytes that are neither the old nor the new archive", other.len()),
    });
}

#[test]
fn a_killed_seal_leaves_the_old_file_or_a_whole_one() {
    let workspace = Workspace::new();
    workspace.pack("new.zip");
    let reset = || fs::write(workspace.path("sealed"), "old").unwrap();
    let whole = (fs::metadata(workspace.path("new.zip")).unwrap().len() / 16 + 1) * 16;
    workspace.kill_repeatedly("seal", reset, || {
        match fs::metadata(workspace.path("sealed")).unwrap().len() {
            3 => Found::Old,
            length if length == whole => Found::New,
            length => panic!("expected {whole} bytes, found {length}"),
        }
    });
}

#[test]
fn a_killed_unpack_leaves_no_folder_or_a_whole_one() {
    let workspace = Workspace::new();
    workspace.pack("new.zip");
    let folder = workspace.path("bundle");
    let reset = || {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
    };
    workspace.kill_repeatedly("unpack", reset, || {
        if !folder.exists() {
            return Found::Old;
        }
        assert!(Tree::read_from(&folder).unwrap() == tree());
        Found::New
    });
}

/// The complete content that a kill left.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Old,
    New,
}

/// The process that is killed. An ordinary test run skips it.
#[test]
#[ignore = "started by the other tests of this file in a separate process"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let workspace = Workspace {
        folder: PathBuf::from(folder),
        _removed_on_drop: None,
    };
    let (control, plain) = (Control::new(), workspace.path("new.zip"));
    match std::env::var(OPERATION).unwrap().as_str() {
        "pack" => drop(workspace.pack("bundle.zip")),
        "seal" => {
            let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys/test-signer.private.pem");
            let key = SigningKey::read(&key).unwrap();
            let digest = Sha256Digest::of_file(&plain, &control).unwrap();
            let encryption = capgo::Encryption {
                expected: &digest,
                key: &key,
                form: ChecksumForm::V3,
            };
            capgo::encrypt(&plain, &workspace.path("sealed"), &encryption, &control).unwrap();
        }
        "unpack" => {
            let archive = VerifiedArchive::assume_trusted(&plain, &control).unwrap();
            unpack(&archive, &workspace.path("bundle"), &UnpackOptions::default(), &control).unwrap();
        }
        other => panic!("unknown operation {other}"),
    }
}

/// A working folder with a web folder to pack.
struct Workspace {
    folder: PathBuf,
    _removed_on_drop: Option<tempfile::TempDir>,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Self {
            folder: folder.path().to_path_buf(),
            _removed_on_drop: Some(folder),
        };
        fs::create_dir(workspace.path("web")).unwrap();
        tree().write_to(&workspace.path("web")).unwrap();
        workspace
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

    /// Runs the operation once to completion, then kills it repeatedly and checks after each kill what it left.
    fn kill_repeatedly(&self, operation: &str, reset: impl Fn(), found: impl Fn() -> Found) {
        reset();
        let started = Instant::now();
        assert!(self.child(operation).wait().unwrap().success());
        let duration = started.elapsed();
        assert_eq!(found(), Found::New, "{operation} without a kill");
        assert_eq!(
            self.remove_temporary_files(),
            0,
            "{operation} left a temporary file without being killed"
        );
        let mut hits = 0;
        for _ in 0..ROUNDS {
            for number in 0..KILLS {
                reset();
                let mut child = self.child(operation);
                thread::sleep(duration * number / KILLS);
                // The process may have ended before the kill. The result must then be complete as well.
                child.kill().unwrap();
                child.wait().unwrap();
                found();
                hits += usize::from(self.remove_temporary_files() > 0);
            }
            if hits > 0 {
                return;
            }
        }
        panic!("none of {} kills hit {operation} while it wrote a file", ROUNDS * KILLS);
    }

    fn child(&self, operation: &str) -> std::process::Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--ignored"])
            .env(FOLDER, &self.folder)
            .env(OPERATION, operation)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Removes the temporary files and folders, which their names identify; returns their number.
    fn remove_temporary_files(&self) -> usize {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let known = ["web", "new.zip", "bundle.zip", "bundle", "sealed"].contains(&name.as_str());
            let is_temporary =
                name.starts_with(".capbundle-") && Path::new(&name).extension().is_some_and(|end| end == "tmp");
            assert!(known || is_temporary, "{name}");
            if is_temporary {
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

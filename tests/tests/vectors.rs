//! Every vector in `tests/vectors` has the result in its `expect:` line, and leaves no files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use capbundle::bundle::{Finding, FindingCode, UnpackOptions, inspect, unpack};
use capbundle::capgo;
use capbundle::capgo::IvSessionKey;
use capbundle::capgo::{ChecksumForm, SignedChecksum};
use capbundle::digest::Sha256Digest;
use capbundle::keys::VerifyingKey;
use capbundle::progress::Control;
use capbundle::{Result, VerifiedArchive};
use capbundle_tests::skip::skipped;
use capbundle_tests::vector::{self, Vector, unescape};
use tempfile::TempDir;

/// The targets of hostile names that escape to the root of the file system.
const OUTSIDE: [&str; 2] = ["/tmp/capbundle-evil.txt", "/capbundle-evil.txt"];

#[test]
fn hostile_archives_are_refused_and_benign_ones_accepted() {
    let vectors = read("archives");
    let outcomes: Vec<String> = vectors
        .iter()
        .filter(|vector| is_supported_here(vector))
        .filter_map(archive_fault)
        .collect();
    assert!(
        outcomes.is_empty(),
        "{} faults:\n{}",
        outcomes.len(),
        outcomes.join("\n")
    );
    let hostile = count_hostile(&vectors);
    report(&format!(
        "{hostile} hostile archives refused, {} benign ones accepted",
        vectors.len() - hostile
    ));
    assert!(hostile >= 60);
}

#[test]
fn hostile_capgo_inputs_are_refused_and_benign_ones_accepted() {
    let vectors = read("capgo-v2");
    let outcomes: Vec<String> = vectors.iter().filter_map(capgo_fault).collect();
    assert!(
        outcomes.is_empty(),
        "{} faults:\n{}",
        outcomes.len(),
        outcomes.join("\n")
    );
    let hostile = count_hostile(&vectors);
    report(&format!(
        "{hostile} hostile Capgo v2 inputs refused, {} benign ones accepted",
        vectors.len() - hostile
    ));
    assert!(hostile >= 30);
}

#[test]
fn the_generator_reproduces_the_committed_vectors() {
    let mut made: BTreeMap<String, String> = vector::generated(&root()).unwrap().into_iter().collect();
    for folder in vector::FOLDERS.iter().chain([&vector::TRUSTED]) {
        for path in files_below(&root().join(folder)) {
            let name = format!("{folder}/{}", path.display());
            let text = made.remove(&name).unwrap_or_else(|| panic!("{name} is not generated"));
            assert!(
                fs::read_to_string(root().join(&name)).unwrap() == text,
                "{name} differs: run cargo run -p capbundle-tests --bin make-vectors"
            );
        }
    }
    for (name, text) in made {
        let committed = fs::read_to_string(root().join(&name));
        assert!(
            committed.is_ok_and(|committed| committed == text),
            "{name} differs: run cargo run -p capbundle-tests --bin make-vectors"
        );
    }
}

#[test]
fn vectors_have_unique_names_and_a_reason() {
    for folder in vector::FOLDERS {
        let vectors = read(folder);
        let mut names: Vec<&str> = vectors.iter().map(|vector| vector.field("name")).collect();
        names.dedup();
        assert_eq!(names.len(), vectors.len());
        assert!(
            vectors
                .iter()
                .all(|vector| !vector.field("why").is_empty() && !vector.field("expect").is_empty())
        );
    }
}

/// Unpacks with one thread and with several; returns the difference from the expected result.
fn archive_fault(vector: &Vector) -> Option<String> {
    let faults = [1, 4].map(|threads| {
        let workspace = Workspace::new(&vector.body);
        let outcome = guarded(|| workspace.unpack(vector, threads));
        let expected = vector.field("expect");
        let fault = if outcome.kind == expected {
            workspace.leftover(vector)
        } else {
            outcome.against(expected)
        };
        fault
            .or_else(|| workspace.inspect(vector))
            .map(|fault| format!("{} ({threads} threads): {fault}", vector.field("name")))
    });
    faults.into_iter().flatten().next()
}

fn capgo_fault(vector: &Vector) -> Option<String> {
    let workspace = Workspace::new(&vector.body);
    let outcome = guarded(|| workspace.open(vector));
    let expected = vector.field("expect");
    let fault = if outcome.kind == expected {
        workspace.leftover_of_staging()
    } else {
        outcome.against(expected)
    };
    fault.map(|fault| format!("{}: {fault}", vector.field("name")))
}

/// A new folder with the input, and the folders that may be written to.
struct Workspace {
    folder: TempDir,
    input: PathBuf,
}

impl Workspace {
    fn new(body: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in", "out", "staging"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let input = folder.path().join("in/input");
        fs::write(&input, body).unwrap();
        Self { folder, input }
    }

    fn unpack(&self, vector: &Vector, threads: usize) -> Result<()> {
        let mut options = UnpackOptions::default();
        options.limits = vector.limits().unwrap();
        options.threads = NonZeroUsize::new(threads);
        let digest = Sha256Digest::of(&vector.body);
        let archive = VerifiedArchive::from_digest(&self.input, &digest, &Control::new())?;
        unpack(
            &archive,
            &self.folder.path().join("out/bundle"),
            &options,
            &Control::new(),
        )
        .map(drop)
    }

    fn open(&self, vector: &Vector) -> Result<()> {
        let text = |key: &str| String::from_utf8(unescape(vector.field(key))).unwrap();
        let form = if vector.field("form") == "v2" {
            ChecksumForm::V2
        } else {
            ChecksumForm::V3
        };
        let key = VerifyingKey::read(&root().join("keys").join(vector.field("key")))?;
        let checksum = SignedChecksum::parse(&text("checksum"), form)?;
        let iv_session_key: IvSessionKey = text("iv_session_key").parse()?;
        let staging = self.folder.path().join("staging");
        capgo::decrypt(
            &self.input,
            &staging,
            &capgo::Decryption {
                iv_session_key: &iv_session_key,
                checksum: &checksum,
                key: &key,
            },
            &Control::new(),
        )
        .map(drop)
    }

    /// Inspecting an archive reports the same faults, except those that only the contents show.
    fn inspect(&self, vector: &Vector) -> Option<String> {
        let mut found = None;
        let mut outcome = guarded(|| {
            found = decisive(&inspect(&self.input, &vector.limits().unwrap())?.findings);
            Ok(())
        });
        if let Some(code) = found {
            outcome.kind = code;
        }
        let expected = vector.get("inspect").unwrap_or(vector.field("expect"));
        if outcome.kind == expected {
            self.leftover(vector)
        } else {
            outcome.against(expected).map(|fault| format!("inspect: {fault}"))
        }
    }

    /// Unexpected or missing files on disk.
    fn leftover(&self, vector: &Vector) -> Option<String> {
        if let Some(outside) = OUTSIDE.iter().find(|path| Path::new(path).exists()) {
            return Some(format!("wrote {outside}"));
        }
        let found = files_below(self.folder.path())
            .into_iter()
            .filter(|path| path != Path::new("in/input"));
        let found: BTreeMap<String, String> = found.map(|path| self.described(&path)).collect();
        let expected: BTreeMap<String, String> = vector
            .files()
            .into_iter()
            .map(|(path, digest)| (format!("out/bundle/{path}"), digest))
            .collect();
        if found != expected {
            return Some(format!(
                "expected on disk: {1:?}, found: {0:?}",
                found.keys(),
                expected.keys()
            ));
        }
        let folders = ["out", "staging"].map(|name| fs::read_dir(self.folder.path().join(name)).unwrap().count());
        let bundles = usize::from(vector.field("expect") == "ok");
        (folders != [bundles, 0]).then(|| "folders are left on disk".to_owned())
    }

    fn leftover_of_staging(&self) -> Option<String> {
        let left = files_below(self.folder.path());
        (left != [PathBuf::from("in/input")]).then(|| format!("left on disk: {left:?}"))
    }

    fn described(&self, path: &Path) -> (String, String) {
        let content = fs::read(self.folder.path().join(path)).unwrap();
        (
            path.to_str().unwrap().to_owned(),
            Sha256Digest::of(&content).to_string(),
        )
    }
}

/// The finding that makes unpacking refuse the archive.
fn decisive(findings: &[Finding]) -> Option<&'static str> {
    let decides = |code| matches!(code, FindingCode::IndexHtmlNotFound | FindingCode::OverDeviceLimit);
    let codes = findings.iter().map(|finding| finding.code);
    codes.filter(|code| decides(*code)).map(FindingCode::as_str).next()
}

/// The code of the result, and the message.
struct Outcome {
    kind: &'static str,
    message: String,
}

impl Outcome {
    #[allow(clippy::unnecessary_wraps, reason = "a fault is an Option everywhere here")]
    fn against(&self, expected: &str) -> Option<String> {
        Some(format!("expected {expected}, found {}: {}", self.kind, self.message))
    }
}

fn guarded(work: impl FnOnce() -> Result<()>) -> Outcome {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => Outcome {
            kind: "ok",
            message: String::new(),
        },
        Ok(Err(error)) => Outcome {
            kind: error.kind().as_str(),
            message: error.to_string(),
        },
        Err(_) => Outcome {
            kind: "panic",
            message: String::new(),
        },
    }
}

/// Whether this file system supports the vector. Reports a skipped test if not.
fn is_supported_here(vector: &Vector) -> bool {
    let is_supported = match vector.field("needs") {
        "case_sensitive" => is_case_sensitive(),
        "any_name" => cfg!(all(unix, not(target_vendor = "apple"))),
        _ => true,
    };
    if !is_supported {
        skipped(&format!(
            "{} needs a file system with the property {}",
            vector.field("name"),
            vector.field("needs")
        ));
    }
    is_supported
}

fn is_case_sensitive() -> bool {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    !folder.path().join("A").exists()
}

/// Bypasses the test harness, which hides the output of passing tests. `tests/run` shows such lines.
fn report(line: &str) {
    std::io::stderr()
        .write_all(format!("measured {line}\n").as_bytes())
        .unwrap();
}

fn count_hostile(vectors: &[Vector]) -> usize {
    vectors.iter().filter(|vector| vector.field("expect") != "ok").count()
}

fn read(folder: &str) -> Vec<Vector> {
    Vector::read_all(&root().join(folder)).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All files in `folder` and its subfolders, as sorted relative paths.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}

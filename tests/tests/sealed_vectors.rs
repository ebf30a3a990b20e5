//! Every sealed archive in `tests/vectors/sealed` has the result in its `expect:` line, and releases no more bytes than
//! allowed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use capbundle::digest::Sha256Digest;
use capbundle::keys::ContentKey;
use capbundle::progress::Control;
use capbundle::sealed::{SealedReader, open_unverified};
use capbundle_tests::vector::Vector;
use tempfile::TempDir;

#[test]
fn hostile_sealed_archives_are_refused_and_benign_ones_opened() {
    let vectors = vectors();
    let faults: Vec<String> = vectors
        .iter()
        .filter_map(|vector| Workspace::new(vector).fault())
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    let hostile = vectors.iter().filter(|vector| vector.field("expect") != "ok").count();
    let benign = vectors.len() - hostile;
    // Bypasses the test harness, which hides the output of passing tests. `tests/run` shows such lines.
    let line = format!("measured {hostile} hostile sealed archives refused, {benign} benign ones opened\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(hostile >= 70);
}

fn vectors() -> Vec<Vector> {
    Vector::read_all(&root().join("sealed")).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// A new folder with only the sealed archive.
struct Workspace<'a> {
    vector: &'a Vector,
    key: ContentKey,
    folder: TempDir,
    sealed: PathBuf,
}

impl<'a> Workspace<'a> {
    fn new(vector: &'a Vector) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sealed = folder.path().join("a.sealed");
        fs::write(&sealed, &vector.body).unwrap();
        Self {
            vector,
            key: ContentKey::read(&root().join("keys").join(vector.field("key"))).unwrap(),
            folder,
            sealed,
        }
    }

    /// The difference from the expected result.
    fn fault(&self) -> Option<String> {
        let fault = self.opening().or_else(|| self.reading())?;
        Some(format!("{}: {fault}", self.vector.field("name")))
    }

    fn opening(&self) -> Option<String> {
        let to = self.folder.path().join("plain");
        let opened = open_unverified(&self.sealed, &to, &self.key, &Control::new());
        let left = fs::read_dir(self.folder.path()).unwrap().count();
        match opened {
            Ok(digest) => {
                let bytes = fs::read(&to).unwrap();
                let is_right = digest.to_string() == self.vector.field("plain") && Sha256Digest::of(&bytes) == digest;
                (!is_right || self.vector.field("expect") != "ok").then(|| format!("opened to {digest}"))
            }
            Err(_) if left != 1 => Some("files are left on disk".to_owned()),
            Err(error) => {
                let kind = error.kind().as_str();
                (kind != self.vector.field("expect")).then(|| format!("{kind}: {error}"))
            }
        }
    }

    /// Reading returns the whole content, or only the bytes that may be released before the error.
    fn reading(&self) -> Option<String> {
        let mut released = Vec::new();
        let read = SealedReader::open_unverified(&self.sealed, &self.key)
            .map_err(io::Error::other)
            .and_then(|mut reader| io::copy(&mut reader, &mut released));
        let digest = Sha256Digest::of(&released).to_string();
        if read.is_ok() {
            return (digest != self.vector.field("plain")).then(|| "read to the end with another digest".to_owned());
        }
        let allowed = released.is_empty() || self.vector.field("released") == format!("{} {digest}", released.len());
        (!allowed).then(|| format!("{} bytes were released", released.len()))
    }
}

//! Programs that read archives.

use std::path::Path;
use std::process::Command;

use super::{Listing, java_source, node_script, python_script, run};
use crate::skip::tool;

/// A program that reads archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// adm-zip, the library in the Capgo CLI.
    AdmZip,
    /// Info-ZIP's `unzip`.
    Unzip,
    /// Java's `ZipInputStream`: local headers only, as the Android plugin reads.
    JavaStream,
    /// Java's `ZipFile`: by the central directory.
    JavaFile,
    /// Python's `zipfile`.
    Python,
}

/// All readers.
pub const ALL_READERS: [Reader; 5] = [
    Reader::AdmZip,
    Reader::Unzip,
    Reader::JavaStream,
    Reader::JavaFile,
    Reader::Python,
];

impl Reader {
    /// Reads `archive` and verifies all its checksums. Skips the current test if the program is missing.
    ///
    /// # Panics
    /// If the reader rejects the archive.
    #[must_use]
    pub fn read(self, archive: &Path) -> Option<Listing> {
        let mut command = match self {
            Self::AdmZip => with(node_script("adm-zip.cjs")?, &["list"]),
            Self::JavaStream => with(java_source("ReadZip.java")?, &["stream"]),
            Self::JavaFile => with(java_source("ReadZip.java")?, &["file"]),
            Self::Python => with(python_script("zipfile_peer.py")?, &["list"]),
            Self::Unzip => return unzip(archive),
        };
        Some(Listing::parse(&run(command.arg(archive)).expect_success()))
    }
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

fn unzip(archive: &Path) -> Option<Listing> {
    let unzip = tool("unzip")?;
    let _output = run(Command::new(&unzip).arg("-tqq").arg(archive)).expect_success();
    let folder = tempfile::tempdir().expect("a temporary folder can be created");
    // Without a UTF-8 locale unzip writes names as escapes.
    let mut command = Command::new(unzip);
    command
        .env("LC_ALL", "C.UTF-8")
        .arg("-qq")
        .arg(archive)
        .arg("-d")
        .arg(folder.path());
    let _output = run(&mut command).expect_success();
    Some(Listing::of_folder(folder.path()))
}

//! Programs that write archives.

use std::path::Path;
use std::process::Command;

use super::{java_source, node_script, python_script, run};
use crate::skip::tool;

/// A program that writes archives, in one of its modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// adm-zip's `addLocalFolder`, which the Capgo CLI uses.
    AdmZip,
    /// Info-ZIP's `zip`.
    InfoZip,
    /// `zip` into a pipe: data descriptors.
    InfoZipStreamed,
    /// `zip` with forced zip64.
    InfoZipZip64,
    /// Java's `ZipOutputStream`: sizes in a data descriptor after the data.
    Java,
    /// Python, deflated.
    Python,
    /// Python, stored.
    PythonStored,
    /// Python with forced zip64.
    PythonZip64,
    /// Python to a pipe: data descriptors.
    PythonStreamed,
    /// Python to a pipe with zip64: long data descriptors.
    PythonStreamedZip64,
}

/// All writers.
pub const ALL_WRITERS: [Writer; 10] = [
    Writer::AdmZip,
    Writer::InfoZip,
    Writer::InfoZipStreamed,
    Writer::InfoZipZip64,
    Writer::Java,
    Writer::Python,
    Writer::PythonStored,
    Writer::PythonZip64,
    Writer::PythonStreamed,
    Writer::PythonStreamedZip64,
];

impl Writer {
    /// Packs `folder` into the new file `archive`. Skips the current test if the program is missing.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn write(self, folder: &Path, archive: &Path) -> Option<()> {
        let mut command = match self {
            Self::AdmZip => packing(node_script("adm-zip.cjs")?.arg("pack"), folder, archive),
            Self::InfoZip => info_zip(folder, archive, r#"zip -qr "$1" ."#)?,
            Self::InfoZipStreamed => info_zip(folder, archive, r#"zip -qr - . | cat > "$1""#)?,
            Self::InfoZipZip64 => info_zip(folder, archive, r#"zip -qr -fz "$1" ."#)?,
            Self::Java => packing(&mut java_source("WriteZip.java")?, folder, archive),
            Self::Python => python(folder, archive, "deflated")?,
            Self::PythonStored => python(folder, archive, "stored")?,
            Self::PythonZip64 => python(folder, archive, "zip64")?,
            Self::PythonStreamed => python(folder, archive, "streamed")?,
            Self::PythonStreamedZip64 => python(folder, archive, "streamed-zip64")?,
        };
        let _output = run(&mut command).expect_success();
        Some(())
    }
}

fn packing(command: &mut Command, folder: &Path, archive: &Path) -> Command {
    command.arg(folder).arg(archive);
    std::mem::replace(command, Command::new("true"))
}

fn python(folder: &Path, archive: &Path, form: &str) -> Option<Command> {
    let mut command = packing(python_script("zipfile_peer.py")?.arg("pack"), folder, archive);
    command.arg(form);
    Some(command)
}

/// Runs the shell command `script`, which packs the current folder into the file `$1`.
fn info_zip(folder: &Path, archive: &Path, script: &str) -> Option<Command> {
    tool("zip")?;
    let mut command = Command::new("sh");
    // In a UTF-8 locale zip writes names as UTF-8.
    command
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .args(["-ec", script, "zip"])
        .arg(archive);
    Some(command)
}

//! Inspecting an archive without unpacking it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::lint::{names, secrets};
use super::zip::read::{Archive, INDEX_HTML};
use crate::error::{IoContext, Result};
use crate::finding::{Finding, FindingCode};
use crate::io::positional_reader::PositionalReader;
use crate::io::regular_file;
use crate::limits::Limits;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntrySummary {
    /// Path inside the bundle on a device.
    pub path: String,
    /// Unpacked size as declared.
    pub size: u64,
    /// Compressed size.
    pub compressed_size: u64,
    /// `stored` or `deflate`.
    pub method: &'static str,
}

/// The contents of an archive according to its directory.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Inspection {
    /// Files, in archive order.
    pub files: Vec<EntrySummary>,
    /// Number of folders that unpacking creates.
    pub folders: u64,
    /// Total unpacked size of all files as declared.
    pub unpacked_size: u64,
    /// Size of the archive file.
    pub archive_size: u64,
    /// The single top folder that unpacking strips.
    pub flattened: Option<String>,
    /// Problems of the archive. With an error among them it cannot be used as a bundle.
    pub findings: Vec<Finding>,
}

/// Reads the directory of the archive at `path` and applies the rules of [`unpack`](super::unpack).
///
/// It does not read contents, so sizes are as declared.
///
/// # Errors
/// [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) as for unpacking;
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for too many entries or too large a directory;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io). Sizes above a limit and a missing
/// `index.html` are findings, not errors.
pub fn inspect(path: &Path, limits: &Limits) -> Result<Inspection> {
    let file = regular_file::open(path)?;
    let archive_size = file.metadata().with_path("read the size of", path)?.len();
    let archive = Archive::read(PositionalReader::new(Arc::new(file), archive_size), path, limits)?;
    let findings = findings(&archive, limits);
    let files = archive.files.iter().map(|file| EntrySummary {
        path: file.path.to_string(),
        size: file.size,
        compressed_size: file.compressed_size,
        method: if file.stored { "stored" } else { "deflate" },
    });
    Ok(Inspection {
        files: files.collect(),
        folders: archive.folders.len() as u64,
        unpacked_size: archive.declared_size,
        archive_size,
        flattened: archive.flattened,
        findings,
    })
}

fn findings(archive: &Archive, limits: &Limits) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !archive.has_index {
        let message = format!("no {INDEX_HTML} at the root of the archive, nor in a single top folder");
        findings.push(Finding::error(FindingCode::IndexHtmlNotFound, message));
    }
    findings.extend(archive.left_out.iter().map(|path| {
        let message = "is outside the single top folder, so devices do not unpack it";
        Finding::warning(FindingCode::SuspiciousFile, message).in_file(path.as_str())
    }));
    let mut spellings = HashMap::new();
    for file in &archive.files {
        // A warning, not an error: an archive with a secret can be unpacked, although it should not have been
        // published.
        findings.extend(secrets::secret(&file.path).map(Finding::into_warning));
        findings.extend(names::unportable(&file.path, &mut spellings));
    }
    findings.extend(names::suspicious(archive.files.iter().map(|file| &file.path)));
    findings.extend(names::over_limits(
        archive.files.iter().map(|file| (&file.path, file.size)),
        limits,
    ));
    findings
}

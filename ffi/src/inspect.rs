//! Looking into an archive without unpacking it.

use std::path::Path;

use capbundle_core::bundle;

use crate::catch_panic::catch_panic;
use crate::check::Finding;
use crate::convert::signed;
use crate::error::Result;
use crate::limits::Limits;

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EntrySummary {
    /// Path inside the bundle, where devices would put it.
    pub path: String,
    /// Bytes unpacked, as declared.
    pub size: i64,
    /// Bytes in the archive.
    pub compressed_size: i64,
    /// `stored` or `deflate`.
    pub method: String,
}

/// What an archive holds, read from its directory.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Inspection {
    /// Files, in archive order.
    pub files: Vec<EntrySummary>,
    /// Number of folders that unpacking would make.
    pub folders: i64,
    /// Bytes of all files unpacked, as declared.
    pub unpacked_size: i64,
    /// Bytes of the archive file.
    pub archive_size: i64,
    /// The single top folder that unpacking would strip.
    pub flattened: Option<String>,
    /// What is odd about it. An archive with an error among these cannot be used as a bundle.
    pub findings: Vec<Finding>,
}

/// Reads the directory of the archive at `path`, under the same rules as unpacking. Blocks for a few reads.
///
/// Contents are not read and nothing is proved: sizes are those the archive declares. Throws `UnsafeArchive` and
/// `LimitExceeded` as unpacking would; `NotFound`, `Io`. An archive without an `index.html` is no error but a finding.
#[uniffi::export(default(limits = None))]
pub fn inspect_archive(path: &str, limits: Option<Limits>) -> Result<Inspection> {
    catch_panic(|| {
        let inspection = bundle::inspect(Path::new(path), &Limits::to_core(limits.as_ref())?)?;
        let files = inspection.files.into_iter().map(|file| EntrySummary {
            path: file.path,
            size: signed(file.size),
            compressed_size: signed(file.compressed_size),
            method: file.method.to_owned(),
        });
        Ok(Inspection {
            files: files.collect(),
            folders: signed(inspection.folders),
            unpacked_size: signed(inspection.unpacked_size),
            archive_size: signed(inspection.archive_size),
            flattened: inspection.flattened,
            findings: inspection.findings.into_iter().map(Finding::from).collect(),
        })
    })
}

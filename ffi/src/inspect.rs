//! Reading an archive's directory without unpacking it.

use std::path::Path;

use capbundle_core::bundle;

use crate::catch_panic::catch_panic;
use crate::check::Finding;
use crate::convert::signed;
use crate::error::Result;
use crate::limits::Limits;

/// One file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EntrySummary {
    /// Path inside the bundle, where devices would put it.
    pub path: String,
    /// Declared size in bytes, unpacked.
    pub size: i64,
    /// Size in bytes inside the archive.
    pub compressed_size: i64,
    /// `stored` or `deflate`.
    pub method: String,
}

/// The content of an archive, read from its directory.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Inspection {
    /// The files, in archive order.
    pub files: Vec<EntrySummary>,
    /// Number of folders that unpacking would create.
    pub folders: i64,
    /// Declared size in bytes of all files, unpacked.
    pub unpacked_size: i64,
    /// Size in bytes of the archive file.
    pub archive_size: i64,
    /// The single top folder that unpacking would strip.
    pub flattened: Option<String>,
    /// Problems found. An archive with an error among them cannot be used as a bundle.
    pub findings: Vec<Finding>,
}

/// Reads the directory of the archive at `path`, under the same rules as unpacking. Blocks for a few reads.
///
/// Contents are neither read nor verified: sizes are those the archive declares. Throws `UnsafeArchive` and
/// `LimitExceeded` as unpacking does; `NotFound`, `Io`. A missing `index.html` is a finding, not an error.
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

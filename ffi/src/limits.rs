//! Limits on the resources that an archive may use.

use capbundle_core as core;

use crate::convert::unsigned;
use crate::error::Result;

/// Limits on what an archive may unpack to, enforced on the bytes produced, not on declared sizes.
///
/// The defaults are far above any real web app and far below what harms a phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Limits {
    /// Number of files and folders in the archive.
    #[uniffi(default = 100000)]
    pub entries: i64,
    /// Total bytes of all files: 2 GiB.
    #[uniffi(default = 2147483648)]
    pub total_size: i64,
    /// Bytes of one file: 1 GiB.
    #[uniffi(default = 1073741824)]
    pub file_size: i64,
    /// Bytes of a path inside the archive.
    #[uniffi(default = 1024)]
    pub path_length: i64,
    /// Bytes of one file or folder name.
    #[uniffi(default = 255)]
    pub component_length: i64,
    /// Folder depth of a path.
    #[uniffi(default = 64)]
    pub depth: i64,
    /// Unpacked bytes per archive byte, checked for each file and for the archive.
    #[uniffi(default = 200)]
    pub expansion_ratio: i64,
    /// Unpacked bytes that are always allowed, whatever the ratio: 16 MiB.
    #[uniffi(default = 16777216)]
    pub expansion_free: i64,
}

impl Limits {
    pub(crate) fn to_core(limits: Option<&Self>) -> Result<core::Limits> {
        let Some(limits) = limits else {
            return Ok(core::Limits::default());
        };
        Ok(core::Limits::default()
            .with_entries(unsigned("limits.entries", limits.entries)?)
            .with_total_size(unsigned("limits.totalSize", limits.total_size)?)
            .with_file_size(unsigned("limits.fileSize", limits.file_size)?)
            .with_path_length(unsigned("limits.pathLength", limits.path_length)?)
            .with_component_length(unsigned("limits.componentLength", limits.component_length)?)
            .with_depth(unsigned("limits.depth", limits.depth)?)
            .with_expansion_ratio(unsigned("limits.expansionRatio", limits.expansion_ratio)?)
            .with_expansion_free(unsigned("limits.expansionFree", limits.expansion_free)?))
    }
}

#[cfg(test)]
mod tests;

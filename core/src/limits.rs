//! Limits on what an archive may unpack to.

use crate::setters::setters;

/// Limits on what an archive may unpack to. They apply to the bytes that are produced, never to declared sizes.
///
/// The defaults are far above any real web app and far below what harms a phone. Set tighter ones if you know your bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files and folders in the archive. Default 100,000: ten times the largest bundle that Capgo accepts for delta updates;
    /// the index of so many entries stays under 100 MB of memory.
    pub entries: u64,
    /// Bytes of all files together. Default 2 GiB, the limit of Android's 32-bit media paths.
    pub total_size: u64,
    /// Bytes of one file. Default 1 GiB, a long video.
    pub file_size: u64,
    /// Bytes of a path inside the archive. Default 1,024: `PATH_MAX` of iOS, the smallest of the platforms.
    pub path_length: u64,
    /// Bytes of one path component. Default 255: `NAME_MAX` of ext4, f2fs and APFS.
    pub component_length: u64,
    /// Depth of a path in folders. Default 64; deeper trees come from mistakes and attacks.
    pub depth: u64,
    /// Unpacked bytes for each archive byte, for every file and for the whole archive. Default 200: text compresses 3 to 10
    /// times, a sparse bitmap about 100 times; deflate's limit is 1,032.
    pub expansion_ratio: u64,
    /// Unpacked bytes that are allowed regardless of the ratio. Default 16 MiB: small files of zeros are harmless.
    pub expansion_free: u64,
}

impl Limits {
    setters! {
        with_entries(entries: u64);
        with_total_size(total_size: u64);
        with_file_size(file_size: u64);
        with_path_length(path_length: u64);
        with_component_length(component_length: u64);
        with_depth(depth: u64);
        with_expansion_ratio(expansion_ratio: u64);
        with_expansion_free(expansion_free: u64);
    }

    /// Whether `produced` bytes from `from` bytes indicate a decompression bomb.
    pub(crate) fn expands_too_far(&self, produced: u64, from: u64) -> bool {
        produced > self.expansion_free && produced / self.expansion_ratio.max(1) > from
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000,
            total_size: 2 << 30,
            file_size: 1 << 30,
            path_length: 1_024,
            component_length: 255,
            depth: 64,
            expansion_ratio: 200,
            expansion_free: 16 << 20,
        }
    }
}

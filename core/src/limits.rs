//! How much an archive may ask of a device.

/// Bounds on what an archive may unpack to, enforced on the bytes really produced and never on declared sizes.
///
/// The defaults are far above any real web app and far below what hurts a phone. A host that knows its bundles sets
/// tighter ones.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files and folders in the archive. 100,000: ten times the largest bundle Capgo accepts for delta updates; the
    /// index of that many entries stays under 100 MB of memory.
    pub entries: u64,
    /// Bytes of all files together. 2 GiB: beyond it Android's 32-bit media paths and most user patience end.
    pub total_size: u64,
    /// Bytes of one file. 1 GiB: a long video; more is not a web asset.
    pub file_size: u64,
    /// Bytes of a path inside the archive. 1,024: `PATH_MAX` of iOS, the smallest of the platforms.
    pub path_length: u64,
    /// Bytes of one path component. 255: `NAME_MAX` of ext4, f2fs and APFS.
    pub component_length: u64,
    /// Folders a path may be deep. 64: deeper trees only come from mistakes and attacks.
    pub depth: u64,
    /// Unpacked bytes for each archive byte, checked for every file and for the archive. 200: text compresses 3 to 10
    /// times, a sparse bitmap perhaps 100 times, deflate's theoretical limit is 1,032.
    pub expansion_ratio: u64,
    /// Unpacked bytes that are always allowed, whatever the ratio. 16 MiB: small files of zeros are harmless.
    pub expansion_free: u64,
}

impl Limits {
    /// Whether so many bytes out of so few look like a decompression bomb.
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

//! CRC-32 by zlib-rs, in the place of the crate `crc32fast`.
//!
//! The zip reader takes `crc32fast`, the decompressor has a CRC-32 of its own, and each brings its tables: 28 kB of a library
//! for phones. `[patch.crates-io]` in the workspace makes them one. Both use the instructions of the processor.
//! Has what the zip reader and capbundle use of `crc32fast`.

use zlib_rs::crc32::crc32;

/// A checksum that is being computed.
#[derive(Debug, Clone, Default)]
pub struct Hasher(u32);

impl Hasher {
    /// The checksum of no bytes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on after bytes of this checksum. Their number does not matter.
    #[must_use]
    pub fn new_with_initial_len(checksum: u32, _length: u64) -> Self {
        Self(checksum)
    }

    /// Adds these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0 = crc32(self.0, bytes);
    }

    /// The checksum of all bytes.
    #[must_use]
    pub fn finalize(self) -> u32 {
        self.0
    }
}

/// The checksum of these bytes.
#[must_use]
pub fn hash(bytes: &[u8]) -> u32 {
    crc32(0, bytes)
}

#[cfg(test)]
mod tests {
    use super::{Hasher, hash};

    #[test]
    fn the_checksum_is_that_of_the_catalogue_of_crc_algorithms() {
        assert_eq!(hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(hash(b""), 0);
    }

    #[test]
    fn parts_of_any_length_have_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for length in 1..=bytes.len() {
            let mut hasher = Hasher::new();
            bytes.chunks(length).for_each(|part| hasher.update(part));
            assert_eq!(hasher.finalize(), hash(&bytes), "parts of {length} bytes");
        }
    }
}

//! Opening a file of a manifest as it arrives: decrypted, decompressed, limited and hashed, in constant memory.

use std::fmt;
use std::io;
use std::io::Read;

use sha2::{Digest as _, Sha256};

use super::{ManifestFile, ManifestFiles};
use crate::digest::Sha256Digest;
use crate::io::brotli;

impl ManifestFiles {
    /// The final bytes of `file`, whose downloaded bytes are read from `source`.
    ///
    /// Reading fails if there are more than `limit` bytes, and at the end if the bytes do not have the digest of the
    /// manifest: what was read before must not be used then.
    ///
    /// # Errors
    /// Reading the first bytes of `source` failed.
    pub fn open<'a>(&self, file: &ManifestFile, source: &'a mut dyn Read, limit: u64) -> io::Result<FileReader<'a>> {
        let mut plain: Box<dyn Read + 'a> = match &self.cipher {
            Some(cipher) => Box::new(cipher.decrypt(source)),
            None => Box::new(source),
        };
        if file.is_brotli {
            plain = Box::new(brotli::reader(plain)?);
        }
        Ok(FileReader {
            plain,
            hasher: Sha256::new(),
            expected: file.digest,
            size: 0,
            limit,
        })
    }
}

/// The final bytes of a file; made by [`ManifestFiles::open`].
///
/// Fails with [`InvalidData`](io::ErrorKind::InvalidData) if the file is damaged, is not the one of the manifest, or
/// exceeds its limit.
pub struct FileReader<'a> {
    plain: Box<dyn Read + 'a>,
    hasher: Sha256,
    expected: Sha256Digest,
    size: u64,
    limit: u64,
}

impl FileReader<'_> {
    /// The number of bytes that were read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Read for FileReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        let count = self.plain.read(to)?;
        if count == 0 {
            let found = Sha256Digest::from_bytes(self.hasher.clone().finalize().into());
            return if found == self.expected {
                Ok(0)
            } else {
                Err(invalid("the file does not have the SHA-256 that the manifest names"))
            };
        }
        self.size += count as u64;
        if self.size > self.limit {
            return Err(invalid("the file is larger than allowed"));
        }
        self.hasher.update(&to[..count]);
        Ok(count)
    }
}

fn invalid(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

impl fmt::Debug for FileReader<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileReader").finish_non_exhaustive()
    }
}

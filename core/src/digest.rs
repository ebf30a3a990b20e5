//! Digests of archives: SHA-256, and CRC-32 for Capgo plugins from before 2023.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

use crate::error::{Error, IoContext, Result};
use crate::progress::{Control, Phase};
use crate::stages::{self, Chunk};

/// The SHA-256 of an archive: the name of a bundle everywhere in this crate.
///
/// Parsed from and printed as 64 hexadecimal digits (either case is read, lower case is written). Equality takes the
/// same time wherever the difference is.
#[derive(Clone, Copy, Eq)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// The digest with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the file at `path`, of any size, in constant memory.
    ///
    /// The same text as `@tomasklaen/checksum`'s `checksum(file, 'sha256')` and as `openssl dgst -sha256`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) when the file cannot be read,
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn of_file(path: &Path, control: &Control) -> Result<Self> {
        let mut file = File::open(path).at("open", path)?;
        Self::of_open_file(&mut file, path, control)
    }

    pub(crate) fn of_open_file(file: &mut File, path: &Path, control: &Control) -> Result<Self> {
        let mut hasher = Sha256::new();
        read_all(file, path, control, |chunk| hasher.update(chunk))?;
        Ok(Self(hasher.finalize().into()))
    }
}

impl PartialEq for Sha256Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for Sha256Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256Digest({self})")
    }
}

impl FromStr for Sha256Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = decode_hex(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| {
            let hint = if text.len() == 8 {
                " (8 digits are a CRC-32, which proves nothing)"
            } else {
                ""
            };
            Error::invalid_input(
                "checksum",
                format!(
                    "expected a SHA-256 as 64 hexadecimal digits, found {} characters{hint}",
                    text.chars().count()
                ),
            )
        })
    }
}

/// The CRC-32 of an archive, as Capgo plugins before 5.10 / 6.25 / 7.0 want it.
///
/// It finds accidents, not attacks: it never counts as verification. Printed as 8 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc32(u32);

impl Crc32 {
    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc32fast::hash(bytes))
    }

    /// The checksum of the file at `path`, of any size, in constant memory.
    ///
    /// # Errors
    /// As [`Sha256Digest::of_file`].
    pub fn of_file(path: &Path, control: &Control) -> Result<Self> {
        let mut file = File::open(path).at("open", path)?;
        let mut hasher = crc32fast::Hasher::new();
        read_all(&mut file, path, control, |chunk| hasher.update(chunk))?;
        Ok(Self(hasher.finalize()))
    }

    #[cfg(feature = "pack")]
    pub(crate) fn from_hasher(hasher: crc32fast::Hasher) -> Self {
        Self(hasher.finalize())
    }

    /// The checksum as a number.
    #[must_use]
    pub fn value(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Crc32 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:08x}", self.0)
    }
}

/// Passes bytes on to a writer and hashes those that arrived.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Sha256,
    written: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Hashes what is written to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            written: 0,
        }
    }

    /// The writer underneath.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The writer back, with the digest and number of the bytes that went through.
    pub fn finish(self) -> (W, Sha256Digest, u64) {
        (self.inner, Sha256Digest(self.hasher.finalize().into()), self.written)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Passes bytes on from a reader and hashes them.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Sha256,
    read: u64,
}

impl<R: Read> HashingReader<R> {
    /// Hashes what is read from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            read: 0,
        }
    }

    /// The reader back, with the digest and number of the bytes that went through.
    pub fn finish(self) -> (R, Sha256Digest, u64) {
        (self.inner, Sha256Digest(self.hasher.finalize().into()), self.read)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.read += count as u64;
        Ok(count)
    }
}

/// Feeds a whole file to `consume`, chunk by chunk, with progress and cancellation.
fn read_all(file: &mut File, path: &Path, control: &Control, mut consume: impl FnMut(&[u8])) -> Result<()> {
    let total = file.metadata().at("read the size of", path)?.len();
    let mut done = 0;
    let read = |chunk: &mut Chunk| {
        control.check("hash")?;
        chunk.read_from(file).at("read", path)
    };
    stages::run(total, read, |chunk| {
        consume(chunk.bytes());
        done += chunk.bytes().len() as u64;
        let total = if chunk.is_last() { total.max(done) } else { total };
        control.report(Phase::Hash, done, total);
        Ok(())
    })
}

pub(crate) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?))
        .collect()
}

fn hex_digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        b'A'..=b'F' => Some(character - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

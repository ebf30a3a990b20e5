//! Hashing files and streams.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::pipeline::{self, Chunk};
use crate::digest::{Crc32, Sha256Digest};
use crate::error::{IoContext, Result};
use crate::progress::{Control, Phase};

impl Sha256Digest {
    /// The digest of the file at `path`, of any size, in constant memory.
    ///
    /// Its text equals that of `@tomasklaen/checksum`'s `checksum(file, 'sha256')` and of `openssl dgst -sha256`.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if the file cannot be read,
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn of_file(path: &Path, control: &Control) -> Result<Self> {
        let mut file = File::open(path).with_path("open", path)?;
        Self::of_open_file(&mut file, path, control)
    }

    /// The digest of an open file from its current position on; `path` is for errors.
    ///
    /// # Errors
    /// As [`of_file`](Self::of_file).
    pub fn of_open_file(file: &mut File, path: &Path, control: &Control) -> Result<Self> {
        let mut hasher = Sha256::new();
        read_all(file, path, control, |chunk| hasher.update(chunk))?;
        Ok(Self::from_bytes(hasher.finalize().into()))
    }
}

impl Crc32 {
    /// The checksum of the file at `path`, of any size, in constant memory.
    ///
    /// # Errors
    /// As [`Sha256Digest::of_file`].
    pub fn of_file(path: &Path, control: &Control) -> Result<Self> {
        let mut file = File::open(path).with_path("open", path)?;
        let mut hasher = crc32fast::Hasher::new();
        read_all(&mut file, path, control, |chunk| hasher.update(chunk))?;
        Ok(Self::from_hasher(hasher))
    }
}

/// A writer that hashes the bytes its inner writer accepted.
#[derive(Debug)]
pub struct HashingWriter<W> {
    inner: W,
    hasher: Sha256,
    written: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Hashes the bytes written to `inner`.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            written: 0,
        }
    }

    /// The inner writer.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// Number of bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Returns the inner writer, and the digest and number of the bytes written.
    pub fn finish(self) -> (W, Sha256Digest, u64) {
        (
            self.inner,
            Sha256Digest::from_bytes(self.hasher.finalize().into()),
            self.written,
        )
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

/// A reader that hashes the bytes it returns.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hasher: Sha256,
    read: u64,
}

impl<R: Read> HashingReader<R> {
    /// Hashes the bytes read from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            read: 0,
        }
    }

    /// Returns the inner reader, and the digest and number of the bytes read.
    pub fn finish(self) -> (R, Sha256Digest, u64) {
        (
            self.inner,
            Sha256Digest::from_bytes(self.hasher.finalize().into()),
            self.read,
        )
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

/// Passes a file to `consume` in chunks, with progress and cancellation.
fn read_all(file: &mut File, path: &Path, control: &Control, mut consume: impl FnMut(&[u8])) -> Result<()> {
    let total = file.metadata().with_path("read the size of", path)?.len();
    let mut done = 0;
    let read = |chunk: &mut Chunk| {
        control.check("hash")?;
        chunk.read_from(file).with_path("read", path)
    };
    pipeline::run(total, read, |chunk| {
        consume(chunk.bytes());
        done += chunk.bytes().len() as u64;
        let total = if chunk.is_last() { total.max(done) } else { total };
        control.report(Phase::Hash, done, total);
        Ok(())
    })
}

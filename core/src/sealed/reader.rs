//! Random access to a sealed archive.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::cipher::Cipher;
use super::header::{self, Header};
use super::opening::{bad_segment, require_end, unlock};
use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::keys::ContentKey;

/// Reads the plain bytes of a sealed archive from any position without opening the rest. Holds one segment in memory.
///
/// It does not authenticate who sealed the archive: see [`open_unverified`](super::open_unverified). Each byte is the
/// one that was sealed at its position. Reading a changed segment fails with
/// [`InvalidData`](io::ErrorKind::InvalidData), and so does every later read.
pub struct SealedReader {
    file: File,
    path: PathBuf,
    header: Header,
    cipher: Cipher,
    position: u64,
    segment: Vec<u8>,
    /// The number of the segment in the buffer.
    held: Option<u64>,
    spoiled: bool,
}

impl SealedReader {
    /// Opens the sealed archive at `path`. Opens its last segment, which authenticates its header and its end.
    ///
    /// # Errors
    /// As [`open_unverified`](super::open_unverified).
    pub fn open_unverified(path: &Path, key: &ContentKey) -> Result<Self> {
        let file = regular_file::open(path)?;
        let header = header::read_from(&file, path)?.map_err(|problem| problem.in_file(path))?;
        require_end(&file, path, &header)?;
        let cipher = unlock(path, &header, &[key])?;
        let last = header.segments() - 1;
        let mut reader = Self {
            file,
            path: path.to_path_buf(),
            header,
            cipher,
            position: 0,
            segment: Vec::new(),
            held: None,
            spoiled: false,
        };
        reader.hold(last)?;
        Ok(reader)
    }

    /// The header of the archive.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Loads the plain bytes of a segment into the buffer.
    fn hold(&mut self, number: u64) -> Result<()> {
        if self.held == Some(number) {
            return Ok(());
        }
        self.held = None;
        let start = self.header.sealed_start(number);
        let length = self.header.sealed_start(number + 1) - start;
        self.segment.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
        let filled = read_full_at(&self.file, &mut self.segment, start).with_path("read", &self.path)?;
        let plain = self.cipher.open(number, &mut self.segment[..filled]);
        let Some(length) = plain.map(<[u8]>::len) else {
            self.spoiled = true;
            self.segment.clear();
            return Err(bad_segment(&self.path, &self.header, number));
        };
        self.segment.truncate(length);
        self.held = Some(number);
        Ok(())
    }
}

impl Read for SealedReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.spoiled {
            let problem = format!("{}: a segment was changed", self.path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        if self.position >= self.header.plain_size() || target.is_empty() {
            return Ok(0);
        }
        let number = self.position / u64::from(self.header.segment_size());
        self.hold(number).map_err(into_io)?;
        let offset = usize::try_from(self.position - self.header.plain_start(number)).unwrap_or(usize::MAX);
        let available = self.segment.get(offset..).unwrap_or_default();
        let count = available.len().min(target.len());
        target[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SealedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.header.plain_size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

fn into_io(error: Error) -> io::Error {
    let kind = match &error {
        Error::Io { source, .. } => source.kind(),
        _ => io::ErrorKind::InvalidData,
    };
    io::Error::new(kind, error)
}

impl fmt::Debug for SealedReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SealedReader")
            .field("path", &self.path)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

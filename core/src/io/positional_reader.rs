//! Independent readers of one open file.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Bytes read ahead after a jump: enough for a local header and a small file.
const FIRST_READ: usize = 1 << 10;
/// Maximum number of bytes read ahead in sequential reads.
const LARGEST_READ: usize = 64 << 10;

/// Reads the first `size` bytes of a shared file handle by position.
///
/// Cloned handles (`File::try_clone`) share one offset, so threads would disturb each other; reads by position do not.
/// The buffer starts small after each jump and grows in sequential reads, since an archive is read both in small pieces
/// far apart (headers) and in long runs (contents).
#[derive(Debug)]
pub(crate) struct PositionalReader {
    file: Arc<File>,
    size: u64,
    position: u64,
    buffer: Vec<u8>,
    buffer_start: u64,
    next_read: usize,
    /// The size of the next read, if [`jump`](Self::jump) announced one.
    announced: Option<usize>,
}

impl PositionalReader {
    pub(crate) fn new(file: Arc<File>, size: u64) -> Self {
        Self {
            file,
            size,
            position: 0,
            buffer: Vec::new(),
            buffer_start: 0,
            next_read: FIRST_READ,
            announced: None,
        }
    }

    /// Moves to `position`, from which the caller will read `length` bytes.
    pub(crate) fn jump(&mut self, position: u64, length: u64) {
        self.position = position;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.announced = Some(length.clamp(FIRST_READ, LARGEST_READ));
    }

    fn buffered(&self) -> Option<&[u8]> {
        let offset = usize::try_from(self.position.checked_sub(self.buffer_start)?).ok()?;
        self.buffer.get(offset..).filter(|rest| !rest.is_empty())
    }

    fn fill(&mut self) -> io::Result<()> {
        let reads_on = self.position == self.buffer_start + self.buffer.len() as u64;
        self.next_read = match self.announced.take() {
            Some(announced) => announced,
            None if reads_on => (self.next_read * 4).min(LARGEST_READ),
            None => FIRST_READ,
        };
        let left = self.size.saturating_sub(self.position);
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.next_read);
        self.buffer.resize(length, 0);
        self.buffer_start = self.position;
        match read_at(&self.file, &mut self.buffer, self.position) {
            Ok(count) => {
                self.buffer.truncate(count);
                Ok(())
            }
            Err(error) => {
                self.buffer.clear();
                Err(error)
            }
        }
    }
}

impl Clone for PositionalReader {
    /// Another reader of the same file at the same position, with an empty buffer.
    fn clone(&self) -> Self {
        Self {
            position: self.position,
            ..Self::new(Arc::clone(&self.file), self.size)
        }
    }
}

impl Read for PositionalReader {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(target.len());
        target[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for PositionalReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position < self.size && self.buffered().is_none() {
            self.fill()?;
        }
        Ok(self.buffered().unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.position += count as u64;
    }
}

impl Seek for PositionalReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Reads from `position` until the buffer is full or the file ends, and returns the number of bytes read.
pub(crate) fn read_full_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

#[cfg(test)]
mod tests;

//! Reading the contents of entries.
//!
//! This does not use the reader of the `zip` crate. That one stops at the end of the deflate stream without reporting
//! compressed bytes that follow, which other readers may interpret differently. It also creates a decompressor for each
//! file, and a bundle has thousands.

use std::io::{self, BufRead as _};

use flate2::{Decompress, FlushDecompress, Status};

use super::read::File;
use crate::io::positional_reader::PositionalReader;

/// Maximum bytes per call of `consume`.
const PIECE: usize = 64 << 10;

/// Reads the contents of files. Reuses its memory.
pub(in crate::bundle) struct ContentReader {
    reader: PositionalReader,
    inflater: Decompress,
    piece: Vec<u8>,
}

/// Why reading contents failed.
pub(in crate::bundle) enum ContentError<E> {
    /// The archive cannot be read or is damaged.
    Archive(io::Error),
    /// The consumer failed.
    Consumer(E),
}

impl<E> From<io::Error> for ContentError<E> {
    fn from(error: io::Error) -> Self {
        Self::Archive(error)
    }
}

impl ContentReader {
    pub(in crate::bundle) fn new(reader: PositionalReader) -> Self {
        Self {
            reader,
            inflater: Decompress::new(false),
            piece: vec![0; PIECE],
        }
    }

    /// Passes the contents of `file` to `consume` in pieces.
    pub(in crate::bundle) fn read<E>(
        &mut self,
        file: &File,
        consume: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ContentError<E>> {
        self.reader.jump(file.data_start, file.compressed_size);
        if file.stored {
            self.copy(file.compressed_size, consume)
        } else {
            self.inflate(file.compressed_size, consume)
        }
    }

    fn copy<E>(
        &mut self,
        mut left: u64,
        mut consume: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ContentError<E>> {
        while left > 0 {
            let bytes = at_most(self.reader.fill_buf()?, left);
            if bytes.is_empty() {
                return Err(damaged("truncated"));
            }
            consume(bytes).map_err(ContentError::Consumer)?;
            let count = bytes.len();
            self.reader.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn inflate<E>(
        &mut self,
        mut left: u64,
        mut consume: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), ContentError<E>> {
        self.inflater.reset(false);
        loop {
            let input = at_most(self.reader.fill_buf()?, left);
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let status = self.inflater.decompress(input, &mut self.piece, FlushDecompress::None);
            let status = status.map_err(|_| damaged("corrupt deflate stream"))?;
            let (read, written) = (self.inflater.total_in() - read, self.inflater.total_out() - written);
            // Neither exceeds the length of its buffer.
            self.reader.consume(usize::try_from(read).unwrap_or(usize::MAX));
            left -= read;
            consume(at_most(&self.piece, written)).map_err(ContentError::Consumer)?;
            match status {
                Status::StreamEnd if left == 0 => return Ok(()),
                Status::StreamEnd => return Err(damaged("data follows the end of its deflate stream")),
                _ if read == 0 && written == 0 => return Err(damaged("truncated deflate stream")),
                _ => {}
            }
        }
    }
}

fn at_most(bytes: &[u8], most: u64) -> &[u8] {
    &bytes[..usize::try_from(most).unwrap_or(usize::MAX).min(bytes.len())]
}

fn damaged<E>(problem: &'static str) -> ContentError<E> {
    ContentError::Archive(io::Error::new(io::ErrorKind::InvalidData, problem))
}

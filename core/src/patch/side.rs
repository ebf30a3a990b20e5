//! The sides of a patch: files of a bundle as one sequence of bytes.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::damage::damaged;
use crate::error::{IoContext, Result};
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::release::{FileList, ListedFile};

/// Bytes of a block: small, since most jumps are for a few bytes.
const BLOCK_BITS: u32 = 12;
const BLOCK: usize = 1 << BLOCK_BITS;
/// Blocks in memory: 4 MiB, so that the scattered parts of a chunk are read once.
const BLOCKS: usize = 1 << 10;
/// Files that stay open. Patches mostly go through one file from its start to its end.
const OPEN_FILES: usize = 4;

/// The files on the new side of a patch from `old` to `new`: in the order of the new list, those whose contents are in no old
/// file, and of several with the same contents the first.
#[must_use]
pub fn new_side<'a>(old: &FileList, new: &'a FileList) -> Vec<&'a ListedFile> {
    let mut known: BTreeSet<&[u8; 32]> = old.files().iter().map(|file| file.digest.as_bytes()).collect();
    new.files()
        .iter()
        .filter(|file| known.insert(file.digest.as_bytes()))
        .collect()
}

/// Bytes that are read by position.
pub trait Side {
    /// How many there are.
    fn size(&self) -> u64;

    /// Fills `buffer` from `offset` on, as far as there are bytes, and returns how many it read.
    ///
    /// # Errors
    /// Those of reading.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

impl Side for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Files of a folder, one after the other.
#[derive(Debug)]
pub struct JoinedFiles {
    /// Path, and the number of bytes up to the end of the file.
    files: Vec<(PathBuf, u64)>,
    open: Vec<(usize, File)>,
}

impl JoinedFiles {
    /// `files` of the bundle in `folder`. Opens none yet.
    #[must_use]
    pub fn new<'a>(folder: &Path, files: impl IntoIterator<Item = &'a ListedFile>) -> Self {
        let mut end = 0_u64;
        let files = files.into_iter().map(|file| {
            end = end.saturating_add(file.size);
            (file.path.resolve(folder), end)
        });
        let files = files.collect();
        let open = Vec::new();
        Self { files, open }
    }

    fn file(&mut self, number: usize) -> Result<&File> {
        let place = if let Some(place) = self.open.iter().position(|(open, _)| *open == number) {
            place
        } else {
            let file = regular_file::open(&self.files[number].0)?;
            self.open.truncate(OPEN_FILES - 1);
            self.open.push((number, file));
            self.open.len() - 1
        };
        // The most recent first, so that the one that waits longest is closed.
        self.open[..=place].rotate_right(1);
        Ok(&self.open[0].1)
    }
}

impl Side for JoinedFiles {
    fn size(&self) -> u64 {
        self.files.last().map_or(0, |(_, end)| *end)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let position = offset + filled as u64;
            let number = self.files.partition_point(|(_, end)| *end <= position);
            let Some(&(_, end)) = self.files.get(number) else { break };
            let start = number.checked_sub(1).map_or(0, |before| self.files[before].1);
            let left = usize::try_from(end - position).unwrap_or(usize::MAX);
            let target = left.min(buffer.len() - filled);
            let file = self.file(number)?;
            let count = read_full_at(file, &mut buffer[filled..filled + target], position - start);
            let count = count.with_path("read", &self.files[number].0)?;
            filled += count;
            if count < target {
                return Err(damaged("a file of the old bundle is shorter than its list says"));
            }
        }
        Ok(filled)
    }
}

/// Blocks of the old side in memory.
pub(super) struct Blocks<'a> {
    source: &'a mut dyn Side,
    size: u64,
    bytes: Box<[u8]>,
    /// The number of the block at each place, plus one.
    held: Box<[u64]>,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(source: &'a mut dyn Side) -> Self {
        let size = source.size();
        Self {
            source,
            size,
            bytes: vec![0; BLOCKS * BLOCK].into_boxed_slice(),
            held: vec![0; BLOCKS].into_boxed_slice(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes from `position` to the end of its block; none at the end of the old side.
    pub(super) fn from(&mut self, position: u64) -> Result<&[u8]> {
        if position >= self.size {
            return Ok(&[]);
        }
        let number = position >> BLOCK_BITS;
        #[allow(clippy::cast_possible_truncation, reason = "less than the number of blocks")]
        let place = (number % BLOCKS as u64) as usize;
        let start = number << BLOCK_BITS;
        let length = usize::try_from(self.size - start).unwrap_or(BLOCK).min(BLOCK);
        let block = &mut self.bytes[place << BLOCK_BITS..][..length];
        if self.held[place] != number + 1 {
            self.held[place] = 0;
            if self.source.read_at(start, block)? < length {
                return Err(damaged("the old bundle is shorter than the patch expects"));
            }
            self.held[place] = number + 1;
        }
        let offset = usize::try_from(position - start).unwrap_or(BLOCK);
        Ok(&block[offset..])
    }
}

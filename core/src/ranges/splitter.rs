//! Splits a joined range into entries, and reads each as soon as it is complete.

use std::io::{self, Read};
use std::path::Path;

use flate2::Decompress;

use super::directory::Place;
use super::spool::Spool;
use crate::bundle::parts::{EntryReader, content_error};
use crate::error::{Error, Result};
use crate::release::ListedFile;

/// Receives a file: its place in the list, and a reader of its content. The content is not verified: the receiver
/// compares its size and digest with the list, and reads it to its end.
pub type TakeFile<'a> = &'a mut dyn FnMut(&ListedFile, &mut dyn Read) -> Result<()>;

pub(super) struct Splitter<'a, 'b> {
    spool: &'a mut Spool<'b>,
    /// Names the archive in errors.
    archive: &'a Path,
    take: TakeFile<'a>,
    inflater: Decompress,
    /// The entries that the range still carries, in order.
    places: &'a [Place<'a>],
    /// The position of the next byte in the archive.
    position: u64,
}

impl<'a, 'b> Splitter<'a, 'b> {
    /// Passes the files to `take`.
    pub(super) fn new(spool: &'a mut Spool<'b>, archive: &'a Path, take: TakeFile<'a>) -> Self {
        Self {
            spool,
            archive,
            take,
            inflater: Decompress::new(false),
            places: &[],
            position: 0,
        }
    }

    /// Begins a range that starts with the first of these entries.
    pub(super) fn start(&mut self, places: &'a [Place<'a>]) {
        self.places = places;
        self.position = places.first().map_or(0, |place| place.range.start);
    }

    /// Receives the next bytes of the range.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while let Some((place, others)) = self.places.split_first()
            && !bytes.is_empty()
        {
            let is_between = self.position < place.range.start;
            let until = if is_between { place.range.start } else { place.range.end };
            let length = usize::try_from(until - self.position).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(length.min(bytes.len()));
            bytes = later;
            self.position += now.len() as u64;
            if is_between {
                continue;
            }
            self.spool.write(now)?;
            if self.position == place.range.end {
                self.finish(place)?;
                self.spool.clear()?;
                self.places = others;
            }
        }
        Ok(())
    }

    /// Reads the entry in the spool.
    fn finish(&mut self, place: &Place<'_>) -> Result<()> {
        let Place { file, record, range } = place;
        let refuse = |error: io::Error| -> Error { content_error(error, self.archive, Some(&file.path)) };
        let mut source = self.spool.reader()?;
        let length = range.end - range.start;
        let entry = EntryReader::new(&mut *source, record, file.path.as_str(), length, &mut self.inflater);
        let mut entry = entry.map_err(refuse)?;
        let taken = (self.take)(file, &mut entry);
        if let Some(fault) = entry.take_fault() {
            return Err(refuse(fault));
        }
        taken?;
        entry.finish().map_err(refuse)
    }
}

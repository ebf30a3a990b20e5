//! The directory of an archive, matched with its file list.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use crate::bundle::parts::{DirectoryPlace, Record};
use crate::error::{Error, Result};
use crate::path::printable;
use crate::release::{FileList, ListedFile};

/// The records of an archive that has the files of its list, and no others.
pub(super) struct Directory {
    /// One for each file of the list, in its order.
    records: Vec<Record>,
    /// The positions of all local headers, ascending, and that of the directory.
    starts: Vec<u64>,
}

/// The position of a wanted file.
pub(super) struct Place<'a> {
    pub(super) file: &'a ListedFile,
    pub(super) record: Record,
    /// From its local header to the next entry.
    pub(super) range: Range<u64>,
}

impl Directory {
    /// Reads the directory at `place` from `source`, which begins there.
    pub(super) fn read(place: &DirectoryPlace, source: &mut dyn Read, list: &FileList) -> io::Result<Self> {
        let files = list.files();
        let mut records = vec![None; files.len()];
        let mut starts = vec![place.start];
        place.read_records(source, &mut |name, record| {
            starts.push(record.start.into());
            if name.ends_with(b"/") && record.size == 0 {
                return Ok(());
            }
            let number = files.binary_search_by(|file| file.path.as_str().as_bytes().cmp(name));
            match number
                .ok()
                .and_then(|number| Some((&files[number], records.get_mut(number)?)))
            {
                Some((file, slot @ None)) if file.size == u64::from(record.size) => *slot = Some(record),
                _ => return Err(unlike_list(name)),
            }
            Ok(())
        })?;
        starts.sort_unstable();
        let two = starts.windows(2).any(|pair| pair[0] == pair[1]);
        if two || starts.last() != Some(&place.start) {
            let problem = "two entries have the same position, or one follows the directory";
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        let missing = |number: usize| unlike_list(files[number].path.as_str().as_bytes());
        let found = records.into_iter().enumerate();
        let records = found.map(|(number, record)| record.ok_or_else(|| missing(number)));
        Ok(Self {
            records: records.collect::<io::Result<_>>()?,
            starts,
        })
    }

    /// The position of a file of the list. `archive` names the archive in errors.
    pub(super) fn place<'a>(&self, file: &'a ListedFile, list: &FileList, archive: &Path) -> Result<Place<'a>> {
        let name = file.path.as_str();
        let number = list.files().binary_search_by(|listed| listed.path.cmp(&file.path));
        let Some(record) = number.ok().and_then(|number| self.records.get(number)) else {
            return Err(Error::invalid_input(name, "not in the file list of the archive"));
        };
        let start = u64::from(record.start);
        let next = self.starts.partition_point(|other| *other <= start);
        let end = self.starts.get(next).copied().unwrap_or(start);
        if end - start < record.least_len(name) {
            let entry = Some(printable(name.as_bytes()));
            return Err(Error::unsafe_archive(archive, entry, "overlaps the next entry"));
        }
        Ok(Place {
            file,
            record: *record,
            range: start..end,
        })
    }
}

fn unlike_list(name: &[u8]) -> io::Error {
    let problem = format!(
        "the archive and its file list disagree on {}: it is not in both, twice in one, or of another size",
        printable(name)
    );
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

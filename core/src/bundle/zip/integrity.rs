//! Verifies that every byte of an archive belongs to an entry, to the directory or to the end records.
//!
//! Only then do readers that start at the first byte (Android's `ZipInputStream`) and readers that start at the end
//! (iOS) see the same archive. The `zip` crate looks for local headers in gaps, but misses one that claims the next
//! entry as its extra field. Without gaps there is nothing to miss.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::PositionalReader;
use crate::limits::Limits;
use crate::path::{SafePath, printable};

pub(super) const END_LENGTH: usize = 22;
const LOCATOR_LENGTH: usize = 20;
const END64_LENGTH: usize = 56;
pub(super) const RECORD_LENGTH: usize = 46;
pub(super) const LOCAL_LENGTH: usize = 30;
/// The level of deflate (bits 1 and 2), a descriptor follows (3), the name is UTF-8 (11). All other flags mean
/// encryption, patches or masked headers.
pub(super) const KNOWN_FLAGS: u16 = 0b1000_0000_1110;
pub(super) const DESCRIPTOR_FLAG: u16 = 1 << 3;
/// Maximum mean size of a directory record. The directory is held in memory, including extra fields and comments. Real
/// records have about 100 bytes.
const MAX_RECORD_BYTES: u64 = 1 << 10;
/// Allowance for archives of few entries with long fields.
const SPARE_RECORD_BYTES: u64 = 64 << 10;

/// The position of the directory according to the end records.
pub(in crate::bundle) struct Directory {
    start: u64,
    end: u64,
    count: u64,
}

impl Directory {
    /// Reads the end records, and refuses a directory that is too large for memory before it is parsed. `comment` is
    /// the length of the archive comment.
    pub(in crate::bundle) fn read(
        reader: &mut PositionalReader,
        comment: usize,
        path: &Path,
        limits: &Limits,
    ) -> Result<Self> {
        let mut bytes = RawArchive { reader, path };
        let directory = bytes.directory(comment)?;
        let over = |what, limit| {
            let path = path.to_path_buf();
            Err(Error::LimitExceeded {
                path,
                entry: None,
                what,
                limit,
            })
        };
        let size = directory.end - directory.start;
        if size / (RECORD_LENGTH as u64) < directory.count {
            return Err(bytes.refuse(None, "more entries declared than its directory can hold"));
        }
        if directory.count > limits.entries {
            return over("the number of entries", limits.entries);
        }
        let most = directory.count * MAX_RECORD_BYTES + SPARE_RECORD_BYTES;
        if size > most {
            return over("the size of the archive's directory", most);
        }
        bytes.require_records(&directory)?;
        Ok(directory)
    }

    /// Refuses an archive with bytes that belong to nothing. Returns the position of the contents of each entry.
    pub(in crate::bundle) fn require_no_hidden_bytes(
        &self,
        zip: &ZipArchive<PositionalReader>,
        reader: &mut PositionalReader,
        path: &Path,
    ) -> Result<Vec<u64>> {
        let mut bytes = RawArchive { reader, path };
        if zip.central_directory_start() != self.start || zip.len() as u64 != self.count {
            return Err(bytes.refuse(None, "two readers would find two different directories in it"));
        }
        bytes.require_entries(zip, self.start)
    }
}

struct RawArchive<'a> {
    reader: &'a mut PositionalReader,
    path: &'a Path,
}

impl RawArchive<'_> {
    /// Reads the end record, and the zip64 end record if there is one. They must agree on values that both state.
    fn directory(&mut self, comment: usize) -> Result<Directory> {
        let size = self.reader.seek(SeekFrom::End(0)).with_path("read", self.path)?;
        let end_start = size.saturating_sub((END_LENGTH + comment) as u64);
        let end: [u8; END_LENGTH] = self.read(end_start)?;
        let stated = [
            u16_at(&end, 10).into(),
            u32_at(&end, 12).into(),
            u32_at(&end, 16).into(),
        ];
        let on_one_disk = u32_at(&end, 4) == 0 && u16_at(&end, 8) == u16_at(&end, 10);
        let locator_start = end_start.saturating_sub(LOCATOR_LENGTH as u64);
        let locator: [u8; LOCATOR_LENGTH] = self.read(locator_start)?;
        let ([count, length, start], end, agrees) = if locator.starts_with(b"PK\x06\x07") {
            let record_start = u64_at(&locator, 8);
            let record: [u8; END64_LENGTH] = self.read(record_start)?;
            let wide = [u64_at(&record, 32), u64_at(&record, 40), u64_at(&record, 48)];
            let record_end = u64_at(&record, 4)
                .checked_add(12)
                .and_then(|length| length.checked_add(record_start));
            let in_place = record_end == Some(locator_start);
            let largest = [u64::from(u16::MAX), u64::from(u32::MAX), u64::from(u32::MAX)];
            let same = (0..3).all(|field| stated[field] == largest[field] || stated[field] == wide[field]);
            let on_one_disk = u64_at(&record, 16) == 0 && u64_at(&record, 24) == wide[0] && u32_at(&locator, 16) == 1;
            (wide, record_start, in_place && same && on_one_disk)
        } else {
            (stated, end_start, true)
        };
        if !agrees || !on_one_disk || start.checked_add(length) != Some(end) {
            return Err(self.refuse(None, "its end records contradict each other or the directory"));
        }
        Ok(Directory { start, end, count })
    }

    /// Verifies that the directory consists of contiguous records only.
    fn require_records(&mut self, directory: &Directory) -> Result<()> {
        let mut at = directory.start;
        for _ in 0..directory.count {
            let record: [u8; RECORD_LENGTH] = self.read(at)?;
            let lengths =
                u64::from(u16_at(&record, 28)) + u64::from(u16_at(&record, 30)) + u64::from(u16_at(&record, 32));
            if !record.starts_with(b"PK\x01\x02") || u16_at(&record, 34) != 0 || u16_at(&record, 8) & !KNOWN_FLAGS != 0
            {
                return Err(self.refuse(None, "a directory record is invalid, encrypted or on another disk"));
            }
            at += RECORD_LENGTH as u64 + lengths;
        }
        if at == directory.end {
            Ok(())
        } else {
            Err(self.refuse(None, "its directory contains data other than records"))
        }
    }

    /// Verifies that the entries, including data descriptors, are contiguous from the first byte to the directory.
    fn require_entries(&mut self, zip: &ZipArchive<PositionalReader>, directory_start: u64) -> Result<Vec<u64>> {
        let path = self.path;
        let entry = |index| zip.by_index_data(index).map_err(|error| zip_error(error, path, None));
        let mut starts = (0..zip.len())
            .map(|index| Ok((entry(index)?.header_start(), index)))
            .collect::<Result<Vec<_>>>()?;
        starts.sort_unstable();
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([directory_start]);
        let mut data_starts = vec![0; zip.len()];
        let mut cursor = 0;
        for (&(start, index), end) in starts.iter().zip(ends) {
            let entry = entry(index)?;
            let local: [u8; LOCAL_LENGTH] = self.read(start)?;
            let lengths = u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
            data_starts[index] = start + LOCAL_LENGTH as u64 + lengths;
            let data_end = data_starts[index].saturating_add(entry.compressed_size());
            let described = entry.flags().as_u16() & DESCRIPTOR_FLAG != 0;
            let expected = [u64::from(entry.crc32()), entry.compressed_size(), entry.size()];
            let sound = match end.checked_sub(data_end) {
                Some(0) => !described,
                Some(length) => described && self.is_descriptor(data_end, length, expected)?,
                None => false,
            };
            if start != cursor || !sound {
                let problem = "bytes before or after it belong to no entry, or its data descriptor is wrong";
                return Err(self.refuse(Some(entry.name_raw()), problem));
            }
            cursor = end;
        }
        if cursor == directory_start {
            Ok(data_starts)
        } else {
            Err(self.refuse(None, "data precedes its first entry"))
        }
    }

    /// A descriptor may have a signature, and sizes of 32 or 64 bits. The length determines the form.
    fn is_descriptor(&mut self, start: u64, length: u64, expected: [u64; 3]) -> Result<bool> {
        let (signature, wide) = match length {
            12 => (0, false),
            16 => (4, false),
            20 => (0, true),
            24 => (4, true),
            _ => return Ok(false),
        };
        let mut bytes = [0; 24];
        self.fill(start, &mut bytes[..signature + if wide { 20 } else { 12 }])?;
        let fields = &bytes[signature..];
        let sizes = if wide {
            [u64_at(fields, 4), u64_at(fields, 12)]
        } else {
            [u32_at(fields, 4).into(), u32_at(fields, 8).into()]
        };
        let found = [u64::from(u32_at(fields, 0)), sizes[0], sizes[1]];
        Ok(found == expected && (signature == 0 || bytes.starts_with(b"PK\x07\x08")))
    }

    fn read<const LENGTH: usize>(&mut self, at: u64) -> Result<[u8; LENGTH]> {
        let mut bytes = [0; LENGTH];
        self.fill(at, &mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.reader.seek(SeekFrom::Start(at)).with_path("read", self.path)?;
        match self.reader.read_exact(bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.refuse(None, "a record is past the end of the file"))
            }
            outcome => outcome.with_path("read", self.path),
        }
    }

    fn refuse(&self, entry: Option<&[u8]>, problem: &str) -> Error {
        Error::unsafe_archive(self.path, entry.map(printable), problem)
    }
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// Converts an error of the `zip` crate.
pub(in crate::bundle) fn zip_error(error: ZipError, path: &Path, entry: Option<&SafePath>) -> Error {
    let entry_name = || entry.map(|entry| printable(entry.as_str().as_bytes()));
    match error {
        ZipError::Io(error) => content_error(error, path, entry),
        error => Error::unsafe_archive(path, entry_name(), error.to_string()),
    }
}

/// Converts an error of reading contents: an I/O error if it has an OS error code, otherwise an unsafe archive.
pub(crate) fn content_error(error: io::Error, path: &Path, entry: Option<&SafePath>) -> Error {
    if error.raw_os_error().is_some() {
        return Error::io("read", path, error);
    }
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => "truncated".to_owned(),
        _ => error.to_string(),
    };
    Error::unsafe_archive(path, entry.map(|entry| printable(entry.as_str().as_bytes())), problem)
}

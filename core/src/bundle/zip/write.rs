//! Writing an archive sequentially.
//!
//! APPNOTE.TXT 6.3.10, restricted to what every reader of Capgo's ecosystem accepts (adm-zip, Java `ZipInputStream`,
//! `ZIPFoundation`, Info-ZIP): sizes and CRC in the local header, no data descriptors, no extra fields except zip64 for
//! numbers that do not fit. The output does not depend on the machine, the clock or the disk.
//! `docs/decisions/0001-zip-writer.md` explains why this is not the writer of the `zip` crate.

use std::io::{self, Write};

const LOCAL_SIGNATURE: &[u8; 4] = b"PK\x03\x04";
const CENTRAL_SIGNATURE: &[u8; 4] = b"PK\x01\x02";
const END_SIGNATURE: &[u8; 4] = b"PK\x05\x06";
const ZIP64_END_SIGNATURE: &[u8; 4] = b"PK\x06\x06";
const ZIP64_LOCATOR_SIGNATURE: &[u8; 4] = b"PK\x06\x07";
/// APPNOTE 4.4.4 bit 11: names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// APPNOTE 4.4.2: Unix attributes. The version in the low byte is that of the features used.
const MADE_BY_UNIX: u16 = 3 << 8;
const VERSION_STORED: u16 = 10;
const VERSION_DEFLATE: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// 1980-01-01 00:00:00, the zero of MS-DOS time: the fixed time of every entry.
const DOS_TIME: u16 = 0;
const DOS_DATE: u16 = 1 << 5 | 1;
/// Regular file 0644 and folder 0755 with MS-DOS's folder bit.
const FILE_ATTRIBUTES: u32 = 0o100_644 << 16;
const FOLDER_ATTRIBUTES: u32 = 0o040_755 << 16 | 0x10;
/// The value that refers a reader to the zip64 field, so numbers from it on need that field.
const ZIP64_MARK_32: u32 = u32::MAX;
const ZIP64_MARK_16: u16 = u16::MAX;
const ZIP64_EXTRA_ID: u16 = 1;

/// The compression method of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bundle) enum EntryMethod {
    Stored,
    Deflate,
}

/// The fields of the headers of an entry, except its name.
#[derive(Debug, Clone, Copy)]
pub(in crate::bundle) struct EntryHeader {
    pub(in crate::bundle) method: EntryMethod,
    pub(in crate::bundle) crc32: u32,
    pub(in crate::bundle) size: u64,
    pub(in crate::bundle) compressed_size: u64,
    pub(in crate::bundle) is_folder: bool,
}

/// Writes an archive to `target`: for each entry [`start_entry`](Self::start_entry), then exactly its
/// `compressed_size` bytes through [`Write`]; [`finish`](Self::finish) at the end.
pub(in crate::bundle) struct ArchiveWriter<W> {
    target: W,
    position: u64,
    entries: Vec<(EntryHeader, u64)>,
}

impl<W: Write> ArchiveWriter<W> {
    pub(in crate::bundle) fn new(target: W) -> Self {
        Self {
            target,
            position: 0,
            entries: Vec::new(),
        }
    }

    pub(in crate::bundle) fn start_entry(&mut self, name: &str, header: EntryHeader) -> io::Result<()> {
        self.entries.push((header, self.position));
        let extra = header.local_extra();
        let mut bytes = LOCAL_SIGNATURE.to_vec();
        put_u16(&mut bytes, header.version());
        header.put_common(&mut bytes, extra.is_empty());
        put_u16(&mut bytes, name_length(name)?);
        put_u16(&mut bytes, extra_length(&extra));
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&extra);
        self.write_all(&bytes)
    }

    /// Writes the directory. `names` are the entry names in the same order again, so that the writer need not keep
    /// copies.
    pub(in crate::bundle) fn finish<N: AsRef<str>>(mut self, names: impl Iterator<Item = N>) -> io::Result<W> {
        let start = self.position;
        let entries = std::mem::take(&mut self.entries);
        for ((header, offset), name) in entries.iter().zip(names) {
            self.write_central_header(name.as_ref(), header, *offset)?;
        }
        self.write_end(start, entries.len() as u64)?;
        self.target.flush()?;
        Ok(self.target)
    }

    fn write_central_header(&mut self, name: &str, header: &EntryHeader, offset: u64) -> io::Result<()> {
        let extra = header.central_extra(offset);
        let version = if extra.is_empty() {
            header.version()
        } else {
            VERSION_ZIP64
        };
        let mut bytes = CENTRAL_SIGNATURE.to_vec();
        put_u16(&mut bytes, MADE_BY_UNIX | version);
        put_u16(&mut bytes, version);
        header.put_common(&mut bytes, !header.needs_zip64());
        put_u16(&mut bytes, name_length(name)?);
        put_u16(&mut bytes, extra_length(&extra));
        put_u16(&mut bytes, 0); // comment
        put_u16(&mut bytes, 0); // disk
        put_u16(&mut bytes, 0); // internal attributes
        put_u32(
            &mut bytes,
            if header.is_folder {
                FOLDER_ATTRIBUTES
            } else {
                FILE_ATTRIBUTES
            },
        );
        put_u32(&mut bytes, fit_u32(offset));
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&extra);
        self.write_all(&bytes)
    }

    fn write_end(&mut self, directory: u64, count: u64) -> io::Result<()> {
        let end = self.position;
        let size = end - directory;
        let count_16 = u16::try_from(count).unwrap_or(ZIP64_MARK_16);
        let needs_zip64 =
            count_16 == ZIP64_MARK_16 || [size, directory].iter().any(|number| fit_u32(*number) == ZIP64_MARK_32);
        let mut bytes = Vec::new();
        if needs_zip64 {
            bytes.extend_from_slice(ZIP64_END_SIGNATURE);
            put_u64(&mut bytes, 44); // size of the rest of this record
            put_u16(&mut bytes, MADE_BY_UNIX | VERSION_ZIP64);
            put_u16(&mut bytes, VERSION_ZIP64);
            put_u32(&mut bytes, 0); // disk
            put_u32(&mut bytes, 0); // disk of the directory
            put_u64(&mut bytes, count);
            put_u64(&mut bytes, count);
            put_u64(&mut bytes, size);
            put_u64(&mut bytes, directory);
            bytes.extend_from_slice(ZIP64_LOCATOR_SIGNATURE);
            put_u32(&mut bytes, 0); // disk
            put_u64(&mut bytes, end);
            put_u32(&mut bytes, 1); // disks
        }
        bytes.extend_from_slice(END_SIGNATURE);
        put_u16(&mut bytes, 0); // disk
        put_u16(&mut bytes, 0); // disk of the directory
        put_u16(&mut bytes, count_16);
        put_u16(&mut bytes, count_16);
        put_u32(&mut bytes, fit_u32(size));
        put_u32(&mut bytes, fit_u32(directory));
        put_u16(&mut bytes, 0); // comment
        self.write_all(&bytes)
    }
}

impl<W: Write> Write for ArchiveWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.target.write(bytes)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}

impl EntryHeader {
    fn needs_zip64(&self) -> bool {
        [self.size, self.compressed_size]
            .iter()
            .any(|size| fit_u32(*size) == ZIP64_MARK_32)
    }

    fn version(&self) -> u16 {
        match self.method {
            _ if self.needs_zip64() => VERSION_ZIP64,
            EntryMethod::Deflate => VERSION_DEFLATE,
            EntryMethod::Stored if self.is_folder => VERSION_DEFLATE,
            EntryMethod::Stored => VERSION_STORED,
        }
    }

    /// Writes the fields common to both headers, from the flags to the sizes.
    fn put_common(&self, bytes: &mut Vec<u8>, sizes_fit: bool) {
        put_u16(bytes, FLAGS);
        put_u16(bytes, if self.method == EntryMethod::Deflate { 8 } else { 0 });
        put_u16(bytes, DOS_TIME);
        put_u16(bytes, DOS_DATE);
        put_u32(bytes, self.crc32);
        // APPNOTE 4.5.3: a local zip64 field contains both sizes, so both refer to it.
        put_u32(
            bytes,
            if sizes_fit {
                fit_u32(self.compressed_size)
            } else {
                ZIP64_MARK_32
            },
        );
        put_u32(bytes, if sizes_fit { fit_u32(self.size) } else { ZIP64_MARK_32 });
    }

    fn local_extra(&self) -> Vec<u8> {
        if self.needs_zip64() {
            zip64_extra(&[self.size, self.compressed_size])
        } else {
            Vec::new()
        }
    }

    fn central_extra(&self, offset: u64) -> Vec<u8> {
        let mut numbers = Vec::new();
        if self.needs_zip64() {
            numbers.extend([self.size, self.compressed_size]);
        }
        if fit_u32(offset) == ZIP64_MARK_32 {
            numbers.push(offset);
        }
        if numbers.is_empty() {
            Vec::new()
        } else {
            zip64_extra(&numbers)
        }
    }
}

fn zip64_extra(numbers: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_u16(&mut bytes, ZIP64_EXTRA_ID);
    put_u16(&mut bytes, extra_length(numbers) * 8);
    for number in numbers {
        put_u64(&mut bytes, *number);
    }
    bytes
}

/// The number, or the mark that refers to the zip64 field.
fn fit_u32(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(ZIP64_MARK_32)
}

fn name_length(name: &str) -> io::Result<u16> {
    u16::try_from(name.len())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "entry name longer than 65,535 bytes"))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "an extra field holds at most three numbers and a header: 28 bytes"
)]
fn extra_length<T>(extra: &[T]) -> u16 {
    extra.len() as u16
}

fn put_u16(bytes: &mut Vec<u8>, number: u16) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_u32(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests;

//! Reading parts of an archive that is not at hand as a whole: its directory, and single entries.
//!
//! Everything here is untrusted until the digest of an entry's content was compared. Zip64, comments and several end
//! records are refused; an archive that has them is read as a whole instead.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};

pub(crate) use super::integrity::content_error;
use super::integrity::{DESCRIPTOR_FLAG, END_LENGTH, KNOWN_FLAGS, LOCAL_LENGTH, RECORD_LENGTH, u16_at, u32_at};

/// The values that refer to zip64 fields.
const ZIP64_MARK_16: u16 = u16::MAX;
const ZIP64_MARK_32: u32 = u32::MAX;
const STORED: u16 = 0;
const DEFLATE: u16 = 8;

/// Bytes of the end record of an archive without a comment.
pub(crate) const END_RECORD_LEN: usize = END_LENGTH;

/// Bytes of the directory record of an entry with this name, without extra fields.
pub(crate) fn record_len(name: &str) -> u64 {
    (RECORD_LENGTH + name.len()) as u64
}

/// The position of the directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DirectoryPlace {
    pub(crate) start: u64,
    /// Where it ends and the end record begins.
    pub(crate) end: u64,
    entries: u16,
}

impl DirectoryPlace {
    /// Reads the last bytes of an archive of `size` bytes.
    pub(crate) fn read(end_record: &[u8; END_RECORD_LEN], size: u64) -> io::Result<Self> {
        let start = u64::from(u32_at(end_record, 16));
        let end = size.saturating_sub(END_RECORD_LEN as u64);
        let entries = u16_at(end_record, 10);
        let is_plain = end_record.starts_with(b"PK\x05\x06")
            && u32_at(end_record, 4) == 0
            && u16_at(end_record, 8) == entries
            && entries != ZIP64_MARK_16
            && u16_at(end_record, 20) == 0;
        if !is_plain || start.checked_add(u32_at(end_record, 12).into()) != Some(end) {
            return Err(damaged(
                "its end record is missing, contradicts its size, or has a comment or zip64 fields",
            ));
        }
        Ok(Self { start, end, entries })
    }

    /// Reads the directory and passes each record with its name to `each`.
    pub(crate) fn read_records(
        &self,
        directory: &mut dyn Read,
        each: &mut dyn FnMut(&[u8], Record) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut directory = directory.take(self.end - self.start);
        let mut name = Vec::new();
        for _ in 0..self.entries {
            let mut fixed = [0; RECORD_LENGTH];
            directory.read_exact(&mut fixed)?;
            let record = Record::parse(&fixed)?;
            name.resize(usize::from(u16_at(&fixed, 28)), 0);
            directory.read_exact(&mut name)?;
            skip(
                &mut directory,
                u64::from(u16_at(&fixed, 30)) + u64::from(u16_at(&fixed, 32)),
            )?;
            each(&name, record)?;
        }
        if directory.limit() == 0 {
            Ok(())
        } else {
            Err(damaged("its directory contains data other than records"))
        }
    }
}

/// The record of an entry in the directory, without its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record {
    flags: u16,
    method: u16,
    crc32: u32,
    pub(crate) compressed_size: u32,
    pub(crate) size: u32,
    /// Position of the local header.
    pub(crate) start: u32,
}

impl Record {
    fn parse(fixed: &[u8; RECORD_LENGTH]) -> io::Result<Self> {
        let record = Self {
            flags: u16_at(fixed, 8),
            method: u16_at(fixed, 10),
            crc32: u32_at(fixed, 16),
            compressed_size: u32_at(fixed, 20),
            size: u32_at(fixed, 24),
            start: u32_at(fixed, 42),
        };
        let is_known = fixed.starts_with(b"PK\x01\x02")
            && u16_at(fixed, 34) == 0
            && record.flags & !KNOWN_FLAGS == 0
            && [record.compressed_size, record.size, record.start]
                .iter()
                .all(|number| *number != ZIP64_MARK_32);
        let is_supported = match record.method {
            STORED => record.size == record.compressed_size,
            DEFLATE => true,
            _ => false,
        };
        if is_known && is_supported {
            Ok(record)
        } else {
            Err(damaged(
                "a directory record is invalid, encrypted, of another compression method, or has zip64 fields",
            ))
        }
    }

    /// Bytes of the local header and the content of this entry, without extra fields.
    pub(crate) fn least_len(&self, name: &str) -> u64 {
        (LOCAL_LENGTH + name.len()) as u64 + u64::from(self.compressed_size)
    }

    /// Reads the local header, which must agree with this record. `source` has the `length` bytes from the header to
    /// the next entry.
    fn read_local_header(&self, source: &mut dyn Read, name: &[u8], length: u64) -> io::Result<()> {
        let mut fixed = [0; LOCAL_LENGTH];
        source.read_exact(&mut fixed)?;
        let sizes = [u32_at(&fixed, 14), u32_at(&fixed, 18), u32_at(&fixed, 22)];
        let follows = self.flags & DESCRIPTOR_FLAG != 0 && sizes == [0; 3];
        let agrees = fixed.starts_with(b"PK\x03\x04")
            && u16_at(&fixed, 6) == self.flags
            && u16_at(&fixed, 8) == self.method
            && (follows || sizes == [self.crc32, self.compressed_size, self.size])
            && usize::from(u16_at(&fixed, 26)) == name.len();
        let extra = u64::from(u16_at(&fixed, 28));
        let used = (LOCAL_LENGTH + name.len()) as u64 + extra + u64::from(self.compressed_size);
        let mut found = vec![0; if agrees { name.len() } else { 0 }];
        source.read_exact(&mut found)?;
        if found != name || used > length {
            return Err(damaged("its local header and the directory disagree"));
        }
        skip(source, extra)
    }
}

/// Reads the content of one entry. Ends with an error if the content is longer or shorter than the directory says.
pub(crate) struct EntryReader<'a> {
    source: &'a mut dyn BufRead,
    /// For a compressed entry.
    inflater: Option<&'a mut Decompress>,
    /// Compressed bytes left.
    left: u64,
    /// Plain bytes left.
    size_left: u64,
    ended: bool,
    /// Why reading failed.
    fault: Option<io::Error>,
}

impl<'a> EntryReader<'a> {
    /// `source` has the `length` bytes from the local header of the entry to the next entry.
    pub(crate) fn new(
        source: &'a mut dyn BufRead,
        record: &Record,
        name: &str,
        length: u64,
        inflater: &'a mut Decompress,
    ) -> io::Result<Self> {
        record.read_local_header(&mut &mut *source, name.as_bytes(), length)?;
        inflater.reset(false);
        Ok(Self {
            source,
            inflater: (record.method == DEFLATE).then_some(inflater),
            left: record.compressed_size.into(),
            size_left: record.size.into(),
            ended: false,
            fault: None,
        })
    }

    /// Verifies that the content was read to its end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let rest = self.read(&mut [0]);
        match (rest, self.fault) {
            (Ok(0), None) => Ok(()),
            (Err(fault), None) | (_, Some(fault)) => Err(fault),
            (Ok(_), None) => Err(damaged("its content was not read to the end")),
        }
    }

    /// Why reading failed, if it did. The reader of the content received an error without the reason.
    pub(crate) fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    fn read_piece(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.decode(target)?;
        match self.size_left.checked_sub(count as u64) {
            Some(left) if left == 0 || !self.ended => self.size_left = left,
            _ => return Err(damaged("its content does not have the size that the directory says")),
        }
        Ok(count)
    }

    fn decode(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.source.fill_buf()?;
            let input = &input[..usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len())];
            let Some(inflater) = &mut self.inflater else {
                let count = input.len().min(target.len());
                if count == 0 && self.left > 0 {
                    return Err(damaged("truncated"));
                }
                target[..count].copy_from_slice(&input[..count]);
                self.source.consume(count);
                self.left -= count as u64;
                self.ended = count == 0;
                return Ok(count);
            };
            let (read, written) = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(input, target, FlushDecompress::None);
            let status = status.map_err(|_| damaged("corrupt deflate stream"))?;
            let (read, written) = (inflater.total_in() - read, inflater.total_out() - written);
            // Neither exceeds the length of its buffer.
            let written = usize::try_from(written).unwrap_or(usize::MAX);
            self.source.consume(usize::try_from(read).unwrap_or(usize::MAX));
            self.left -= read;
            match status {
                Status::StreamEnd if self.left > 0 => {
                    return Err(damaged("data follows the end of its deflate stream"));
                }
                Status::StreamEnd => {
                    self.ended = true;
                    return Ok(written);
                }
                _ if written > 0 => return Ok(written),
                _ if read == 0 => return Err(damaged("truncated deflate stream")),
                _ => {}
            }
        }
    }
}

impl Read for EntryReader<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.ended || target.is_empty() {
            return Ok(0);
        }
        self.read_piece(target).map_err(|error| {
            let kind = error.kind();
            self.ended = true;
            self.fault = Some(error);
            kind.into()
        })
    }
}

fn skip(source: &mut dyn Read, count: u64) -> io::Result<()> {
    if io::copy(&mut source.take(count), &mut io::sink())? == count {
        Ok(())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn damaged(problem: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

//! The header of a sealed archive: its recipients and the position of each segment. Specified in docs/format.md.

use std::fs::File;
use std::path::Path;

use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::keys::KeyId;

/// A non-text byte, the name of the format and a line ending. Transfers that alter text or line endings damage it
/// visibly.
const MAGIC: [u8; 8] = *b"\x89CBSEAL\n";
const VERSION: u8 = 1;
/// The segment size of writers of version 1: 64 KiB. Small enough to open a download as it arrives, large enough that
/// the cost of a tag of 16 bytes and of starting a cipher is negligible.
pub(super) const SEGMENT_BITS: u8 = 16;
/// The segment sizes that readers accept. The maximum bounds the memory that a hostile header can make a reader
/// allocate.
const READ_SEGMENT_BITS: std::ops::RangeInclusive<u8> = 12..=20;
pub(super) const MAX_RECIPIENTS: usize = 16;
pub(super) const NONCE_PREFIX_BYTES: usize = 7;
/// The tag of AES-GCM behind each segment.
pub(super) const TAG_BYTES: usize = 16;
/// The largest integer that JSON represents exactly in every language.
const MAX_PLAIN_SIZE: u64 = (1 << 53) - 1;
/// The counter in a nonce has 32 bits.
const MAX_SEGMENTS: u64 = 1 << 32;
/// Bytes of a key wrapped with 2048 to 4096 bits.
const WRAPPED_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Everything before the first recipient.
const FIXED_BYTES: usize = 28;
const KEY_ID_BYTES: usize = 32;
/// The id and the length of the wrapped key.
const RECIPIENT_FIXED_BYTES: usize = KEY_ID_BYTES + 2;
/// The size of the longest valid header.
pub(crate) const MAX_HEADER_BYTES: usize =
    FIXED_BYTES + MAX_RECIPIENTS * (RECIPIENT_FIXED_BYTES + *WRAPPED_BYTES.end());

/// The header of a sealed archive.
///
/// The header alone is not authenticated. Segments open only with the header they were sealed with, and only a release
/// says whose archive it is.
#[derive(Debug, Clone)]
pub struct Header {
    segment_bits: u8,
    pub(super) nonce_prefix: [u8; NONCE_PREFIX_BYTES],
    plain_size: u64,
    pub(super) recipients: Vec<Recipient>,
    size: usize,
    digest: Sha256Digest,
}

/// A content key that the archive is sealed for.
#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) id: KeyId,
    pub(super) wrapped: Vec<u8>,
}

/// Why bytes are not a valid header.
#[derive(Debug)]
pub(super) enum HeaderProblem {
    /// The bytes end within the header.
    Short,
    /// The bytes are not a header.
    Malformed(String),
    /// The header has an unknown version.
    Unsupported(String),
}

impl HeaderProblem {
    pub(super) fn in_file(self, path: &Path) -> Error {
        let problem = match self {
            Self::Short => "truncated within its header".to_owned(),
            Self::Malformed(problem) => problem,
            Self::Unsupported(problem) => {
                let what = path.display().to_string();
                return Error::Unsupported { what, problem };
            }
        };
        let path = path.to_path_buf();
        Error::DecryptionFailed { path, problem }
    }
}

/// Reads the header of the sealed archive at `path`. Needs no key and verifies nothing.
///
/// # Errors
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the file is not a sealed archive or is truncated within
/// its header, [`Unsupported`](crate::ErrorKind::Unsupported) if it has a later version,
/// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if it cannot be read.
pub fn read_header(path: &Path) -> Result<Header> {
    read_from(&regular_file::open(path)?, path)?.map_err(|problem| problem.in_file(path))
}

/// Whether the file at `path` begins with the magic bytes of a sealed archive. Nothing else is read.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if it cannot be read.
pub fn is_sealed(path: &Path) -> Result<bool> {
    let mut first = [0; MAGIC.len()];
    let filled = read_full_at(&regular_file::open(path)?, &mut first, 0).with_path("read", path)?;
    Ok(first[..filled] == MAGIC)
}

pub(super) fn read_from(file: &File, path: &Path) -> Result<Result<Header, HeaderProblem>> {
    let mut bytes = vec![0; MAX_HEADER_BYTES];
    let filled = read_full_at(file, &mut bytes, 0).with_path("read", path)?;
    Ok(Header::parse_start(&bytes[..filled]))
}

impl Header {
    /// Parses the header at the start of `bytes`; further bytes are ignored.
    ///
    /// # Errors
    /// As [`read_header`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_start(bytes).map_err(|problem| problem.in_file(Path::new("sealed archive")))
    }

    pub(super) fn parse_start(bytes: &[u8]) -> Result<Self, HeaderProblem> {
        let mut rest = HeaderReader(bytes);
        rest.require_magic()?;
        let [version] = rest.take_array()?;
        if version != VERSION {
            return Err(HeaderProblem::Unsupported(format!(
                "sealed archive of version {version}; only version {VERSION} is supported"
            )));
        }
        let [segment_bits] = rest.take_array()?;
        if !READ_SEGMENT_BITS.contains(&segment_bits) {
            return Err(malformed(format!(
                "segments of 2^{segment_bits} bytes, expected 2^12 to 2^20"
            )));
        }
        let recipients = usize::from(u16::from_be_bytes(rest.take_array()?));
        if !(1..=MAX_RECIPIENTS).contains(&recipients) {
            return Err(malformed(format!(
                "{recipients} recipients, expected 1 to {MAX_RECIPIENTS}"
            )));
        }
        let nonce_prefix = rest.take_array()?;
        if rest.take_array()? != [0] {
            return Err(malformed("byte 19 is not zero"));
        }
        let plain_size = u64::from_be_bytes(rest.take_array()?);
        if plain_size > MAX_PLAIN_SIZE || segments_of(plain_size, segment_bits) > MAX_SEGMENTS {
            return Err(malformed(format!("{plain_size} plain bytes exceed the maximum")));
        }
        let recipients: Vec<_> = (0..recipients).map(|_| rest.recipient()).collect::<Result<_, _>>()?;
        if !recipients.is_sorted_by(|one, next| one.id.as_bytes() < next.id.as_bytes()) {
            return Err(malformed("its recipients are not sorted or not unique"));
        }
        let size = bytes.len() - rest.0.len();
        Ok(Self {
            segment_bits,
            nonce_prefix,
            plain_size,
            recipients,
            size,
            digest: Sha256Digest::of(&bytes[..size]),
        })
    }

    /// A new header for an archive of `plain_size` bytes, encoded and parsed.
    pub(super) fn write(
        plain_size: u64,
        nonce_prefix: [u8; NONCE_PREFIX_BYTES],
        mut recipients: Vec<Recipient>,
    ) -> Result<(Vec<u8>, Self), HeaderProblem> {
        recipients.sort_by_key(|recipient| *recipient.id.as_bytes());
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, SEGMENT_BITS]);
        bytes.extend(short(recipients.len())?);
        bytes.extend(nonce_prefix);
        bytes.push(0);
        bytes.extend(plain_size.to_be_bytes());
        for Recipient { id, wrapped } in &recipients {
            bytes.extend(id.as_bytes());
            bytes.extend(short(wrapped.len())?);
            bytes.extend(wrapped);
        }
        // Parsing validates the header.
        let header = Self::parse_start(&bytes)?;
        Ok((bytes, header))
    }

    /// The ids of the content keys that the archive is sealed for, in ascending order.
    #[must_use]
    pub fn recipients(&self) -> impl ExactSizeIterator<Item = KeyId> {
        self.recipients.iter().map(|recipient| recipient.id)
    }

    /// Size of the plain archive.
    #[must_use]
    pub fn plain_size(&self) -> u64 {
        self.plain_size
    }

    /// Size of the sealed file.
    #[must_use]
    pub fn sealed_size(&self) -> u64 {
        self.size() + self.plain_size + self.segments() * TAG_BYTES as u64
    }

    /// Size of the header.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Plain bytes of every segment but the last.
    #[must_use]
    pub fn segment_size(&self) -> u32 {
        1 << self.segment_bits
    }

    /// The number of segments, at least 1.
    #[must_use]
    pub fn segments(&self) -> u64 {
        segments_of(self.plain_size, self.segment_bits)
    }

    /// SHA-256 of the header, by which a release identifies the sealed archive.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// The position of segment `number` in the sealed file. For the number after the last, the end of the file.
    pub(super) fn sealed_start(&self, number: u64) -> u64 {
        let whole = u64::from(self.segment_size()) + TAG_BYTES as u64;
        self.sealed_size().min(self.size() + number * whole)
    }

    /// The position of segment `number` in the plain archive. For the number after the last, the end of the archive.
    pub(super) fn plain_start(&self, number: u64) -> u64 {
        self.plain_size.min(number * u64::from(self.segment_size()))
    }
}

fn segments_of(plain_size: u64, segment_bits: u8) -> u64 {
    // An empty archive has one empty segment, so that its end is authenticated too.
    plain_size.div_ceil(1 << segment_bits).max(1)
}

fn short(length: usize) -> Result<[u8; 2], HeaderProblem> {
    let length =
        u16::try_from(length).map_err(|_| malformed(format!("expected at most 65535 bytes, found {length}")))?;
    Ok(length.to_be_bytes())
}

fn malformed(problem: impl Into<String>) -> HeaderProblem {
    HeaderProblem::Malformed(format!("invalid header of a sealed archive: {}", problem.into()))
}

/// The unread rest of a header.
struct HeaderReader<'a>(&'a [u8]);

impl<'a> HeaderReader<'a> {
    /// Checks as many bytes as there are, so that a short file of another kind is malformed, not truncated.
    fn require_magic(&mut self) -> Result<(), HeaderProblem> {
        let begins = MAGIC.iter().zip(self.0).all(|(expected, found)| expected == found);
        if !begins {
            let problem = "not a sealed archive: wrong magic bytes";
            return Err(HeaderProblem::Malformed(problem.to_owned()));
        }
        self.take(MAGIC.len()).map(|_| ())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], HeaderProblem> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HeaderProblem::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], HeaderProblem> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(HeaderProblem::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn recipient(&mut self) -> Result<Recipient, HeaderProblem> {
        let id = KeyId::from_bytes(self.take_array()?);
        let length = usize::from(u16::from_be_bytes(self.take_array()?));
        if !WRAPPED_BYTES.contains(&length) {
            return Err(malformed(format!(
                "expected a wrapped key of 256 to 512 bytes, found {length}"
            )));
        }
        let wrapped = self.take(length)?.to_vec();
        Ok(Recipient { id, wrapped })
    }
}

#[cfg(test)]
mod tests;

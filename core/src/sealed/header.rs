//! The header of a sealed archive: who can open it, and where each of its segments is. Written out in docs/format.md.

use std::fs::File;
use std::path::Path;

use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::read_full_at;
use crate::io::regular_file;
use crate::keys::KeyId;

/// A byte that is no text, what it is, and a line end: a transfer that changes text shows at once.
const MAGIC: [u8; 8] = *b"\x89CBSEAL\n";
const VERSION: u8 = 1;
/// What a writer of version 1 writes: 64 KiB. Small enough to be opened as it arrives, large enough that 16 bytes of tag and
/// the start of a cipher are nothing beside it.
pub(super) const SEGMENT_BITS: u8 = 16;
/// What a reader takes. Above, memory would grow with what a file says of itself.
const READ_SEGMENT_BITS: std::ops::RangeInclusive<u8> = 12..=20;
pub(super) const MAX_RECIPIENTS: usize = 16;
pub(super) const NONCE_PREFIX_BYTES: usize = 7;
/// The tag of AES-GCM behind each segment.
pub(super) const TAG_BYTES: usize = 16;
/// Numbers that JSON in any language keeps.
const MAX_PLAIN_SIZE: u64 = (1 << 53) - 1;
/// The counter in a nonce has 32 bits.
const MAX_SEGMENTS: u64 = 1 << 32;
/// Keys of 2048 to 4096 bits make as many bytes.
const WRAPPED_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// Everything before the first recipient.
const FIXED_BYTES: usize = 28;
const KEY_ID_BYTES: usize = 32;
/// Id, and length of the wrapped key.
const RECIPIENT_FIXED_BYTES: usize = KEY_ID_BYTES + 2;
/// The longest header there is.
pub(crate) const MAX_HEADER_BYTES: usize =
    FIXED_BYTES + MAX_RECIPIENTS * (RECIPIENT_FIXED_BYTES + *WRAPPED_BYTES.end());

/// What the header of a sealed archive says.
///
/// Nobody vouches for it: it is proved by the segments, which only open with the very header they were sealed with, and whose
/// it is only a release says.
#[derive(Debug, Clone)]
pub struct Header {
    segment_bits: u8,
    pub(super) nonce_prefix: [u8; NONCE_PREFIX_BYTES],
    plain_size: u64,
    pub(super) recipients: Vec<Recipient>,
    size: usize,
    digest: Sha256Digest,
}

/// One content key that the archive was sealed for.
#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) id: KeyId,
    pub(super) wrapped: Vec<u8>,
}

/// Why bytes are no header.
#[derive(Debug)]
pub(super) enum Problem {
    /// They end before it does.
    Short,
    /// They cannot be one.
    Malformed(String),
    /// They are one of a version that this reader does not know.
    Unsupported(String),
}

impl Problem {
    pub(super) fn in_file(self, path: &Path) -> Error {
        let problem = match self {
            Self::Short => "it ends within its header: it is cut short".to_owned(),
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

/// Reads the header of the sealed archive at `path`, and nothing behind it. No key is needed, and nothing is proved.
///
/// # Errors
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if it is no sealed archive or ends within its header,
/// [`Unsupported`](crate::ErrorKind::Unsupported) if it is one of a later version, [`NotFound`](crate::ErrorKind::NotFound)
/// and [`Io`](crate::ErrorKind::Io) if it cannot be read.
pub fn read_header(path: &Path) -> Result<Header> {
    read_from(&regular_file::open(path)?, path)?.map_err(|problem| problem.in_file(path))
}

/// Whether the file at `path` begins as a sealed archive does, of whatever version. Nothing else of it is looked at.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound) and [`Io`](crate::ErrorKind::Io) if it cannot be read.
pub fn is_sealed(path: &Path) -> Result<bool> {
    let mut first = [0; MAGIC.len()];
    let filled = read_full_at(&regular_file::open(path)?, &mut first, 0).with_path("read", path)?;
    Ok(first[..filled] == MAGIC)
}

pub(super) fn read_from(file: &File, path: &Path) -> Result<Result<Header, Problem>> {
    let mut bytes = vec![0; MAX_HEADER_BYTES];
    let filled = read_full_at(file, &mut bytes, 0).with_path("read", path)?;
    Ok(Header::parse_start(&bytes[..filled]))
}

impl Header {
    /// Reads a header from the first bytes of a sealed archive; what stands behind it is not looked at.
    ///
    /// # Errors
    /// As [`read_header`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_start(bytes).map_err(|problem| problem.in_file(Path::new("sealed archive")))
    }

    pub(super) fn parse_start(bytes: &[u8]) -> Result<Self, Problem> {
        let mut rest = Bytes(bytes);
        rest.require_magic()?;
        let [version] = rest.take_array()?;
        if version != VERSION {
            return Err(Problem::Unsupported(format!(
                "it is a sealed archive of version {version}, and this is written for version {VERSION}"
            )));
        }
        let [segment_bits] = rest.take_array()?;
        if !READ_SEGMENT_BITS.contains(&segment_bits) {
            return Err(malformed(format!("segments of 2^{segment_bits} bytes")));
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
            return Err(malformed(format!("{plain_size} bytes, more than can be sealed")));
        }
        let recipients: Vec<_> = (0..recipients).map(|_| rest.recipient()).collect::<Result<_, _>>()?;
        if !recipients.is_sorted_by(|one, next| one.id.as_bytes() < next.id.as_bytes()) {
            return Err(malformed("its recipients are not in order, or one is there twice"));
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

    /// The bytes of a new header for an archive of `plain_size` bytes, and what they say.
    pub(super) fn write(
        plain_size: u64,
        nonce_prefix: [u8; NONCE_PREFIX_BYTES],
        mut recipients: Vec<Recipient>,
    ) -> Result<(Vec<u8>, Self), Problem> {
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
        // What this writes it also reads, or it is not written.
        let header = Self::parse_start(&bytes)?;
        Ok((bytes, header))
    }

    /// The ids of the content keys that it was sealed for, in ascending order.
    #[must_use]
    pub fn recipients(&self) -> impl ExactSizeIterator<Item = KeyId> {
        self.recipients.iter().map(|recipient| recipient.id)
    }

    /// Bytes of the plain archive.
    #[must_use]
    pub fn plain_size(&self) -> u64 {
        self.plain_size
    }

    /// Bytes of the whole sealed file.
    #[must_use]
    pub fn sealed_size(&self) -> u64 {
        self.size() + self.plain_size + self.segments() * TAG_BYTES as u64
    }

    /// Bytes of the header.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size as u64
    }

    /// Plain bytes of every segment but the last.
    #[must_use]
    pub fn segment_size(&self) -> u32 {
        1 << self.segment_bits
    }

    /// How many segments follow the header: 1 or more.
    #[must_use]
    pub fn segments(&self) -> u64 {
        segments_of(self.plain_size, self.segment_bits)
    }

    /// SHA-256 of the header: what a release names a sealed archive by.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.digest
    }

    /// Where in the sealed file segment `number` begins; that of the segment behind the last is the end.
    pub(super) fn sealed_start(&self, number: u64) -> u64 {
        let whole = u64::from(self.segment_size()) + TAG_BYTES as u64;
        self.sealed_size().min(self.size() + number * whole)
    }

    /// Where in the plain archive segment `number` begins; that of the segment behind the last is the end.
    pub(super) fn plain_start(&self, number: u64) -> u64 {
        self.plain_size.min(number * u64::from(self.segment_size()))
    }
}

fn segments_of(plain_size: u64, segment_bits: u8) -> u64 {
    // An empty archive is one empty segment, so that its end is proved too.
    plain_size.div_ceil(1 << segment_bits).max(1)
}

fn short(length: usize) -> Result<[u8; 2], Problem> {
    let length = u16::try_from(length).map_err(|_| malformed(format!("{length} bytes where 65535 fit")))?;
    Ok(length.to_be_bytes())
}

fn malformed(problem: impl Into<String>) -> Problem {
    Problem::Malformed(format!(
        "its header is not that of a sealed archive: {}",
        problem.into()
    ))
}

/// What is left to read of a header.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// As early as possible: three bytes of another file suffice to say that it is another file.
    fn require_magic(&mut self) -> Result<(), Problem> {
        let begins = MAGIC.iter().zip(self.0).all(|(expected, found)| expected == found);
        if !begins {
            let problem = "it is not a sealed archive: it begins otherwise";
            return Err(Problem::Malformed(problem.to_owned()));
        }
        self.take(MAGIC.len()).map(|_| ())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Problem> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Problem::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Problem> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Problem::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn recipient(&mut self) -> Result<Recipient, Problem> {
        let id = KeyId::from_bytes(self.take_array()?);
        let length = usize::from(u16::from_be_bytes(self.take_array()?));
        if !WRAPPED_BYTES.contains(&length) {
            return Err(malformed(format!(
                "a wrapped key of {length} bytes, expected 256 to 512"
            )));
        }
        let wrapped = self.take(length)?.to_vec();
        Ok(Recipient { id, wrapped })
    }
}

#[cfg(test)]
mod tests;

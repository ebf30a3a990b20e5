//! Opening single segments of a sealed archive, for a device that fetches only parts of it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::cipher::Cipher;
use super::header::{Header, HeaderProblem, MAX_HEADER_BYTES, SEGMENT_BITS, TAG_BYTES};
use super::opening::{ExpectedSealed, bad_segment, named_header, unlock};
use crate::error::Result;
use crate::keys::ContentKey;

/// Opens segments in any order. Each is authenticated at its position, the last one also as the end of the archive.
pub(crate) struct SegmentOpener {
    header: Header,
    cipher: Cipher,
    sealed: PathBuf,
}

impl SegmentOpener {
    /// The length of the header of an archive of these sizes, if this version wrote it; otherwise the maximum.
    pub(crate) fn header_len(expected: &ExpectedSealed) -> u64 {
        let segments = expected.plain_size.div_ceil(1 << SEGMENT_BITS).max(1);
        let content = segments
            .saturating_mul(TAG_BYTES as u64)
            .saturating_add(expected.plain_size);
        let length = expected.size.saturating_sub(content);
        let most = (MAX_HEADER_BYTES as u64).min(expected.size);
        if (1..=most).contains(&length) { length } else { most }
    }

    /// Checks the header in `start`, the first bytes of an archive, against its digest, and then unwraps the key.
    /// `sealed` names the archive in errors.
    ///
    /// # Errors
    /// As [`open`](super::open), before the first segment.
    pub(crate) fn new(start: &[u8], sealed: &Path, keys: &[&ContentKey], expected: &ExpectedSealed) -> Result<Self> {
        let header = named_header(start, sealed, expected)?.ok_or_else(|| HeaderProblem::Short.in_file(sealed))?;
        let cipher = unlock(sealed, &header, keys)?;
        Ok(Self {
            header,
            cipher,
            sealed: sealed.to_path_buf(),
        })
    }

    /// The segments that hold this not empty range of plain bytes.
    pub(crate) fn segments(&self, plain: &Range<u64>) -> Range<u64> {
        let size = u64::from(self.header.segment_size());
        plain.start / size..plain.end.div_ceil(size)
    }

    /// The position of segments in the sealed file.
    pub(crate) fn sealed_range(&self, segments: &Range<u64>) -> Range<u64> {
        self.header.sealed_start(segments.start)..self.header.sealed_start(segments.end)
    }

    /// The position of segments in the plain archive.
    pub(crate) fn plain_range(&self, segments: &Range<u64>) -> Range<u64> {
        self.header.plain_start(segments.start)..self.header.plain_start(segments.end)
    }

    /// Opens a segment in place and returns its plain bytes.
    ///
    /// # Errors
    /// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if it was changed or is another one.
    pub(crate) fn open<'a>(&self, number: u64, segment: &'a mut [u8]) -> Result<&'a [u8]> {
        let opened = self.cipher.open(number, segment);
        opened.ok_or_else(|| bad_segment(&self.sealed, &self.header, number))
    }
}

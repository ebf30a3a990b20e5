//! The cipher of one sealed archive: AES-256-GCM in STREAM mode. It has no state, so several threads can use it for
//! segments in any order.

use aead_stream::aead::{self, Buffer};
use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use aes_gcm::{Aes256Gcm, KeyInit as _};

use super::header::{Header, TAG_BYTES};
use crate::keys::ARCHIVE_KEY_BYTES;

/// The key is wiped when this is dropped.
pub(super) struct Cipher {
    stream: StreamBE32<Aes256Gcm>,
    /// The associated data of every segment: the digest of the header.
    associated: [u8; 32],
    segments: u64,
}

impl Cipher {
    pub(super) fn new(key: &[u8; ARCHIVE_KEY_BYTES], header: &Header) -> Self {
        Self {
            stream: StreamBE32::from_aead(Aes256Gcm::new(key.into()), (&header.nonce_prefix).into()),
            associated: *header.digest().as_bytes(),
            segments: header.segments(),
        }
    }

    /// Seals a segment in place. It holds plain bytes and room for the tag behind them.
    pub(super) fn seal(&self, number: u64, segment: &mut [u8]) -> Option<()> {
        let length = segment.len().checked_sub(TAG_BYTES)?;
        let (position, is_last) = self.position(number)?;
        let mut segment = Segment { bytes: segment, length };
        self.stream
            .encrypt_in_place(position, is_last, &self.associated, &mut segment)
            .ok()
    }

    /// Opens a segment in place and returns its plain bytes. If the tag is wrong, returns `None` and decrypts nothing.
    pub(super) fn open<'a>(&self, number: u64, segment: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = segment.len();
        let (position, is_last) = self.position(number)?;
        let mut segment = Segment { bytes: segment, length };
        self.stream
            .decrypt_in_place(position, is_last, &self.associated, &mut segment)
            .ok()?;
        Some(&segment.bytes[..segment.length])
    }

    /// The counter of a segment, and whether it is the last.
    fn position(&self, number: u64) -> Option<(u32, bool)> {
        let position = u32::try_from(number).ok()?;
        Some((position, number + 1 == self.segments))
    }
}

/// A [`Buffer`] that works in place: those of `aead` allocate.
struct Segment<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl Buffer for Segment<'_> {
    fn extend_from_slice(&mut self, more: &[u8]) -> aead::Result<()> {
        let end = self.length + more.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(aead::Error)?;
        room.copy_from_slice(more);
        self.length = end;
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl AsRef<[u8]> for Segment<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl AsMut<[u8]> for Segment<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }
}

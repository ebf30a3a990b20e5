//! A writer for invalid sealed archives, from `docs/format.md`. It has its own RSA, and shares only AES-GCM with the reader under
//! test.

use aes_gcm::aead::AeadInOut as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use sha2::{Digest as _, Sha256};

use super::rsa::{Key, oaep_padded};

/// The binary logarithm of the smallest segment size in vectors.
pub const SMALL_SEGMENTS: u8 = 12;

/// The fields of a sealed archive, each of which may be changed.
#[derive(Debug, Clone)]
pub struct SealedArchive {
    /// The magic bytes.
    pub magic: Vec<u8>,
    /// The version.
    pub version: u8,
    /// The binary logarithm of the segment size.
    pub segment_bits: u8,
    /// The number of recipients in the header.
    pub recipient_count: u16,
    /// The first seven bytes of every nonce.
    pub nonce_prefix: [u8; 7],
    /// The reserved byte, which must be zero.
    pub byte_19: u8,
    /// The size of the plain archive in the header.
    pub plain_size: u64,
    /// The recipients in file order.
    pub recipients: Vec<Recipient>,
    /// The archive key.
    pub key: [u8; 32],
    /// The segments.
    pub segments: Vec<Segment>,
    /// Replaces the header as associated data of the segments.
    pub associated: Option<Vec<u8>>,
}

/// A recipient of an archive.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The id of the content key.
    pub id: [u8; 32],
    /// The length of the wrapped key in the header.
    pub length: u16,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
}

/// A segment before encryption.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its plain bytes.
    pub plain: Vec<u8>,
    /// Its number in the nonce.
    pub number: u32,
    /// The last byte of the nonce.
    pub last: u8,
}

impl Recipient {
    /// The owner of `key`, with a valid wrapped archive key.
    #[must_use]
    pub fn of(key: &Key, archive_key: &[u8]) -> Self {
        Self::with_block(key, &oaep_padded::<Sha256, Sha256>(key.size(), b"", archive_key))
    }

    /// The owner of `key`, with a wrapped block of any padding.
    #[must_use]
    pub fn with_block(key: &Key, block: &[u8]) -> Self {
        Self::with_wrapped(key, key.encrypt_block(block))
    }

    /// The owner of `key`, with these bytes as the wrapped key.
    #[must_use]
    pub fn with_wrapped(key: &Key, wrapped: Vec<u8>) -> Self {
        Self {
            id: key.id(),
            length: super::low_u16(wrapped.len()),
            wrapped,
        }
    }
}

impl SealedArchive {
    /// A valid sealed archive of `plain` for the owners of `keys`.
    #[must_use]
    pub fn new(plain: &[u8], segment_bits: u8, keys: &[&Key]) -> Self {
        let key = *b"the key of the archive, 32 bytes";
        let mut recipients: Vec<_> = keys.iter().map(|recipient| Recipient::of(recipient, &key)).collect();
        recipients.sort_by_key(|recipient| recipient.id);
        let mut pieces: Vec<&[u8]> = plain.chunks(1 << segment_bits).collect();
        if pieces.is_empty() {
            pieces.push(&[]);
        }
        let count = pieces.len();
        let segment = |(number, piece): (u32, &[u8])| Segment {
            plain: piece.to_vec(),
            number,
            last: u8::from(number as usize + 1 == count),
        };
        Self {
            magic: b"\x89CBSEAL\n".to_vec(),
            version: 1,
            segment_bits,
            recipient_count: super::low_u16(recipients.len()),
            nonce_prefix: *b"7 bytes",
            byte_19: 0,
            plain_size: plain.len() as u64,
            recipients,
            key,
            segments: (0..).zip(pieces).map(segment).collect(),
            associated: None,
        }
    }

    /// The bytes up to the first segment.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = self.magic.clone();
        bytes.extend([self.version, self.segment_bits]);
        bytes.extend(self.recipient_count.to_be_bytes());
        bytes.extend(self.nonce_prefix);
        bytes.push(self.byte_19);
        bytes.extend(self.plain_size.to_be_bytes());
        for recipient in &self.recipients {
            bytes.extend(recipient.id);
            bytes.extend(recipient.length.to_be_bytes());
            bytes.extend(&recipient.wrapped);
        }
        bytes
    }

    /// Each segment with its tag.
    ///
    /// # Panics
    /// Never: AES-GCM encrypts segments of any size that fits into memory.
    #[must_use]
    pub fn sealed_segments(&self) -> Vec<Vec<u8>> {
        let header = Sha256::digest(self.header());
        let associated = self.associated.as_deref().unwrap_or(header.as_slice());
        let cipher = Aes256Gcm::new(&self.key.into());
        let seal = |segment: &Segment| {
            let mut nonce = [0; 12];
            nonce[..7].copy_from_slice(&self.nonce_prefix);
            nonce[7..11].copy_from_slice(&segment.number.to_be_bytes());
            nonce[11] = segment.last;
            let mut bytes = segment.plain.clone();
            let tag = cipher.encrypt_inout_detached(&nonce.into(), associated, bytes.as_mut_slice().into());
            bytes.extend(tag.expect("a segment is smaller than 64 GiB"));
            bytes
        };
        self.segments.iter().map(seal).collect()
    }

    /// The whole file.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [self.header(), self.sealed_segments().concat()].concat()
    }
}

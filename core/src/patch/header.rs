//! The start of a patch: between which file lists it leads.

use std::io::Read;

use super::damage::damaged;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};

/// A byte that is not text, the name of the format and a line ending: a transfer in text mode damages it visibly.
const MAGIC: [u8; 8] = *b"\x89CBPTCH\n";
const VERSION: u8 = 1;
/// The size of every header.
pub const HEADER_BYTES: usize = 8 + 8 + 32 + 32 + 8 + 8;
/// The largest integer that JSON represents exactly in every language.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// The header of a patch. Nothing in it is proved: compare it with what is known of both bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchHeader {
    /// SHA-256 of the old bundle's file list.
    pub old_list: Sha256Digest,
    /// SHA-256 of the new bundle's file list.
    pub new_list: Sha256Digest,
    /// Bytes of the old side: the sum of the sizes in the old list.
    pub old_size: u64,
    /// Bytes of the new side, which are as many as [`apply`](super::apply) writes.
    pub new_size: u64,
}

impl PatchHeader {
    /// Reads the header from the start of a patch, and nothing behind it.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is no header, [`Unsupported`](crate::ErrorKind::Unsupported)
    /// if it has a later version.
    pub fn read(patch: &mut dyn Read) -> Result<Self> {
        let mut bytes = [0; HEADER_BYTES];
        patch.read_exact(&mut bytes).map_err(super::decoder::read_problem)?;
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self> {
        let (start, rest) = bytes.split_at(16);
        if start[..8] != MAGIC {
            return Err(damaged("does not begin as a patch does"));
        }
        if start[8] != VERSION {
            let (what, problem) = ("patch".to_owned(), "its version is later than this program".to_owned());
            return Err(Error::Unsupported { what, problem });
        }
        if start[9..] != [0; 7] {
            return Err(damaged("its header is malformed"));
        }
        let (mut old_list, mut new_list) = ([0; 32], [0; 32]);
        old_list.copy_from_slice(&rest[..32]);
        new_list.copy_from_slice(&rest[32..64]);
        let header = Self {
            old_list: Sha256Digest::from_bytes(old_list),
            new_list: Sha256Digest::from_bytes(new_list),
            old_size: number(&rest[64..72]),
            new_size: number(&rest[72..80]),
        };
        if header.old_size > MAX_SIZE || header.new_size > MAX_SIZE {
            return Err(damaged("its header is malformed"));
        }
        Ok(header)
    }

    /// The bytes at the start of a patch.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8] = VERSION;
        bytes[16..48].copy_from_slice(self.old_list.as_bytes());
        bytes[48..80].copy_from_slice(self.new_list.as_bytes());
        bytes[80..88].copy_from_slice(&self.old_size.to_be_bytes());
        bytes[88..].copy_from_slice(&self.new_size.to_be_bytes());
        bytes
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

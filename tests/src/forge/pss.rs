//! RSASSA-PSS by hand (RFC 8017 9.1.1), with every part of the encoded message at choice, and a salt that is given: so that
//! vectors are the same every time, and so that what no library would make can be made.

use sha2::{Digest, Sha256, Sha512};

use super::rsa::Key;

/// The parts of an encoded message; [`Pss::sound`] are the right ones.
#[derive(Debug, Clone)]
pub struct Pss {
    /// Random in earnest.
    pub salt: Vec<u8>,
    /// Of the message, and inside the encoded message.
    pub hash: Hash,
    /// In the mask generation function.
    pub mask_hash: Hash,
    /// The last byte.
    pub trailer: u8,
    /// What stands before the salt and ends the padding.
    pub separator: u8,
    /// What the padding is made of.
    pub padding: u8,
    /// Set the bits above the encoded message, which must be zero.
    pub sets_top_bit: bool,
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// The one of releases.
    Sha256,
    /// Another one.
    Sha512,
}

impl Hash {
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(parts.concat()).to_vec(),
            Self::Sha512 => Sha512::digest(parts.concat()).to_vec(),
        }
    }
}

impl Pss {
    /// SHA-256, MGF1 with SHA-256 and 32 bytes of salt, which is not random.
    #[must_use]
    pub fn sound() -> Self {
        Self {
            salt: b"a salt of thirty-two bytes, fix.".to_vec(),
            hash: Hash::Sha256,
            mask_hash: Hash::Sha256,
            trailer: 0xbc,
            separator: 1,
            padding: 0,
            sets_top_bit: false,
        }
    }

    /// The signature of `message` with these parts.
    #[must_use]
    pub fn sign(&self, key: &Key, message: &[u8]) -> Vec<u8> {
        key.sign_block(&self.encode(key, message))
    }

    fn encode(&self, key: &Key, message: &[u8]) -> Vec<u8> {
        // Whole bytes: the moduli of the test keys all fill theirs.
        let size = key.size();
        let inner = self.hash.of(&[&[0; 8], &self.hash.of(&[message]), &self.salt]);
        let padding = vec![self.padding; size - self.salt.len() - inner.len() - 2];
        let mut block = [&padding[..], &[self.separator], &self.salt].concat();
        let mask = self.mask(&inner, block.len());
        for (byte, mask) in block.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        block[0] &= 0x7f;
        if self.sets_top_bit {
            block[0] |= 0x80;
        }
        [&block[..], &inner, &[self.trailer]].concat()
    }

    /// MGF1 (RFC 8017 B.2.1).
    fn mask(&self, seed: &[u8], length: usize) -> Vec<u8> {
        let blocks = (0_u32..).map(|counter| self.mask_hash.of(&[seed, &counter.to_be_bytes()]));
        blocks.flatten().take(length).collect()
    }
}

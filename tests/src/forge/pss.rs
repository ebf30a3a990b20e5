//! RSASSA-PSS (RFC 8017 §9.1.1) with a choice of every part of the encoded message and of the salt, so that vectors are
//! reproducible and can be invalid in ways that libraries do not produce.

use sha2::{Digest, Sha256, Sha512};

use super::rsa::Key;

/// The parts of an encoded message; [`Pss::sound`] has the valid ones.
#[derive(Debug, Clone)]
pub struct Pss {
    /// The salt, which is random in real signatures.
    pub salt: Vec<u8>,
    /// The hash of the message and of the encoded message.
    pub hash: Hash,
    /// The hash of the mask generation function.
    pub mask_hash: Hash,
    /// The trailer byte.
    pub trailer: u8,
    /// The byte between the padding and the salt.
    pub separator: u8,
    /// The padding byte.
    pub padding: u8,
    /// Whether to set the bits above the encoded message, which must be zero.
    pub sets_top_bit: bool,
}

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256, which releases use.
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
    /// SHA-256, MGF1 with SHA-256, and a fixed salt of 32 bytes.
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
        // The moduli of all test keys fill their bytes.
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

    /// MGF1 (RFC 8017 §B.2.1).
    fn mask(&self, seed: &[u8], length: usize) -> Vec<u8> {
        let blocks = (0_u32..).map(|counter| self.mask_hash.of(&[seed, &counter.to_be_bytes()]));
        blocks.flatten().take(length).collect()
    }
}

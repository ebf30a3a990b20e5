//! A writer for Capgo v2: the parts of an encrypted bundle, each of which a vector can corrupt.

use aes::Aes128;
use aes::cipher::{Block, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::rsa::Key;

/// The parts of a valid encrypted bundle.
#[derive(Debug, Clone)]
pub struct SealedParts {
    /// The initialization vector.
    pub iv: Vec<u8>,
    /// The AES key.
    pub session_key: Vec<u8>,
    /// The plain archive.
    pub plain: Vec<u8>,
    /// The ciphertext.
    pub sealed: Vec<u8>,
}

impl SealedParts {
    /// Encrypts `plain` with this session key and IV.
    #[must_use]
    pub fn new(plain: &[u8], session_key: [u8; 16], iv: [u8; 16]) -> Self {
        let padding = 16 - plain.len() % 16;
        let padded = [plain, &vec![super::low_u16(padding).to_le_bytes()[0]; padding]].concat();
        let mut encryptor = cbc::Encryptor::<Aes128>::new(&session_key.into(), &iv.into());
        let mut sealed = Vec::with_capacity(padded.len());
        for plain_block in padded.chunks(16) {
            let mut block = Block::<cbc::Encryptor<Aes128>>::from(as_block(plain_block));
            encryptor.encrypt_block(&mut block);
            sealed.extend(block);
        }
        Self {
            iv: iv.to_vec(),
            session_key: session_key.to_vec(),
            plain: plain.to_vec(),
            sealed,
        }
    }

    /// Replaces the last block of the ciphertext by one that decrypts to `block`, including its padding.
    #[must_use]
    pub fn with_last_plain_block(mut self, block: [u8; 16]) -> Self {
        let start = self.sealed.len() - 16;
        let before: [u8; 16] = if start == 0 {
            as_block(&self.iv)
        } else {
            as_block(&self.sealed[start - 16..start])
        };
        let mut last = Block::<cbc::Encryptor<Aes128>>::from(block);
        cbc::Encryptor::<Aes128>::new(&as_block(&self.session_key).into(), &before.into()).encrypt_block(&mut last);
        self.sealed.truncate(start);
        self.sealed.extend(last);
        self
    }

    /// SHA-256 of the plain archive.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.plain).into()
    }

    /// `base64(iv):base64(rsa(session key))`.
    #[must_use]
    pub fn iv_session_key(&self, key: &Key) -> String {
        format!(
            "{}:{}",
            STANDARD.encode(&self.iv),
            STANDARD.encode(key.sign(&self.session_key))
        )
    }

    /// The checksum in its current form: hex of RSA over the digest.
    #[must_use]
    pub fn checksum_v3(&self, key: &Key) -> String {
        hex(&key.sign(&self.digest()))
    }

    /// The checksum in its old form: base64 of RSA over the 48 bytes of the hex digest decoded as base64.
    #[must_use]
    pub fn checksum_v2(&self, key: &Key) -> String {
        STANDARD.encode(key.sign(&hex_read_as_base64(&self.digest())))
    }
}

/// The result of Node's `Buffer.from(hex, 'base64')` for a digest.
#[must_use]
pub fn hex_read_as_base64(digest: &[u8; 32]) -> Vec<u8> {
    // Cannot fail: 64 characters of the base64 alphabet are 48 bytes without padding.
    STANDARD.decode(hex(digest)).unwrap_or_default()
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// The first 16 bytes, padded with zeros.
fn as_block(bytes: &[u8]) -> [u8; 16] {
    let mut block = [0; 16];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}

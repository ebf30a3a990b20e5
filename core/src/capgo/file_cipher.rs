//! Encryption of the single files of a bundle: all files have the session key and the IV of its archive.

use std::fmt;
use std::io;
use std::io::Read;

use aes::cipher::block_padding::{Padding as _, Pkcs7};
use aes::cipher::{Array, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};

use super::{BLOCK, Decryptor, Encryptor, IvSessionKey, SessionKey, pad};
use crate::error::Result;
use crate::io::pipeline::read_full;
use crate::keys::VerifyingKey;

/// Encrypted bytes per step: large enough that the calls do not count, small enough for many files at once.
const STEP: usize = 32 << 10;

/// Encrypts and decrypts the single files of one bundle.
///
/// As in Capgo's manifests, each file is a stream of its own under the same key and IV. That reveals which files begin
/// alike; the format protects authenticity, not secrecy.
pub struct FileCipher {
    session_key: SessionKey,
    iv: [u8; BLOCK],
}

impl FileCipher {
    /// The cipher of the bundle with this `iv_session_key`, whose session key the private half of `key` wrapped.
    ///
    /// # Errors
    /// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) if it was wrapped with another key,
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if its length does not match the key.
    pub fn new(iv_session_key: &IvSessionKey, key: &VerifyingKey) -> Result<Self> {
        Ok(Self {
            session_key: iv_session_key.recover(key)?,
            iv: iv_session_key.iv,
        })
    }

    /// Encrypts what is read from `plain`, in constant memory.
    #[must_use]
    pub fn encrypt<'a>(&self, plain: &'a mut dyn Read) -> EncryptingReader<'a> {
        EncryptingReader {
            cipher: Encryptor::new(self.session_key.bytes(), &Array::from(self.iv)),
            source: plain,
            buffer: vec![0; STEP + BLOCK],
            ready: 0..0,
            ended: false,
        }
    }

    /// Decrypts what is read from `encrypted`, in constant memory.
    ///
    /// CBC does not detect changes: compare the digest of the result before anything uses it. Reading fails with
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the size is not a positive multiple of 16 or the padding is wrong.
    #[must_use]
    pub fn decrypt<'a>(&self, encrypted: &'a mut dyn Read) -> DecryptingReader<'a> {
        DecryptingReader {
            cipher: Decryptor::new(self.session_key.bytes(), &Array::from(self.iv)),
            source: encrypted,
            buffer: vec![0; STEP + BLOCK],
            held: None,
            ready: 0..0,
            ended: false,
        }
    }
}

impl fmt::Debug for FileCipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("FileCipher").finish_non_exhaustive()
    }
}

/// The encrypted form of another reader.
pub struct EncryptingReader<'a> {
    cipher: Encryptor,
    source: &'a mut dyn Read,
    buffer: Vec<u8>,
    /// The bytes of `buffer` that are not read yet.
    ready: std::ops::Range<usize>,
    ended: bool,
}

impl EncryptingReader<'_> {
    fn fill(&mut self) -> io::Result<()> {
        let count = read_full(&mut self.source, &mut self.buffer[..STEP])?;
        self.ended = count < STEP;
        let end = if self.ended {
            pad(&mut self.buffer, count)
        } else {
            count
        };
        self.cipher
            .encrypt_blocks(Array::slice_as_chunks_mut(&mut self.buffer[..end]).0);
        self.ready = 0..end;
        Ok(())
    }
}

impl Read for EncryptingReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() && !self.ended {
            self.fill()?;
        }
        Ok(take(&self.buffer, &mut self.ready, to))
    }
}

/// The plain form of another reader.
pub struct DecryptingReader<'a> {
    cipher: Decryptor,
    source: &'a mut dyn Read,
    buffer: Vec<u8>,
    /// The last encrypted block that was read. It may be the padded one.
    held: Option<[u8; BLOCK]>,
    /// The bytes of `buffer` that are not read yet.
    ready: std::ops::Range<usize>,
    ended: bool,
}

impl DecryptingReader<'_> {
    fn fill(&mut self) -> io::Result<()> {
        let start = match self.held.take() {
            Some(held) => {
                self.buffer[..BLOCK].copy_from_slice(&held);
                BLOCK
            }
            None => 0,
        };
        let filled = start + read_full(&mut self.source, &mut self.buffer[start..])?;
        if filled == self.buffer.len() {
            let mut held = [0; BLOCK];
            held.copy_from_slice(&self.buffer[STEP..]);
            self.held = Some(held);
            self.cipher
                .decrypt_blocks(Array::slice_as_chunks_mut(&mut self.buffer[..STEP]).0);
            self.ready = 0..STEP;
            return Ok(());
        }
        self.ended = true;
        let (blocks, rest) = Array::slice_as_chunks_mut(&mut self.buffer[..filled]);
        self.cipher.decrypt_blocks(blocks);
        let plain = Pkcs7::unpad_blocks(blocks).ok().filter(|_| rest.is_empty());
        let plain = plain.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, WRONG_PADDING))?;
        self.ready = 0..plain.len();
        Ok(())
    }
}

const WRONG_PADDING: &str = "wrong padding: the file is damaged, truncated or encrypted with another session key";

impl Read for DecryptingReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.ready.is_empty() && !self.ended {
            self.fill()?;
        }
        Ok(take(&self.buffer, &mut self.ready, to))
    }
}

/// Copies ready bytes.
fn take(buffer: &[u8], ready: &mut std::ops::Range<usize>, to: &mut [u8]) -> usize {
    let count = ready.len().min(to.len());
    to[..count].copy_from_slice(&buffer[ready.start..ready.start + count]);
    ready.start += count;
    count
}

impl fmt::Debug for EncryptingReader<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EncryptingReader").finish_non_exhaustive()
    }
}

impl fmt::Debug for DecryptingReader<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("DecryptingReader").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

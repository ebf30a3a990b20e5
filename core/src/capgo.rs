//! Capgo's v2 encryption.
//!
//! The archive is encrypted with AES-128-CBC under a session key. An RSA private key wraps the session key and signs
//! the checksum. The formats (reference: Capgo CLI 8.x and `@capgo/capacitor-updater` 5.10 to 8.x):
//! - encrypted file: AES-128-CBC with PKCS#7 padding, ciphertext only;
//! - `ivSessionKey`: `base64(iv) ":" base64(RSA type 1 (session key))`;
//! - checksum: RSA type 1 of the plain archive's SHA-256, in one of two [`ChecksumForm`]s.
//!
//! It authenticates the archive but does not keep it secret: the public key ships in the app, so anyone who has the app
//! can recover the session key. The signature covers the archive only, not the app or version it is for.

mod checksum;
mod file_cipher;
mod signer;

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

use aes::Aes128;
use aes::cipher::block_padding::{Padding as _, Pkcs7};
use aes::cipher::consts::U16;
use aes::cipher::{Array, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use self::checksum::{ChecksumForm, SignedChecksum};
pub use self::file_cipher::{DecryptingReader, EncryptingReader, FileCipher};
pub use self::signer::{Signer, find_signer};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;
use crate::io::hashing::HashingReader;
use crate::io::pipeline;
use crate::io::pipeline::{CHUNK, Chunk, read_full};
use crate::io::regular_file;
use crate::keys::{SigningKey, VerifyingKey};
use crate::progress::{Control, Phase};
use crate::verified::{Proof, VerifiedArchive};

/// Bytes of an AES block and of the IV.
const BLOCK: usize = 16;
/// AES-128.
const SESSION_KEY_BYTES: usize = 16;

type Encryptor = cbc::Encryptor<Aes128>;
type Decryptor = cbc::Decryptor<Aes128>;

/// The key of one archive. Wiped from memory when dropped; boxed, so that a move leaves no copy behind.
#[derive(Zeroize, ZeroizeOnDrop)]
struct SessionKey(Box<[u8; SESSION_KEY_BYTES]>);

impl SessionKey {
    fn blank() -> Self {
        Self(Box::new([0; SESSION_KEY_BYTES]))
    }

    /// By reference, since a copy would not be wiped.
    fn bytes(&self) -> &Array<u8, U16> {
        self.0.as_ref().into()
    }
}

/// The IV and the wrapped session key of one encrypted archive. Its text form is `base64(iv):base64(wrapped)`.
#[derive(Clone, PartialEq, Eq)]
pub struct IvSessionKey {
    iv: [u8; BLOCK],
    wrapped: Vec<u8>,
}

impl IvSessionKey {
    /// The session key, which the private half of `key` must have wrapped.
    fn unwrap(&self, encrypted: &Path, key: &VerifyingKey) -> Result<SessionKey> {
        self.recover(key).map_err(|error| match error {
            Error::SignatureInvalid { problem, .. } => Error::DecryptionFailed {
                path: encrypted.to_path_buf(),
                problem: format!("the session key was not wrapped with the private half of this key: {problem}"),
            },
            other => other,
        })
    }

    /// The same before there is a file to decrypt.
    fn recover(&self, key: &VerifyingKey) -> Result<SessionKey> {
        if self.wrapped.len() != key.size() {
            let (found, expected) = (self.wrapped.len(), key.size());
            return Err(refused(format!(
                "the wrapped session key: expected {expected} bytes, as the key has, found {found}"
            )));
        }
        let failed = |problem| Error::SignatureInvalid {
            what: "ivSessionKey",
            problem,
        };
        let bytes = key.recover(&self.wrapped, SESSION_KEY_BYTES).map_err(failed)?;
        let mut session_key = SessionKey::blank();
        session_key.0.copy_from_slice(&bytes);
        Ok(session_key)
    }
}

impl FromStr for IvSessionKey {
    type Err = Error;

    /// Parses the text form; a malformed one is [`NotTrusted`](crate::ErrorKind::NotTrusted).
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(refused("missing; with a key configured, the archive must be encrypted"));
        }
        let mut parts = text.split(':');
        let (Some(iv), Some(wrapped), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused(format!(
                "expected two parts, base64(iv):base64(key), found {}",
                text.split(':').count()
            )));
        };
        let iv = BASE64
            .decode(iv)
            .map_err(|_| refused("the IV (first part) is not base64"))?;
        let iv = iv
            .try_into()
            .map_err(|iv: Vec<u8>| refused(format!("the IV: expected {BLOCK} bytes, found {}", iv.len())))?;
        let wrapped = BASE64
            .decode(wrapped)
            .map_err(|_| refused("the wrapped key (second part) is not base64"))?;
        if wrapped.is_empty() {
            return Err(refused("the wrapped key (second part) is empty"));
        }
        Ok(Self { iv, wrapped })
    }
}

impl fmt::Display for IvSessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", BASE64.encode(self.iv), BASE64.encode(&self.wrapped))
    }
}

impl fmt::Debug for IvSessionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("IvSessionKey").finish_non_exhaustive()
    }
}

/// How [`encrypt`] encrypts and signs an archive.
#[derive(Debug, Clone, Copy)]
pub struct Encryption<'a> {
    /// SHA-256 of the plain archive.
    pub expected: &'a Sha256Digest,
    /// Signs the checksum and wraps the session key.
    pub key: &'a SigningKey,
    /// The form of the signed checksum.
    pub form: ChecksumForm,
}

/// The result of [`encrypt`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encrypted {
    /// Devices decrypt the file with it.
    pub iv_session_key: IvSessionKey,
    /// Devices verify the decrypted archive with it.
    pub checksum: SignedChecksum,
    /// SHA-256 of the plain archive.
    pub digest: Sha256Digest,
    /// Bytes of the encrypted file.
    pub size: u64,
}

/// Encrypts the archive `plain` into the file `to` and signs its digest.
///
/// One pass, constant memory, two threads for a large file. `to` is created or replaced atomically. A crash may leave
/// a `.capbundle-*.tmp` file beside it. The session key and the IV are random and new for each call.
///
/// # Errors
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the digest of `plain` is not the expected one;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn encrypt(plain: &Path, to: &Path, encryption: &Encryption<'_>, control: &Control) -> Result<Encrypted> {
    let &Encryption { expected, key, form } = encryption;
    let mut session_key = SessionKey::blank();
    let mut iv = [0; BLOCK];
    getrandom::fill(session_key.0.as_mut()).map_err(Error::random)?;
    getrandom::fill(&mut iv).map_err(Error::random)?;

    let source = regular_file::open(plain)?;
    let total = source.metadata().with_path("read the size of", plain)?.len();
    let source = HashingReader::new(source);
    let mut source = Source {
        bytes: source,
        path: plain,
        total,
    };
    let mut target = atomic_file::temporary_file(atomic_file::folder_of(to), atomic_file::SHARED_MODE)?;
    let cipher = Encryptor::new(session_key.bytes(), &Array::from(iv));
    let size = encrypt_stream(cipher, &mut source, &mut target, control)?;

    let (_, digest, _) = source.bytes.finish();
    if digest != *expected {
        return Err(Error::DigestMismatch {
            path: plain.to_path_buf(),
            expected: *expected,
            found: digest,
        });
    }
    let iv_session_key = IvSessionKey {
        iv,
        wrapped: key.sign_recoverably(session_key.0.as_ref())?,
    };
    let checksum = SignedChecksum::sign(&digest, key, form)?;
    atomic_file::persist(target, to)?;
    Ok(Encrypted {
        iv_session_key,
        checksum,
        digest,
        size,
    })
}

/// How [`decrypt`] decrypts and verifies an archive.
#[derive(Debug, Clone, Copy)]
pub struct Decryption<'a> {
    /// The wrapped session key of the archive.
    pub iv_session_key: &'a IvSessionKey,
    /// The signed digest of the plain archive.
    pub checksum: &'a SignedChecksum,
    /// The key that must have signed both.
    pub key: &'a VerifyingKey,
}

/// Decrypts an archive and verifies the plain bytes against the signed checksum.
///
/// One pass, constant memory, two threads for a large file. The plain bytes are written to a private file in the folder
/// `staging`, which is removed if verification fails. They are not parsed before that. The [`VerifiedArchive`] owns the
/// handle whose bytes were hashed.
///
/// # Errors
/// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) if the checksum was not signed with the key;
/// [`NotTrusted`](crate::ErrorKind::NotTrusted) if the length of a part does not match the key;
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) if the session key was wrapped with another key or the
/// padding is wrong; [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the plain bytes do not match the checksum;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn decrypt(
    encrypted: &Path,
    staging: &Path,
    decryption: &Decryption<'_>,
    control: &Control,
) -> Result<VerifiedArchive> {
    let &Decryption {
        iv_session_key,
        checksum,
        key,
    } = decryption;
    let expected = checksum.verify(key)?;
    let proof = Proof::CapgoSigned(key.id());
    let plain = decrypt_file(
        encrypted,
        staging,
        &UnverifiedDecryption { iv_session_key, key },
        control,
    )?;
    VerifiedArchive::decrypted(plain.file, encrypted, plain.size, plain.digest, proof).require_digest(&expected)
}

/// Verifies an archive that was signed but not encrypted.
///
/// Use it only if local configuration accepts a signature without encryption: Capgo's own plugins require both.
///
/// # Errors
/// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid), [`NotTrusted`](crate::ErrorKind::NotTrusted) and
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) as for [`decrypt`]; [`NotFound`](crate::ErrorKind::NotFound),
/// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn verify_signed_only(
    plain: &Path,
    checksum: &SignedChecksum,
    key: &VerifyingKey,
    control: &Control,
) -> Result<VerifiedArchive> {
    let expected = checksum.verify(key)?;
    VerifiedArchive::hashed(plain, Proof::CapgoSigned(key.id()), control)?.require_digest(&expected)
}

/// How [`decrypt_unverified`] decrypts an archive.
#[derive(Debug, Clone, Copy)]
pub struct UnverifiedDecryption<'a> {
    /// The wrapped session key of the archive.
    pub iv_session_key: &'a IvSessionKey,
    /// The public half of the key that wrapped it.
    pub key: &'a VerifyingKey,
}

/// Decrypts an archive into the file `to` without verifying the result, and returns its digest.
///
/// For examining a bundle whose signed checksum was lost. CBC does not detect changes, so the output may be arbitrary
/// bytes. Only the owner of the file can read it.
///
/// # Errors
/// As [`decrypt`], except those of the checksum.
pub fn decrypt_unverified(
    encrypted: &Path,
    to: &Path,
    decryption: &UnverifiedDecryption<'_>,
    control: &Control,
) -> Result<Sha256Digest> {
    let plain = decrypt_file(encrypted, atomic_file::folder_of(to), decryption, control)?;
    atomic_file::persist(plain.file, to)?;
    Ok(plain.digest)
}

struct Plain {
    file: NamedTempFile,
    digest: Sha256Digest,
    size: u64,
}

/// A file that is read from start to end.
struct Source<'a, R> {
    bytes: R,
    path: &'a Path,
    /// Bytes of the file.
    total: u64,
}

fn decrypt_file(
    encrypted: &Path,
    folder: &Path,
    decryption: &UnverifiedDecryption<'_>,
    control: &Control,
) -> Result<Plain> {
    let &UnverifiedDecryption { iv_session_key, key } = decryption;
    let session_key = iv_session_key.unwrap(encrypted, key)?;
    let cipher = Decryptor::new(session_key.bytes(), &Array::from(iv_session_key.iv));
    let source = regular_file::open(encrypted)?;
    let total = source.metadata().with_path("read the size of", encrypted)?.len();
    if total == 0 || !total.is_multiple_of(BLOCK as u64) {
        let problem = format!(
            "the size, {total} bytes, is not a positive multiple of {BLOCK}: the file is truncated or not encrypted"
        );
        return Err(Error::DecryptionFailed {
            path: encrypted.to_path_buf(),
            problem,
        });
    }
    let mut file = atomic_file::temporary_file(folder, atomic_file::PRIVATE_MODE)?;
    let mut source = Source {
        bytes: source,
        path: encrypted,
        total,
    };
    let (digest, size) = decrypt_stream(cipher, &mut source, &mut file, control)?;
    Ok(Plain { file, digest, size })
}

/// Returns the number of encrypted bytes. The first stage reads and hashes, the second encrypts and writes.
fn encrypt_stream(
    mut cipher: Encryptor,
    source: &mut Source<'_, HashingReader<File>>,
    target: &mut NamedTempFile,
    control: &Control,
) -> Result<u64> {
    let total = source.total;
    let mut done = 0;
    let read = |chunk: &mut Chunk| {
        control.check("encrypt")?;
        chunk.read_from(&mut source.bytes).with_path("read", source.path)
    };
    pipeline::run(total, read, |chunk| {
        let count = chunk.bytes().len();
        let end = if chunk.is_last() {
            pad(chunk.buffer(), count)
        } else {
            count
        };
        let bytes = &mut chunk.buffer()[..end];
        cipher.encrypt_blocks(Array::slice_as_chunks_mut(bytes).0);
        let written = target.write_all(bytes);
        written.with_path("write", target.path())?;
        done += bytes.len() as u64;
        control.report(Phase::Seal, done.min(total), total);
        Ok(())
    })?;
    Ok(done)
}

/// PKCS#7: pads to the end of the block, by a whole block if it is full. Returns the new end.
fn pad(buffer: &mut [u8], end: usize) -> usize {
    let padded = end + BLOCK - end % BLOCK;
    Pkcs7::raw_pad(&mut buffer[end - end % BLOCK..padded], end % BLOCK);
    padded
}

/// Returns the digest and the number of the plain bytes. The first stage reads, decrypts and writes, the second hashes.
fn decrypt_stream(
    mut cipher: Decryptor,
    source: &mut Source<'_, File>,
    target: &mut NamedTempFile,
    control: &Control,
) -> Result<(Sha256Digest, u64)> {
    let (encrypted, total) = (source.path, source.total);
    // The last block of a chunk is held back until the next read, since it may be the padded one.
    let mut held = [0; BLOCK];
    let mut holds = 0;
    let mut done = 0;
    let first = |chunk: &mut Chunk| {
        control.check("decrypt")?;
        let buffer = &mut chunk.buffer()[..CHUNK + BLOCK];
        buffer[..holds].copy_from_slice(&held[..holds]);
        let filled = holds + read_full(&mut source.bytes, &mut buffer[holds..]).with_path("read", encrypted)?;
        let is_last = filled < buffer.len();
        let plain = if is_last {
            let (blocks, rest) = Array::slice_as_chunks_mut(&mut buffer[..filled]);
            cipher.decrypt_blocks(blocks);
            let unpadded = Pkcs7::unpad_blocks(blocks).ok().filter(|_| rest.is_empty());
            unpadded.ok_or_else(|| Error::DecryptionFailed {
                path: encrypted.to_path_buf(),
                problem: "wrong padding: the file is damaged, truncated or encrypted with another session key"
                    .to_owned(),
            })?
        } else {
            held.copy_from_slice(&buffer[CHUNK..]);
            holds = BLOCK;
            cipher.decrypt_blocks(Array::slice_as_chunks_mut(&mut buffer[..CHUNK]).0);
            &buffer[..CHUNK]
        };
        let written = target.write_all(plain);
        written.with_path("write", target.path())?;
        done += plain.len() as u64;
        let plain_length = plain.len();
        chunk.set(plain_length, is_last);
        control.report(Phase::Open, if is_last { total } else { done }, total);
        Ok(())
    };
    let mut hasher = Sha256::new();
    pipeline::run(total, first, |chunk| {
        hasher.update(chunk.bytes());
        Ok(())
    })?;
    Ok((Sha256Digest::from_bytes(hasher.finalize().into()), done))
}

fn refused(problem: impl Into<String>) -> Error {
    Error::not_trusted("ivSessionKey", problem)
}

#[cfg(test)]
mod tests;

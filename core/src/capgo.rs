//! Capgo's v2 protection: AES-128-CBC under a session key, which travels wrapped by an RSA private key beside a
//! checksum signed by the same key.
//!
//! The wire forms (reference: Capgo CLI 8.x and `@capgo/capacitor-updater` 5.10 to 8.x):
//! - sealed file: AES-128-CBC, PKCS#7, nothing but ciphertext;
//! - `ivSessionKey`: `base64(iv) ":" base64(RSA type 1 (session key))`;
//! - checksum: RSA type 1 of the plain archive's SHA-256, in one of two [`ChecksumForm`]s.
//!
//! What it gives and what it does not: the public key ships in the app, so anyone who has the app can take out the
//! session key. It authenticates, it does not keep secret. And the signature covers the archive alone: it does not say
//! which app or version the archive is for.

mod checksum;
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

/// AES block, and so the unit of a sealed file and the length of the IV.
const BLOCK: usize = 16;
/// AES-128.
const SESSION_KEY_BYTES: usize = 16;

type Encryptor = cbc::Encryptor<Aes128>;
type Decryptor = cbc::Decryptor<Aes128>;

/// The content key of one archive. Wiped from memory when dropped; boxed, so that moving it leaves no copy behind.
#[derive(Zeroize, ZeroizeOnDrop)]
struct SessionKey(Box<[u8; SESSION_KEY_BYTES]>);

impl SessionKey {
    fn blank() -> Self {
        Self(Box::new([0; SESSION_KEY_BYTES]))
    }

    /// What a cipher is built from: a reference, since a copy would outlive the wiping.
    fn bytes(&self) -> &Array<u8, U16> {
        self.0.as_ref().into()
    }
}

/// The IV and the wrapped session key of one sealed archive, as text `base64(iv):base64(wrapped)`.
#[derive(Clone, PartialEq, Eq)]
pub struct IvSessionKey {
    iv: [u8; BLOCK],
    wrapped: Vec<u8>,
}

impl IvSessionKey {
    fn unwrap(&self, sealed: &Path, key: &VerifyingKey) -> Result<SessionKey> {
        if self.wrapped.len() != key.size() {
            let (found, expected) = (self.wrapped.len(), key.size());
            return Err(refused(format!(
                "the wrapped session key has {found} bytes; a key of this size makes {expected}"
            )));
        }
        let failed = |problem: String| Error::DecryptionFailed {
            path: sealed.to_path_buf(),
            problem: format!("the session key does not come from the owner of this public key: {problem}"),
        };
        let bytes = key.recover(&self.wrapped, SESSION_KEY_BYTES).map_err(failed)?;
        let mut session_key = SessionKey::blank();
        session_key.0.copy_from_slice(&bytes);
        Ok(session_key)
    }
}

impl FromStr for IvSessionKey {
    type Err = Error;

    /// Reads the text; every malformed part is [`NotTrusted`](crate::ErrorKind::NotTrusted).
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(refused(
                "it is missing, so the archive is not encrypted and signed as the key demands",
            ));
        }
        let mut parts = text.split(':');
        let (Some(iv), Some(wrapped), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(refused(format!(
                "expected base64(iv):base64(key), two parts, found {}",
                text.split(':').count()
            )));
        };
        let iv = BASE64
            .decode(iv)
            .map_err(|_| refused("its first part, the IV, is not base64"))?;
        let iv = iv
            .try_into()
            .map_err(|iv: Vec<u8>| refused(format!("the IV has {} bytes, expected {BLOCK}", iv.len())))?;
        let wrapped = BASE64
            .decode(wrapped)
            .map_err(|_| refused("its second part, the wrapped key, is not base64"))?;
        if wrapped.is_empty() {
            return Err(refused("its second part, the wrapped key, is empty"));
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

/// What [`seal`] made beside the sealed file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sealed {
    /// What the device needs to decrypt the file.
    pub iv_session_key: IvSessionKey,
    /// What the device needs to verify it.
    pub checksum: SignedChecksum,
    /// SHA-256 of the plain archive.
    pub digest: Sha256Digest,
    /// Bytes of the sealed file.
    pub size: u64,
}

/// Seals an archive: encrypts `plain` into the file `to` and signs its digest.
///
/// One pass, constant memory, two threads for a large file. `to` appears whole or not at all and replaces a file that is there; a crash may leave a
/// `.capbundle-*.tmp` file beside it. The session key and IV are fresh random numbers each time.
///
/// # Errors
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if `plain` is not the file that `expected` names;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn seal(
    plain: &Path,
    expected: &Sha256Digest,
    to: &Path,
    key: &SigningKey,
    form: ChecksumForm,
    control: &Control,
) -> Result<Sealed> {
    let mut session_key = SessionKey::blank();
    let mut iv = [0; BLOCK];
    getrandom::fill(session_key.0.as_mut()).map_err(|source| Error::Random { source })?;
    getrandom::fill(&mut iv).map_err(|source| Error::Random { source })?;

    let source = regular_file::open(plain)?;
    let total = source.metadata().with_path("read the size of", plain)?.len();
    let mut source = HashingReader::new(source);
    let mut target = atomic_file::temporary_file(atomic_file::folder_of(to), atomic_file::SHARED_MODE)?;
    let cipher = Encryptor::new(session_key.bytes(), &Array::from(iv));
    let size = encrypt(cipher, &mut source, plain, total, &mut target, control)?;

    let (_, digest, _) = source.finish();
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
    Ok(Sealed {
        iv_session_key,
        checksum,
        digest,
        size,
    })
}

/// Opens a sealed archive: decrypts it and proves that the plain bytes are the ones that `checksum` names.
///
/// One pass, constant memory, two threads for a large file. The plain bytes live in a private file in the folder `staging` and are removed unless
/// the proof holds; nothing reads them as an archive before that. The [`VerifiedArchive`] owns the very handle that
/// was hashed.
///
/// # Errors
/// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) if `checksum` was not made by `key`;
/// [`NotTrusted`](crate::ErrorKind::NotTrusted) if a part has not the length that `key` makes;
/// [`DecryptionFailed`](crate::ErrorKind::DecryptionFailed) for a foreign session key or wrong padding;
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the plain bytes are others than the signed ones;
/// [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace),
/// [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn open(
    sealed: &Path,
    staging: &Path,
    iv_session_key: &IvSessionKey,
    checksum: &SignedChecksum,
    key: &VerifyingKey,
    control: &Control,
) -> Result<VerifiedArchive> {
    let expected = checksum.verify(key)?;
    let proof = Proof::CapgoSigned(key.id()?);
    let plain = decrypt_file(sealed, staging, iv_session_key, key, control)?;
    VerifiedArchive::decrypted(plain.file, sealed, plain.size, plain.digest, proof).require_digest(&expected)
}

/// Proves an archive that was signed but not encrypted.
///
/// Only for where local configuration says that a signature suffices: Capgo's own devices want both.
///
/// # Errors
/// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid), [`NotTrusted`](crate::ErrorKind::NotTrusted) and
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) as [`open`]; [`NotFound`](crate::ErrorKind::NotFound),
/// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn verify_signed_only(
    plain: &Path,
    checksum: &SignedChecksum,
    key: &VerifyingKey,
    control: &Control,
) -> Result<VerifiedArchive> {
    let expected = checksum.verify(key)?;
    VerifiedArchive::hashed(plain, Proof::CapgoSigned(key.id()?), control)?.require_digest(&expected)
}

/// Decrypts into the file `to` without any proof of what the bytes are, and tells their digest.
///
/// For looking at a bundle whose signed checksum was lost. CBC does not notice changes: what comes out may be anything.
/// The file is readable for its owner alone.
///
/// # Errors
/// As [`open`], but for those that come from the checksum.
pub fn decrypt_unverified(
    sealed: &Path,
    to: &Path,
    iv_session_key: &IvSessionKey,
    key: &VerifyingKey,
    control: &Control,
) -> Result<Sha256Digest> {
    let folder = atomic_file::folder_of(to);
    let plain = decrypt_file(sealed, folder, iv_session_key, key, control)?;
    atomic_file::persist(plain.file, to)?;
    Ok(plain.digest)
}

struct Plain {
    file: NamedTempFile,
    digest: Sha256Digest,
    size: u64,
}

fn decrypt_file(
    sealed: &Path,
    folder: &Path,
    iv_session_key: &IvSessionKey,
    key: &VerifyingKey,
    control: &Control,
) -> Result<Plain> {
    let session_key = iv_session_key.unwrap(sealed, key)?;
    let cipher = Decryptor::new(session_key.bytes(), &Array::from(iv_session_key.iv));
    let mut source = regular_file::open(sealed)?;
    let total = source.metadata().with_path("read the size of", sealed)?.len();
    if total == 0 || !total.is_multiple_of(BLOCK as u64) {
        let problem = format!(
            "its size, {total} bytes, is not a positive multiple of {BLOCK}: it is cut short or not a sealed file"
        );
        return Err(Error::DecryptionFailed {
            path: sealed.to_path_buf(),
            problem,
        });
    }
    let mut file = atomic_file::temporary_file(folder, atomic_file::PRIVATE_MODE)?;
    let (digest, size) = decrypt(cipher, &mut source, sealed, total, &mut file, control)?;
    Ok(Plain { file, digest, size })
}

/// Reading and hashing are one stage, encrypting and writing the other.
fn encrypt(
    mut cipher: Encryptor,
    source: &mut HashingReader<File>,
    plain: &Path,
    total: u64,
    target: &mut NamedTempFile,
    control: &Control,
) -> Result<u64> {
    let mut done = 0;
    let read = |chunk: &mut Chunk| {
        control.check("seal")?;
        chunk.read_from(source).with_path("read", plain)
    };
    pipeline::run(total, read, |chunk| {
        let count = chunk.bytes().len();
        let end = if chunk.is_last() {
            pad(chunk.buffer(), count)
        } else {
            count
        };
        let sealed = &mut chunk.buffer()[..end];
        cipher.encrypt_blocks(Array::slice_as_chunks_mut(sealed).0);
        let written = target.write_all(sealed);
        written.with_path("write", target.path())?;
        done += sealed.len() as u64;
        control.report(Phase::Seal, done.min(total), total);
        Ok(())
    })?;
    Ok(done)
}

/// PKCS#7: fills the last block with how many bytes it lacks, a whole block if none. Gives the new end.
fn pad(buffer: &mut [u8], end: usize) -> usize {
    let padded = end + BLOCK - end % BLOCK;
    Pkcs7::raw_pad(&mut buffer[end - end % BLOCK..padded], end % BLOCK);
    padded
}

/// Reading, decrypting and writing are one stage, hashing the other. Gives the digest and number of the plain bytes.
fn decrypt(
    mut cipher: Decryptor,
    source: &mut File,
    sealed: &Path,
    total: u64,
    target: &mut NamedTempFile,
    control: &Control,
) -> Result<(Sha256Digest, u64)> {
    // The last block of a chunk is held back until the end is seen, since it may carry the padding.
    let mut held = [0; BLOCK];
    let mut holds = 0;
    let mut done = 0;
    let open = |chunk: &mut Chunk| {
        control.check("open")?;
        let buffer = &mut chunk.buffer()[..CHUNK + BLOCK];
        buffer[..holds].copy_from_slice(&held[..holds]);
        let filled = holds + read_full(source, &mut buffer[holds..]).with_path("read", sealed)?;
        let is_last = filled < buffer.len();
        let plain = if is_last {
            let (blocks, rest) = Array::slice_as_chunks_mut(&mut buffer[..filled]);
            cipher.decrypt_blocks(blocks);
            let unpadded = Pkcs7::unpad_blocks(blocks).ok().filter(|_| rest.is_empty());
            unpadded.ok_or_else(|| Error::DecryptionFailed {
                path: sealed.to_path_buf(),
                problem: "wrong padding at the end: it is damaged, cut short or sealed with another session key"
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
    pipeline::run(total, open, |chunk| {
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

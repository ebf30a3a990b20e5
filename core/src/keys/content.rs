//! Content keys, which archives are sealed for: RSAES-OAEP (RFC 8017 7.1) with SHA-256, also in MGF1, and an empty
//! label.
//!
//! The private half ships in the app. It keeps archives from anyone without the app, and authenticates nothing. Content
//! keys have their own types because their halves are distributed the other way round than those of a signing key. One
//! modulus in both roles would break both.

use std::fmt;
use std::path::Path;

use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, Oaep, RsaPrivateKey, RsaPublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::file::{Overwrite, read_pem_file, write_key_file};
use super::id::KeyId;
use super::new_key::{self, KeyBits};
use super::pem::{self, Pair, SecretPem};
use super::public::PublicKey;
use super::recovery;
use super::signing::VerifyingKey;
use crate::error::{Error, Result};
use crate::io::atomic_file::{PRIVATE_MODE, SHARED_MODE};

/// Bytes of the key of an archive, for AES-256.
pub(crate) const ARCHIVE_KEY_BYTES: usize = 32;
/// Bits of the largest public exponent that [`PublicKey`] accepts, in whole words.
const EXPONENT_BITS: u32 = 64;

/// The private half of a content key. It ships in the app and opens archives that were sealed for it. Wiped from memory
/// when dropped.
///
/// Anyone who has the app can extract it. It keeps archives from everyone else, such as the operators of the server,
/// the bucket and the CDN.
pub struct ContentKey {
    private: RsaPrivateKey,
    public: PublicContentKey,
}

impl ContentKey {
    /// Generates a key from the operating system's random numbers.
    ///
    /// Takes from a fraction of a second (2048 bits) to several seconds (4096).
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the system's random number generator fails.
    pub fn generate(bits: KeyBits) -> Result<Self> {
        new_key::generate(bits).map(Self::new)
    }

    /// Parses a private key from PEM text: PKCS#8 or PKCS#1, with LF or CRLF line endings.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid); the message says what was found instead: a public key, an
    /// encrypted key, or one of another algorithm or size.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "content key")
    }

    /// Reads a private key from a PEM file.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) if the file cannot be read, otherwise
    /// as [`from_pem`](Self::from_pem).
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_pem_file(path)?, &path.display().to_string())
    }

    fn parse(text: &str, origin: &str) -> Result<Self> {
        let key = pem::private_key(text, &Pair::CONTENT).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self::new(key))
    }

    fn new(private: RsaPrivateKey) -> Self {
        let public = PublicContentKey(PublicKey::of(&private));
        Self { private, public }
    }

    /// The key as PKCS#8 PEM.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<SecretPem> {
        self.private
            .to_pkcs8_pem(LineEnding::LF)
            .map(SecretPem)
            .map_err(|error| Error::key_invalid("content key", error.to_string()))
    }

    /// Writes the key to a PKCS#8 PEM file that only its owner can read (mode 0600 on Unix).
    ///
    /// The write is atomic. A crash may leave a `.tmp` file beside the target.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file exists and `overwrite` is
    /// [`Never`](Overwrite::Never); [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io),
    /// [`NoSpace`](crate::ErrorKind::NoSpace).
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CONTENT, self.to_pem()?.as_bytes(), PRIVATE_MODE, overwrite)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicContentKey {
        &self.public
    }

    /// The archive key in `wrapped`, or `None` if it was wrapped for another key or damaged. The two cases are
    /// deliberately indistinguishable.
    pub(crate) fn unwrap(&self, wrapped: &[u8]) -> Result<Option<Zeroizing<[u8; ARCHIVE_KEY_BYTES]>>> {
        // The random numbers blind the private operation against timing.
        let bytes = self
            .private
            .decrypt_blinded(&mut recovery::system_rng()?, Oaep::<Sha256>::new(), wrapped);
        let Ok(bytes) = bytes.map(Zeroizing::new) else {
            return Ok(None);
        };
        let mut key = Zeroizing::new([0; ARCHIVE_KEY_BYTES]);
        if bytes.len() != key.len() {
            return Ok(None);
        }
        key.copy_from_slice(&bytes);
        Ok(Some(key))
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ContentKey")
            .field("bits", &self.private.n().bits())
            .finish_non_exhaustive()
    }
}

/// The public half of a content key, which CI seals archives for.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicContentKey(PublicKey);

impl PublicContentKey {
    /// Parses a public key from PEM text: SPKI or PKCS#1, with LF or CRLF line endings.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid); the message says what was found instead.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "content key")
    }

    /// Reads a public key from a PEM file.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) if the file cannot be read, otherwise
    /// as [`from_pem`](Self::from_pem).
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_pem_file(path)?, &path.display().to_string())
    }

    fn parse(text: &str, origin: &str) -> Result<Self> {
        let key = pem::public_key(text, &Pair::CONTENT).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self(key))
    }

    /// The key as SPKI PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_public_as_spki(&self.0)
    }

    /// Writes the key to an SPKI PEM file that everyone can read.
    ///
    /// # Errors
    /// As [`ContentKey::write`].
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CONTENT, self.to_pem().as_bytes(), SHARED_MODE, overwrite)
    }

    /// The id of the key: SHA-256 of its SPKI DER.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Whether this key and a signing key have the same modulus. This crate refuses such a pair.
    #[must_use]
    pub fn same_modulus_as(&self, key: &VerifyingKey) -> bool {
        self.0.same_modulus(&key.0)
    }

    /// Whether both have the same modulus; their exponents may differ.
    pub(crate) fn same_modulus(&self, other: &Self) -> bool {
        self.0.same_modulus(&other.0)
    }

    /// Bytes of the modulus and of every wrapped key.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// Wraps the key of an archive for [`ContentKey::unwrap`]. The result is randomised.
    pub(crate) fn wrap(&self, key: &[u8; ARCHIVE_KEY_BYTES]) -> Result<Vec<u8>> {
        let failed = |error: rsa::Error| Error::key_invalid("content key", format!("wrapping failed: {error}"));
        let (modulus, exponent) = self.0.numbers();
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        let exponent = BoxedUint::from_be_slice(&exponent.to_be_bytes(), EXPONENT_BITS)
            .map_err(|error| Error::key_invalid("content key", error.to_string()))?;
        let public = RsaPublicKey::new(modulus, exponent).map_err(failed)?;
        let wrapped = public.encrypt(&mut recovery::system_rng()?, Oaep::<Sha256>::new(), key);
        wrapped.map_err(failed)
    }
}

impl fmt::Debug for PublicContentKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PublicContentKey")
            .field("bits", &self.bits())
            .field("id", &self.id())
            .finish()
    }
}

#[cfg(test)]
mod tests;

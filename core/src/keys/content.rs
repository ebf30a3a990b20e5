//! Keys that archives are sealed for: RSAES-OAEP (RFC 8017 7.1) with SHA-256, also in MGF1, and an empty label.
//!
//! Their private half ships in the app, so it keeps archives from those who have not the app and proves nothing. A type of
//! its own, for the pair is used the other way round than one that signs, and one modulus in both roles would be both broken.

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

/// Bytes of what is wrapped: the key of an archive, for AES-256.
pub(crate) const ARCHIVE_KEY_BYTES: usize = 32;
/// Bits of the largest public exponent that [`PublicKey`] takes, in whole words.
const EXPONENT_BITS: u32 = 64;

/// The private half of a content key: ships in the app and opens what was sealed for it. Wiped from memory when dropped.
///
/// Everybody who has the app can take it out. It keeps an archive from all others: whoever runs the server, the bucket, the
/// CDN.
pub struct ContentKey {
    private: RsaPrivateKey,
    public: PublicContentKey,
}

impl ContentKey {
    /// Makes a new key from the operating system's random numbers.
    ///
    /// Takes from a fraction of a second (2048 bits) to several seconds (4096).
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the system gives no random numbers.
    pub fn generate(bits: KeyBits) -> Result<Self> {
        new_key::generate(bits).map(Self::new)
    }

    /// Reads a private key from PEM text: PKCS#8 or PKCS#1, either kind of line end.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid), saying what the text is instead: a public key, an encrypted one,
    /// one of another kind or size.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "content key")
    }

    /// Reads a private key from a PEM file.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) when it cannot be read, else as
    /// [`from_pem`](Self::from_pem).
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

    /// The key as PKCS#8 PEM. The text wipes itself when dropped.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<SecretPem> {
        self.private
            .to_pkcs8_pem(LineEnding::LF)
            .map(SecretPem)
            .map_err(|error| Error::key_invalid("content key", error.to_string()))
    }

    /// Writes the key as a PKCS#8 PEM file that only its owner may read (mode 0600 on Unix).
    ///
    /// The file appears whole or not at all; a crash may leave a `.tmp` file beside it.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file exists and `overwrite` is
    /// [`Never`](Overwrite::Never); [`Io`](crate::ErrorKind::Io) and its kin.
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CONTENT, self.to_pem()?.as_bytes(), PRIVATE_MODE, overwrite)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicContentKey {
        &self.public
    }

    /// The archive key in `wrapped`; `None` if it was wrapped for another key or damaged, and nobody learns which.
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

/// The public half of a content key: archives are sealed for it in CI.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicContentKey(PublicKey);

impl PublicContentKey {
    /// Reads a public key from PEM text: SPKI or PKCS#1, either kind of line end.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid), saying what the text is instead.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "content key")
    }

    /// Reads a public key from a PEM file.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) when it cannot be read, else as
    /// [`from_pem`](Self::from_pem).
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

    /// Writes the key as an SPKI PEM file that everybody may read.
    ///
    /// # Errors
    /// As [`ContentKey::write`].
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CONTENT, self.to_pem().as_bytes(), SHARED_MODE, overwrite)
    }

    /// The id of this key: SHA-256 of its SPKI DER.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Whether this key and one that signs are one pair in two roles, which nothing of this crate takes.
    #[must_use]
    pub fn same_modulus_as(&self, key: &VerifyingKey) -> bool {
        self.0.same_modulus(&key.0)
    }

    /// Whether both have one modulus, whatever their exponents.
    pub(crate) fn same_modulus(&self, other: &Self) -> bool {
        self.0.same_modulus(&other.0)
    }

    /// Bytes of the modulus, and so of every wrapped key.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// Wraps the key of an archive so that only [`ContentKey::unwrap`] gives it back; different bytes each time.
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

//! Keys that sign checksums, session keys and documents.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::traits::PublicKeyParts as _;
use zeroize::Zeroizing;

use super::file::{Overwrite, read_pem_file, write_key_file};
use super::id::KeyId;
use super::new_key::{self, KeyBits};
use super::pem::{self, Pair, SecretPem};
use super::public::PublicKey;
use super::recovery;
use crate::error::{Error, Result};
use crate::io::atomic_file::{PRIVATE_MODE, SHARED_MODE};

/// Characters in Capgo's key id.
const CAPGO_KEY_ID_LENGTH: usize = 20;

/// A private RSA key that signs checksums and documents and wraps session keys. It belongs in CI only. Wiped from
/// memory when dropped.
pub struct SigningKey(pub(super) RsaPrivateKey);

impl SigningKey {
    /// Generates a key from the operating system's random numbers.
    ///
    /// Takes from a fraction of a second (2048 bits) to several seconds (4096).
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the system's random number generator fails.
    pub fn generate(bits: KeyBits) -> Result<Self> {
        new_key::generate(bits).map(Self)
    }

    /// Parses a private key from PEM text: PKCS#1 or PKCS#8, with LF or CRLF line endings.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid); the message says what was found instead: a public key, an
    /// encrypted key, or one of another algorithm or size.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "key data")
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
        let key = pem::private_key(text, &Pair::CAPGO).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self(key))
    }

    /// The key as PKCS#1 PEM, the format of Capgo's `.capgo_key_v2`.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<SecretPem> {
        self.0
            .to_pkcs1_pem(LineEnding::LF)
            .map(SecretPem)
            .map_err(|error| Error::key_invalid("private key", error.to_string()))
    }

    /// Writes the key to a PKCS#1 PEM file that only its owner can read (mode 0600 on Unix).
    ///
    /// The write is atomic. A crash may leave a `.tmp` file beside the target.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file exists and `overwrite` is
    /// [`Never`](Overwrite::Never); [`NotFound`](crate::ErrorKind::NotFound), [`Io`](crate::ErrorKind::Io),
    /// [`NoSpace`](crate::ErrorKind::NoSpace).
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CAPGO, self.to_pem()?.as_bytes(), PRIVATE_MODE, overwrite)
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(PublicKey::of(&self.0))
    }

    /// Signs `payload` so that [`VerifyingKey::recover`] returns it.
    pub(crate) fn sign_recoverably(&self, payload: &[u8]) -> Result<Vec<u8>> {
        recovery::sign(&self.0, payload)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("bits", &self.0.n().bits())
            .finish_non_exhaustive()
    }
}

/// A public RSA key that verifies signatures. It ships in the app.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(pub(super) PublicKey);

impl VerifyingKey {
    /// Parses a public key from PEM text: PKCS#1 (as Capgo writes it) or SPKI, with LF or CRLF line endings.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid); the message says what was found instead.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "key data")
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
        let key = pem::public_key(text, &Pair::CAPGO).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self(key))
    }

    /// The key as PKCS#1 PEM, the format of Capgo's `.capgo_key_v2.pub` and of the app's configuration.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode_public(&self.0)
    }

    /// Writes the key to a PKCS#1 PEM file that everyone can read.
    ///
    /// # Errors
    /// As [`SigningKey::write`].
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(path, &Pair::CAPGO, self.to_pem().as_bytes(), SHARED_MODE, overwrite)
    }

    /// The id of the key: SHA-256 of its SPKI DER.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.0)
    }

    /// Capgo's id of the key: the first 20 base64 characters of its PKCS#1 DER.
    ///
    /// Only 8 of them differ between two 2048-bit keys. Use it only where Capgo's servers require it.
    #[must_use]
    pub fn capgo_key_id(&self) -> String {
        let mut id = BASE64.encode(self.0.to_pkcs1_der());
        id.truncate(CAPGO_KEY_ID_LENGTH);
        id
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Bytes of the modulus and of every signature.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// The signed payload of exactly `length` bytes, or what is wrong with the signature.
    pub(crate) fn recover(&self, signature: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
        recovery::recover(&self.0, signature, length)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VerifyingKey")
            .field("bits", &self.bits())
            .field("id", &self.id())
            .finish()
    }
}

//! RSA keys, 2048 to 4096 bits, in PEM text or files: those that sign, as Capgo keeps them, and those that archives are
//! sealed for.

mod content;
mod der;
mod pem;
mod pss;
mod public;
mod recovery;

use std::fmt;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::RsaPrivateKey;
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub(crate) use self::content::ARCHIVE_KEY_BYTES;
pub use self::content::{ContentKey, PublicContentKey};
use self::pem::Pair;
use self::public::PublicKey;

use crate::error::{Error, IoContext, Result};

/// Smaller keys can be factored by a determined attacker within the life of an app.
const MIN_BITS: usize = 2048;
/// Larger keys only cost time, and the `rsa` crate stops here too.
const MAX_BITS: usize = 4096;
/// FIPS 186-5 asks for more than 2^16; every tool makes 65537. Exponents as small as 3 invite forgeries.
const MIN_EXPONENT: u64 = 65_537;
/// A PEM file of a 4096-bit private key has 3.3 kB; text around it is tolerated up to here.
const MAX_PEM_BYTES: usize = 64 << 10;
/// `read_to_string` wants room for a probe behind the last byte.
const READ_MARGIN: usize = 64;
/// Characters in Capgo's key id.
const CAPGO_KEY_ID_LENGTH: usize = 20;

/// Identifies a public key: SHA-256 of its SPKI DER, printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    pub(crate) fn from_bytes(id: [u8; 32]) -> Self {
        Self(id)
    }

    fn of(key: &PublicKey) -> Self {
        Self(Sha256::digest(pem::spki_der(key)).into())
    }

    /// The bytes of the id.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

/// The size of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyBits {
    /// 2048 bits: the only size that Capgo's own plugins can use.
    #[default]
    B2048,
    /// 3072 bits.
    B3072,
    /// 4096 bits.
    B4096,
}

impl KeyBits {
    /// The size as a number.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::B2048 => 2048,
            Self::B3072 => 3072,
            Self::B4096 => 4096,
        }
    }
}

/// What to do when a key file is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overwrite {
    /// Fail, and leave it as it is.
    Never,
    /// Put the new one in its place, in one step.
    Replace,
}

/// A private RSA key: signs checksums and wraps session keys, in CI only. Wiped from memory when dropped.
pub struct SigningKey(RsaPrivateKey);

impl SigningKey {
    /// Makes a new key from the operating system's random numbers.
    ///
    /// Takes from a fraction of a second (2048 bits) to several seconds (4096).
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the system gives no random numbers.
    pub fn generate(bits: KeyBits) -> Result<Self> {
        let key = RsaPrivateKey::new(&mut recovery::system_rng()?, bits.count())
            .map_err(|error| Error::key_invalid("new key", error.to_string()))?;
        Ok(Self(key))
    }

    /// Reads a private key from PEM text: PKCS#1 or PKCS#8, either kind of line end.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid), saying what the text is instead: a public key, an encrypted one,
    /// one of another kind or size.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "key data")
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
        let key = pem::private_key(text, &Pair::CAPGO).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self(key))
    }

    /// The key as PKCS#1 PEM, the form Capgo keeps in `.capgo_key_v2`. The text wipes itself when dropped.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<Zeroizing<String>> {
        self.0
            .to_pkcs1_pem(rsa::pkcs1::LineEnding::LF)
            .map_err(|error| Error::key_invalid("private key", error.to_string()))
    }

    /// Writes the key as a PKCS#1 PEM file that only its owner may read (mode 0600 on Unix).
    ///
    /// The file appears whole or not at all; a crash may leave a `.tmp` file beside it.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the file exists and `overwrite` is
    /// [`Never`](Overwrite::Never); [`Io`](crate::ErrorKind::Io) and its kin.
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(
            path,
            &Pair::CAPGO,
            self.to_pem()?.as_bytes(),
            crate::io::atomic_file::PRIVATE_MODE,
            overwrite,
        )
    }

    /// The public half.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(PublicKey::of(&self.0))
    }

    /// Signs `payload` so that [`VerifyingKey::recover`] gives it back.
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

/// A public RSA key: ships in the app and says which bundles it takes.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(PublicKey);

impl VerifyingKey {
    /// Reads a public key from PEM text: PKCS#1 (as Capgo writes it) or SPKI, either kind of line end.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid), saying what the text is instead.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "key data")
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
        let key = pem::public_key(text, &Pair::CAPGO).map_err(|problem| Error::key_invalid(origin, problem))?;
        Ok(Self(key))
    }

    /// The key as PKCS#1 PEM, the form Capgo keeps in `.capgo_key_v2.pub` and in the app's configuration.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn to_pem(&self) -> Result<String> {
        Ok(pem::encode_public(&self.0))
    }

    /// Writes the key as a PKCS#1 PEM file that everybody may read.
    ///
    /// # Errors
    /// As [`SigningKey::write`].
    pub fn write(&self, path: &Path, overwrite: Overwrite) -> Result<()> {
        write_key_file(
            path,
            &Pair::CAPGO,
            self.to_pem()?.as_bytes(),
            crate::io::atomic_file::SHARED_MODE,
            overwrite,
        )
    }

    /// The id of this key: SHA-256 of its SPKI DER.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn id(&self) -> Result<KeyId> {
        Ok(KeyId::of(&self.0))
    }

    /// Capgo's id of this key: the first 20 base64 characters of its PKCS#1 DER, whatever form it was read from.
    ///
    /// Only 8 of them differ between two 2048-bit keys; use it where Capgo's servers want it and nowhere else.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if the key cannot be encoded.
    pub fn capgo_key_id(&self) -> Result<String> {
        let mut id = BASE64.encode(self.0.to_pkcs1_der());
        id.truncate(CAPGO_KEY_ID_LENGTH);
        Ok(id)
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.0.bits()
    }

    /// Bytes of the modulus, and so of everything signed with this key.
    pub(crate) fn size(&self) -> usize {
        self.0.size()
    }

    /// The payload of exactly `length` bytes that was signed, or what is wrong with the signature.
    pub(crate) fn recover(&self, signature: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
        recovery::recover(&self.0, signature, length)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("VerifyingKey");
        debug.field("bits", &self.bits());
        if let Ok(id) = self.id() {
            debug.field("id", &id);
        }
        debug.finish()
    }
}

fn read_pem_file(path: &Path) -> Result<Zeroizing<String>> {
    let file = File::open(path).with_path("open key file", path)?;
    // All the room at once, with some to spare so that the reader asks for no more: a text that grows leaves unwiped
    // copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_PEM_BYTES + READ_MARGIN));
    // One byte more than is allowed, so that a longer file is seen to be longer.
    file.take(MAX_PEM_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                Error::key_invalid(path.display().to_string(), "not a PEM file: it is not text")
            }
            _ => Error::io("read key file", path, error),
        })?;
    if text.len() > MAX_PEM_BYTES {
        let problem = format!("not a PEM file: longer than {MAX_PEM_BYTES} bytes");
        return Err(Error::key_invalid(path.display().to_string(), problem));
    }
    Ok(text)
}

fn write_key_file(path: &Path, pair: &Pair, pem: &[u8], mode: u32, overwrite: Overwrite) -> Result<()> {
    // Looked at first for a good message; `persist_noclobber` is what makes it sure.
    if overwrite == Overwrite::Never && fs::symlink_metadata(path).is_ok() {
        return Err(key_exists(path, pair));
    }
    let folder = crate::io::atomic_file::folder_of(path);
    let mut file = crate::io::atomic_file::temporary_file(folder, mode)?;
    file.write_all(pem).with_path("write key file", path)?;
    file.as_file().sync_all().with_path("write key file", path)?;
    match overwrite {
        Overwrite::Replace => file
            .persist(path)
            .map_err(|error| Error::io("write key file", path, error.error))?,
        Overwrite::Never => file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => key_exists(path, pair),
            _ => Error::io("write key file", path, error.error),
        })?,
    };
    crate::io::atomic_file::sync_folder(folder)
}

fn key_exists(path: &Path, pair: &Pair) -> Error {
    let problem = format!(
        "a key is already there; {}, so it is not replaced unasked",
        pair.carried
    );
    Error::invalid_input(path.display().to_string(), problem)
}

#[cfg(test)]
mod tests;

//! Capgo's signed checksum, in its two forms.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::digest::{Sha256Digest, decode_hex};
use crate::error::{Error, Result};
use crate::keys::{SigningKey, VerifyingKey};

/// The form of a signed checksum. It comes from local configuration and is never detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChecksumForm {
    /// Hexadecimal RSA over the 32 bytes of the digest: plugins since 5.30, 6.30 and 7.30.
    #[default]
    V3,
    /// Base64 RSA over 48 bytes: the 64 hexadecimal digits of the digest, decoded as base64. A quirk of the older CLI
    /// and plugins.
    V2,
}

impl ChecksumForm {
    fn payload(self, digest: &Sha256Digest) -> Result<Vec<u8>> {
        match self {
            Self::V3 => Ok(digest.as_bytes().to_vec()),
            // 64 characters of the base64 alphabet always decode.
            Self::V2 => BASE64
                .decode(digest.to_string())
                .map_err(|error| refused(error.to_string())),
        }
    }

    fn digest(self, payload: &[u8]) -> Result<Sha256Digest> {
        match self {
            Self::V3 => {
                let bytes = payload
                    .try_into()
                    .map_err(|_| refused("the signed payload is not 32 bytes"))?;
                Ok(Sha256Digest::from_bytes(bytes))
            }
            Self::V2 => BASE64.encode(payload).parse().map_err(|_| Error::SignatureInvalid {
                what: "checksum",
                problem: "the signed payload is not a SHA-256 in the V2 form".to_owned(),
            }),
        }
    }

    fn payload_length(self) -> usize {
        match self {
            Self::V3 => 32,
            Self::V2 => 48,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::V3 => "V3 (hexadecimal)",
            Self::V2 => "V2 (base64)",
        }
    }
}

/// A digest signed with an RSA key: the field `checksum` of Capgo's API.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedChecksum {
    signature: Vec<u8>,
    form: ChecksumForm,
}

impl SignedChecksum {
    /// Parses a signed checksum in the given form.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) for any other text: an empty one, an unsigned SHA-256 or CRC-32,
    /// the other form.
    pub fn parse(text: &str, form: ChecksumForm) -> Result<Self> {
        if text.is_empty() {
            return Err(refused("missing; with a key configured, every bundle must be signed"));
        }
        if let Some(plain @ (4 | 32)) = decode_hex(text).map(|bytes| bytes.len()) {
            let name = if plain == 4 { "CRC-32" } else { "SHA-256" };
            return Err(refused(format!(
                "unsigned {name}; with a key configured, it must be signed"
            )));
        }
        let signature = match form {
            ChecksumForm::V3 => decode_hex(text),
            ChecksumForm::V2 => BASE64.decode(text).ok(),
        };
        let signature = signature.filter(|bytes| !bytes.is_empty());
        let signature = signature.ok_or_else(|| refused(format!("not in the form {}", form.name())))?;
        Ok(Self { signature, form })
    }

    /// Signs a digest.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) if signing fails, [`Io`](crate::ErrorKind::Io) if the system's
    /// random number generator, which blinds the operation, fails.
    pub fn sign(digest: &Sha256Digest, key: &SigningKey, form: ChecksumForm) -> Result<Self> {
        let signature = key.sign_recoverably(&form.payload(digest)?)?;
        Ok(Self { signature, form })
    }

    /// Verifies the signature and returns the signed digest.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if the length does not match `key`,
    /// [`SignatureInvalid`](crate::ErrorKind::SignatureInvalid) if it was signed with another key or changed.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Sha256Digest> {
        let (found, expected) = (self.signature.len(), key.size());
        if found != expected {
            return Err(refused(format!(
                "the signature: expected {expected} bytes, as the key has, found {found}"
            )));
        }
        let payload = key
            .recover(&self.signature, self.form.payload_length())
            .map_err(|problem| Error::SignatureInvalid {
                what: "checksum",
                problem,
            })?;
        self.form.digest(&payload)
    }
}

impl fmt::Display for SignedChecksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.form {
            ChecksumForm::V3 => self
                .signature
                .iter()
                .try_for_each(|byte| write!(formatter, "{byte:02x}")),
            ChecksumForm::V2 => formatter.write_str(&BASE64.encode(&self.signature)),
        }
    }
}

impl fmt::Debug for SignedChecksum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SignedChecksum({}: {self})", self.form.name())
    }
}

fn refused(problem: impl Into<String>) -> Error {
    Error::not_trusted("checksum", problem)
}

//! The id of a public key.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::pem;
use super::public::PublicKey;
use crate::digest::Sha256Digest;
use crate::error::{Error, Result};

/// Identifies a public key: SHA-256 of its SPKI DER, printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

impl KeyId {
    pub(crate) fn from_bytes(id: [u8; 32]) -> Self {
        Self(id)
    }

    pub(super) fn of(key: &PublicKey) -> Self {
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

impl FromStr for KeyId {
    type Err = Error;

    /// Parses 64 hexadecimal digits; other text is [`InvalidInput`](crate::ErrorKind::InvalidInput).
    fn from_str(text: &str) -> Result<Self> {
        let digest = text.parse().map_err(|_| {
            let problem = format!(
                "expected 64 hexadecimal digits, found {} characters",
                text.chars().count()
            );
            Error::invalid_input("key id", problem)
        })?;
        Ok(Self::of_digest(&digest))
    }
}

impl KeyId {
    /// The id with the bytes of this digest.
    pub(crate) fn of_digest(digest: &Sha256Digest) -> Self {
        Self::from_bytes(*digest.as_bytes())
    }
}

/// Serialized as it is printed.
impl serde::Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

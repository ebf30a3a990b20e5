//! The public keys that an app trusts at the same time, so that the signing key can be replaced.

use std::iter;
use std::path::Path;

use super::file::read_pem_file;
use super::pem::{self, Pair};
use super::signing::VerifyingKey;
use crate::error::{Error, Result};

/// A rotation needs two keys: the old one and the new one. Twice that leaves room for one that overlaps another. Each
/// key more is a key more that an attacker can steal.
pub(super) const MAX_KEYS: usize = 4;

/// One to four public keys. An archive is accepted if one of them signed it.
///
/// An app that is about to change its signing key ships with the old key and the new one; `docs/key-rotation.md` has
/// the steps. The order does not matter for verification. Requests to an update server carry the id of the first key,
/// see [`capgo_key_id`](Self::capgo_key_id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKeys {
    first: VerifyingKey,
    others: Vec<VerifyingKey>,
}

impl VerifyingKeys {
    /// The set of these keys.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid) for no key, for more than four, and if two have the same modulus.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<Self> {
        Self::checked(keys).map_err(|problem| Error::key_invalid("public keys", problem))
    }

    /// Parses the keys from PEM text with one block for each key, one after the other. Each block is checked as
    /// [`VerifyingKey::from_pem`] checks a single one. Text before and between the blocks is ignored.
    ///
    /// # Errors
    /// [`KeyInvalid`](crate::ErrorKind::KeyInvalid); for several blocks the message says which one is invalid.
    pub fn from_pem(text: &str) -> Result<Self> {
        Self::parse(text, "key data")
    }

    /// Reads the keys from a PEM file with one block for each key.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) or [`Io`](crate::ErrorKind::Io) if the file cannot be read, otherwise
    /// as [`from_pem`](Self::from_pem).
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read_pem_file(path)?, &path.display().to_string())
    }

    fn parse(text: &str, origin: &str) -> Result<Self> {
        let keys = pem::public_keys(text, &Pair::CAPGO);
        let keys = keys.map(|keys| keys.into_iter().map(VerifyingKey).collect());
        keys.and_then(Self::checked)
            .map_err(|problem| Error::key_invalid(origin, problem))
    }

    fn checked(mut keys: Vec<VerifyingKey>) -> Result<Self, String> {
        if keys.is_empty() {
            return Err(format!("expected 1 to {MAX_KEYS} public keys, found none"));
        }
        if keys.len() > MAX_KEYS {
            let found = keys.len();
            return Err(format!(
                "expected at most {MAX_KEYS} public keys, found {found}; remove those that sign no more"
            ));
        }
        for (index, key) in keys.iter().enumerate() {
            if let Some(earlier) = keys[..index].iter().position(|other| other.0.same_modulus(&key.0)) {
                let (earlier, later) = (earlier + 1, index + 1);
                return Err(format!(
                    "the public keys {earlier} and {later} have the same modulus, so they are one key; list it once"
                ));
            }
        }
        let first = keys.remove(0);
        Ok(Self { first, others: keys })
    }

    /// The first key.
    #[must_use]
    pub fn first(&self) -> &VerifyingKey {
        &self.first
    }

    /// Each key, in order.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        iter::once(&self.first).chain(&self.others)
    }

    /// Capgo's id of the first key, for the member `key_id` of a request. Servers compare it with the key that signed a
    /// bundle, so put the key that signs today first.
    #[must_use]
    pub fn capgo_key_id(&self) -> String {
        self.first.capgo_key_id()
    }
}

impl From<VerifyingKey> for VerifyingKeys {
    fn from(first: VerifyingKey) -> Self {
        let others = Vec::new();
        Self { first, others }
    }
}

#[cfg(test)]
mod tests;

//! New RSA keys.

use rsa::RsaPrivateKey;

use super::recovery;
use crate::error::{Error, Result};

/// The size of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KeyBits {
    /// 2048 bits: the only size that Capgo's plugins support.
    #[default]
    B2048,
    /// 3072 bits.
    B3072,
    /// 4096 bits.
    B4096,
}

impl KeyBits {
    /// The number of bits.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::B2048 => 2048,
            Self::B3072 => 3072,
            Self::B4096 => 4096,
        }
    }
}

pub(super) fn generate(bits: KeyBits) -> Result<RsaPrivateKey> {
    RsaPrivateKey::new(&mut recovery::system_rng()?, bits.count())
        .map_err(|error| Error::key_invalid("new key", error.to_string()))
}

//! The public half of an RSA key and its one operation, RSAVP1 (RFC 8017 5.2.2).
//!
//! The arithmetic is that of the `rsa` crate, which phones need for content keys anyway (docs/decisions/0015). Parsing
//! is our own. Tests compare every result with that of another library.

use rsa::hazmat::rsa_encrypt;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, RsaPrivateKey, RsaPublicKey};

use super::der::{self, without_zeros};

/// The limit of the `rsa` crate: larger exponents only cost time.
const MAX_EXPONENT: u64 = (1 << 33) - 1;

/// A public RSA key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// Big-endian, without leading zeros.
    modulus: Vec<u8>,
    exponent: u64,
}

impl PublicKey {
    /// The key with these big-endian numbers. `None` unless both are odd and the exponent is above 1 and has at most
    /// 33 bits.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        if exponent.len() > size_of::<u64>() {
            return None;
        }
        let exponent = exponent
            .iter()
            .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let is_odd = modulus.last().is_some_and(|last| last & 1 == 1) && exponent & 1 == 1;
        let is_key = is_odd && exponent > 1 && exponent <= MAX_EXPONENT && modulus.len() > size_of::<u64>();
        is_key.then(|| Self {
            modulus: modulus.to_vec(),
            exponent,
        })
    }

    /// The public half of a private key.
    pub(super) fn of(key: &RsaPrivateKey) -> Self {
        let exponent = key.e().to_be_bytes();
        let exponent = exponent.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self {
            modulus: without_zeros(&key.n().to_be_bytes()).to_vec(),
            exponent,
        }
    }

    /// Whether both have the same modulus, so that the factors of one are those of the other.
    pub(super) fn same_modulus(&self, other: &Self) -> bool {
        self.modulus == other.modulus
    }

    /// Modulus, big-endian without leading zeros, and exponent.
    pub(super) fn numbers(&self) -> (&[u8], u64) {
        (&self.modulus, self.exponent)
    }

    /// Bytes of the modulus.
    pub(super) fn size(&self) -> usize {
        self.modulus.len()
    }

    /// Bits of the modulus.
    pub(super) fn bits(&self) -> usize {
        let unused = self.modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        self.modulus.len() * 8 - unused
    }

    /// PKCS#1: `SEQUENCE { modulus INTEGER, publicExponent INTEGER }` (RFC 8017 A.1.1).
    pub(super) fn to_pkcs1_der(&self) -> Vec<u8> {
        let numbers = [
            der::unsigned(&self.modulus),
            der::unsigned(without_zeros(&self.exponent.to_be_bytes())),
        ];
        der::element(der::SEQUENCE, &numbers.concat())
    }

    /// `value` to the power of the exponent, modulo the modulus; `None` unless it is less than the modulus. Value and
    /// result are big-endian and have [`size`](Self::size) bytes.
    pub(super) fn power(&self, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() != self.size() || *value >= *self.modulus {
            return None;
        }
        let precision = u32::try_from(self.size() * 8).ok()?;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, precision).ok();
        // `new` has checked that the modulus is odd, the one precondition of this unchecked constructor.
        let key = RsaPublicKey::new_unchecked(number(&self.modulus)?, BoxedUint::from(self.exponent));
        let power = rsa_encrypt(&key, &number(value)?).ok()?.to_be_bytes();
        // The result has whole words, so it may have more bytes than the modulus.
        Some(power[power.len().checked_sub(self.size())?..].to_vec())
    }
}

#[cfg(test)]
mod tests;

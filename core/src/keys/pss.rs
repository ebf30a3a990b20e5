//! Signatures over documents: RSASSA-PSS (RFC 8017 8.1) with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
//!
//! No other hash or salt is tried: a verifier that finds out by itself how something was signed takes more than was meant.

use rsa::pss::Pss;
use rsa::{BoxedUint, RsaPublicKey};
use sha2::{Digest as _, Sha256};

use super::signing::{SigningKey, VerifyingKey};
use super::{pem, recovery};
use crate::error::{Error, Result};

/// As long as the hash, which is what every tool makes by default.
const SALT_BYTES: usize = 32;

impl SigningKey {
    /// Signs `message`; other bytes each time, since the salt is random.
    pub(crate) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>> {
        let padding = Pss::<Sha256>::new_blinded_with_salt(SALT_BYTES);
        let signature = self
            .0
            .sign_with_rng(&mut recovery::system_rng()?, padding, &Sha256::digest(message));
        signature.map_err(|error| Error::key_invalid("private key", format!("signing failed: {error}")))
    }
}

impl VerifyingKey {
    /// Whether this key made `signature` over `message`.
    pub(crate) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> bool {
        let padding = Pss::<Sha256>::new_with_salt(SALT_BYTES);
        let digest = Sha256::digest(message);
        self.for_rsa()
            .is_some_and(|key| key.verify(padding, &digest, signature).is_ok())
    }

    /// The same key in the hands of the `rsa` crate, which takes every key that we take.
    fn for_rsa(&self) -> Option<RsaPublicKey> {
        let (modulus, exponent) = self.0.numbers();
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        RsaPublicKey::new(modulus, BoxedUint::from(exponent)).ok()
    }

    /// The key as SPKI DER: what its id is the SHA-256 of.
    pub(crate) fn to_spki_der(&self) -> Vec<u8> {
        pem::spki_der(&self.0)
    }

    /// The key of an SPKI DER, in the one encoding that [`to_spki_der`](Self::to_spki_der) writes, or what is wrong with it.
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, String> {
        let key = Self(pem::public_from_spki(der)?);
        // Another encoding of the same key would have another id.
        if key.to_spki_der() != der {
            return Err("the SPKI public key is not written as DER has it for RSA keys".to_owned());
        }
        Ok(key)
    }

    /// Whether whoever holds one of the two private keys holds the other.
    pub(crate) fn same_modulus(&self, other: &Self) -> bool {
        self.0.same_modulus(&other.0)
    }
}

#[cfg(test)]
mod tests;

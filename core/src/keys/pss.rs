//! Signatures of documents: RSASSA-PSS (RFC 8017 8.1) with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
//!
//! No other hash or salt length is accepted. A verifier that detects the parameters accepts more than intended.

use rsa::pss::Pss;
use rsa::{BoxedUint, RsaPublicKey};
use sha2::{Digest as _, Sha256};

use super::signing::{SigningKey, VerifyingKey};
use super::{pem, recovery};
use crate::error::{Error, Result};

/// The length of the hash, the default of every tool.
const SALT_BYTES: usize = 32;

impl SigningKey {
    /// Signs `message`. The salt is random, so each signature differs.
    pub(crate) fn sign_pss(&self, message: &[u8]) -> Result<Vec<u8>> {
        let padding = Pss::<Sha256>::new_blinded_with_salt(SALT_BYTES);
        let signature = self
            .0
            .sign_with_rng(&mut recovery::system_rng()?, padding, &Sha256::digest(message));
        signature.map_err(|error| Error::key_invalid("private key", format!("signing failed: {error}")))
    }
}

impl VerifyingKey {
    /// Whether `signature` is a valid signature of `message`.
    pub(crate) fn verify_pss(&self, message: &[u8], signature: &[u8]) -> bool {
        let padding = Pss::<Sha256>::new_with_salt(SALT_BYTES);
        let digest = Sha256::digest(message);
        self.for_rsa()
            .is_some_and(|key| key.verify(padding, &digest, signature).is_ok())
    }

    /// The key as the `rsa` crate represents it. It accepts every key that we accept.
    fn for_rsa(&self) -> Option<RsaPublicKey> {
        let (modulus, exponent) = self.0.numbers();
        let modulus = BoxedUint::from_be_slice_vartime(modulus);
        RsaPublicKey::new(modulus, BoxedUint::from(exponent)).ok()
    }

    /// The key as SPKI DER. Its SHA-256 is the id of the key.
    pub(crate) fn to_spki_der(&self) -> Vec<u8> {
        pem::spki_der(&self.0)
    }

    /// Parses SPKI DER in the exact encoding of [`to_spki_der`](Self::to_spki_der), or returns what is wrong with it.
    pub(crate) fn from_spki_der(der: &[u8]) -> Result<Self, String> {
        let key = Self(pem::public_from_spki(der)?);
        // The same key in another encoding would have another id.
        if key.to_spki_der() != der {
            return Err("the SPKI public key is not in the canonical DER encoding of RSA keys".to_owned());
        }
        Ok(key)
    }

    /// Whether both have the same modulus, so that the private half of one gives that of the other.
    pub(crate) fn same_modulus(&self, other: &Self) -> bool {
        self.0.same_modulus(&other.0)
    }
}

#[cfg(test)]
mod tests;

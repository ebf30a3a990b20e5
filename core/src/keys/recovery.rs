//! RSA signatures with message recovery, which Capgo uses for session keys and checksums.
//!
//! The same as Node's `privateEncrypt`: RFC 8017 9.2 (EMSA-PKCS1-v1_5, block type 1) over the payload itself, without
//! the `DigestInfo` that names a hash. Node's `publicDecrypt` recovers the payload.

use rsa::rand_core::{CryptoRng, UnwrapErr};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::public::PublicKey;
use crate::error::{Error, Result};

/// RFC 8017 9.2 step 3. Fewer bytes FF make forgery easier.
const MIN_FILL: usize = 8;
/// `00 01` before the fill and `00` after it.
const MARKERS: usize = 3;

pub(super) fn sign(key: &RsaPrivateKey, payload: &[u8]) -> Result<Vec<u8>> {
    debug_assert!(payload.len() + MARKERS + MIN_FILL <= key.size());
    // The random numbers blind the private operation against timing attacks. They do not change the result.
    key.sign_with_rng(&mut system_rng()?, Pkcs1v15Sign::new_unprefixed(), payload)
        .map_err(|error| Error::key_invalid("private key", format!("signing failed: {error}")))
}

/// The payload of `length` bytes if the block is exactly `00 01 FF{8,} 00 payload` and as long as the modulus.
///
/// The two lengths determine the length of the fill, so the padding has exactly one correct value. No separator is
/// searched for, which a forged block could exploit.
pub(super) fn recover(key: &PublicKey, signature: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let size = key.size();
    if signature.len() != size {
        return Err(format!(
            "expected {size} bytes, as the key has, found {}",
            signature.len()
        ));
    }
    let block = key.power(signature);
    let block = Zeroizing::new(block.ok_or("the number is not less than the modulus")?);
    payload_of(&block, length)
}

fn payload_of(block: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let fill = block
        .len()
        .checked_sub(length + MARKERS)
        .filter(|fill| *fill >= MIN_FILL)
        .ok_or_else(|| "too short for the payload".to_owned())?;
    let mut expected = Vec::with_capacity(block.len() - length);
    expected.extend([0, 1]);
    expected.resize(2 + fill, 0xff);
    expected.push(0);
    let (padding, payload) = block.split_at(expected.len());
    if padding.ct_eq(&expected).into() {
        Ok(Zeroizing::new(payload.to_vec()))
    } else {
        Err("wrong padding: signed with another key, damaged or forged".to_owned())
    }
}

/// The operating system's random number generator, tried once so that a missing one is an error rather than a panic.
pub(super) fn system_rng() -> Result<impl CryptoRng> {
    getrandom::fill(&mut [0; 1]).map_err(Error::random)?;
    Ok(UnwrapErr(getrandom::SysRng))
}

#[cfg(test)]
mod tests;

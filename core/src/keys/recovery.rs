//! RSA with message recovery, the operation under Capgo's session keys and checksums.
//!
//! What Node calls `privateEncrypt`: RFC 8017 9.2 (EMSA-PKCS1-v1_5, block type 1) over the bare payload, without the
//! `DigestInfo` that would name a hash. Node's `publicDecrypt` takes the payload out again.

use rsa::rand_core::{CryptoRng, UnwrapErr};
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::public::PublicKey;
use crate::error::{Error, Result};

/// RFC 8017 9.2 step 3: fewer bytes FF would leave room for a forger.
const MIN_FILL: usize = 8;
/// `00 01` before the fill and `00` after it.
const MARKERS: usize = 3;

pub(super) fn sign(key: &RsaPrivateKey, payload: &[u8]) -> Result<Vec<u8>> {
    debug_assert!(payload.len() + MARKERS + MIN_FILL <= key.size());
    // The random numbers blind the private operation against timing; they do not change the result.
    key.sign_with_rng(&mut system_rng()?, Pkcs1v15Sign::new_unprefixed(), payload)
        .map_err(|error| Error::key_invalid("private key", format!("signing failed: {error}")))
}

/// The payload of `length` bytes, if the block is exactly `00 01 FF{8,} 00 payload` as long as the modulus.
///
/// The length of the fill follows from the two lengths, so there is no search for the separator that could be misled:
/// whatever stands before the payload has one right value.
pub(super) fn recover(key: &PublicKey, signature: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let size = key.size();
    if signature.len() != size {
        return Err(format!("it has {} bytes, and this key makes {size}", signature.len()));
    }
    let block = key.power(signature);
    let block = Zeroizing::new(block.ok_or("it is not a number below the modulus")?);
    payload_of(&block, length)
}

fn payload_of(block: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let fill = block
        .len()
        .checked_sub(length + MARKERS)
        .filter(|fill| *fill >= MIN_FILL)
        .ok_or_else(|| "it is too short for its content".to_owned())?;
    let mut expected = Vec::with_capacity(block.len() - length);
    expected.extend([0, 1]);
    expected.resize(2 + fill, 0xff);
    expected.push(0);
    let (padding, payload) = block.split_at(expected.len());
    if padding.ct_eq(&expected).into() {
        Ok(Zeroizing::new(payload.to_vec()))
    } else {
        Err("its padding is wrong: made with another key, damaged or forged".to_owned())
    }
}

/// The operating system's generator, tried once so that an absent one is an error and not a panic.
pub(super) fn system_rng() -> Result<impl CryptoRng> {
    getrandom::fill(&mut [0; 1]).map_err(|source| Error::Random { source })?;
    Ok(UnwrapErr(getrandom::SysRng))
}

#[cfg(test)]
mod tests;

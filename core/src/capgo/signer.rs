//! Which key of several signed an archive.

use super::IvSessionKey;
use super::checksum::SignedChecksum;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{VerifyingKey, VerifyingKeys};

/// The key that signed an archive. Found by [`find_signer`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Signer<'a> {
    /// It signed the checksum and, if the archive is encrypted, wrapped the session key.
    pub key: &'a VerifyingKey,
    /// The signed SHA-256 of the plain archive.
    pub digest: Sha256Digest,
}

/// Finds the key that signed `checksum` and, for an encrypted archive, also wrapped its session key. Reads no archive.
///
/// One key must have made both, and signed the hashes of single files too. A checksum signed with one key and a session
/// key wrapped with another are parts of two archives, or come from an attacker who has one of the keys.
///
/// # Errors
/// [`SignatureInvalid`](ErrorKind::SignatureInvalid) if no key made both; [`NotTrusted`](ErrorKind::NotTrusted) if the
/// length of a part does not match. With several keys the message has their ids.
pub fn find_signer<'a>(
    keys: &'a VerifyingKeys,
    checksum: &SignedChecksum,
    iv_session_key: Option<&IvSessionKey>,
) -> Result<Signer<'a>> {
    let (ids, count) = (keys.ids(), keys.iter().count());
    let mut signed_only = None;
    let mut has_length_of_a_key = false;
    for key in keys.iter() {
        match checksum.verify(key) {
            Ok(digest) => match iv_session_key.map(|wrapped| wrapped.recover(key)).transpose() {
                Ok(_) => return Ok(Signer { key, digest }),
                Err(error) => signed_only = Some((key.id(), error)),
            },
            Err(error) if count == 1 => return Err(error),
            Err(error) => has_length_of_a_key |= error.kind() == ErrorKind::SignatureInvalid,
        }
    }
    Err(match signed_only {
        Some((signer, Error::SignatureInvalid { what, .. })) if count > 1 => Error::SignatureInvalid {
            what,
            problem: format!(
                "the key {signer} signed the checksum but did not wrap this session key; one key must have made both"
            ),
        },
        Some((_, error)) => error,
        None if has_length_of_a_key => Error::SignatureInvalid {
            what: "checksum",
            problem: format!("signed by none of the {count} keys {ids}, damaged or forged"),
        },
        None => Error::not_trusted(
            "checksum",
            format!("the length of the signature matches none of the {count} keys {ids}"),
        ),
    })
}

#[cfg(test)]
mod tests;

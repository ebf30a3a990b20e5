//! From the offer of an update server to what the archive must prove.

use super::response::{UpdateOffer, printable};
use crate::capgo::{ChecksumForm, IvSessionKey, SignedChecksum};
use crate::digest::decode_hex;
use crate::error::{Error, Result};
use crate::expected_proof::ExpectedProof;
use crate::http::Url;
use crate::keys::VerifyingKeys;

/// Bytes of a CRC-32.
const CRC_32_BYTES: usize = 4;

/// What is verified follows from the arguments, which are local configuration. The offer only fills it in: a member
/// that is missing or of another kind is refused, and never selects a weaker check.
impl UpdateOffer {
    /// How the archive of this offer is verified.
    ///
    /// With keys, the offer must have a checksum in the given form and a session key: the archive is encrypted, and one
    /// of the keys made both. Without keys, the checksum must be a SHA-256. It comes from the server, so it proves only
    /// that the archive is the one that the server offered. The signatures themselves are verified before the download,
    /// see [`Store::install_from`](crate::store::Store::install_from).
    ///
    /// # Errors
    /// [`Error::ChecksumRequired`] without a checksum; otherwise [`NotTrusted`](crate::ErrorKind::NotTrusted) for one
    /// of another kind, and with keys for a missing or malformed session key.
    pub fn expected_proof(&self, keys: Option<&VerifyingKeys>, form: ChecksumForm) -> Result<ExpectedProof> {
        let Some(keys) = keys else {
            return self.digest();
        };
        Ok(ExpectedProof::CapgoSealed {
            checksum: self.signed_checksum(form)?,
            iv_session_key: self.iv_session_key()?,
            keys: keys.clone(),
        })
    }

    /// The same for an app with keys that also accepts archives that are signed but not encrypted, as Capgo's plugins
    /// do not. An offer with a session key is treated as by [`expected_proof`](Self::expected_proof).
    ///
    /// # Errors
    /// As [`expected_proof`](Self::expected_proof), except for a missing session key.
    pub fn expected_proof_allowing_unencrypted(
        &self,
        keys: &VerifyingKeys,
        form: ChecksumForm,
    ) -> Result<ExpectedProof> {
        if filled(self.session_key.as_ref()).is_some() {
            return self.expected_proof(Some(keys), form);
        }
        Ok(ExpectedProof::CapgoSigned {
            checksum: self.signed_checksum(form)?,
            keys: keys.clone(),
        })
    }

    /// The same for an app without keys that also accepts archives without a checksum from an `https` URL, as Capgo's
    /// plugins do. **An attacker who controls the server, the bucket or the CDN then runs code in the app.** A checksum
    /// that is there is required to be a SHA-256 as ever. There is no such form with keys.
    ///
    /// # Errors
    /// As [`expected_proof`](Self::expected_proof), except for a missing checksum with an `https` URL.
    pub fn expected_proof_allowing_unverified_https(&self) -> Result<ExpectedProof> {
        if filled(self.checksum.as_ref()).is_some() {
            return self.digest();
        }
        if !self.url.parse::<Url>()?.is_secure() {
            return Err(
                self.no_checksum("its URL is not https either, so anyone on the network could replace the archive")
            );
        }
        Ok(ExpectedProof::UnverifiedHttps)
    }

    fn digest(&self) -> Result<ExpectedProof> {
        let checksum = filled(self.checksum.as_ref()).ok_or_else(|| {
            self.no_checksum(
                "the server has to send the SHA-256 of the archive, or sign it and the app to have the key",
            )
        })?;
        checksum.parse().map(ExpectedProof::Digest).map_err(|_| {
            let problem = match decode_hex(checksum).map(|bytes| bytes.len()) {
                Some(CRC_32_BYTES) => {
                    "found a CRC-32, which detects accidents and no attack; register the SHA-256 of the archive"
                        .to_owned()
                }
                _ => format!(
                    "expected a SHA-256 as 64 hexadecimal digits, found {} characters; if the bundle is signed, the \
                     app needs the public key",
                    checksum.chars().count()
                ),
            };
            Error::not_trusted(self.part("checksum"), problem)
        })
    }

    fn signed_checksum(&self, form: ChecksumForm) -> Result<SignedChecksum> {
        let checksum = filled(self.checksum.as_ref()).ok_or_else(|| {
            self.no_checksum(
                "this app has a public key, so every bundle must be signed; upload it with the private key",
            )
        })?;
        SignedChecksum::parse(checksum, form)
            .map_err(|error| self.refused("checksum", error, "upload the bundle with the private key of this app"))
    }

    fn iv_session_key(&self) -> Result<IvSessionKey> {
        let text = self.session_key.as_deref().unwrap_or_default();
        text.parse()
            .map_err(|error| self.refused("session key", error, "upload the bundle encrypted"))
    }

    /// Names the version, and what its publisher can do.
    fn refused(&self, part: &str, error: Error, advice: &str) -> Error {
        match error {
            Error::NotTrusted { problem, .. } => Error::not_trusted(self.part(part), format!("{problem}; {advice}")),
            other => other,
        }
    }

    fn no_checksum(&self, problem: &str) -> Error {
        Error::ChecksumRequired {
            what: format!("version {}", printable(self.version.clone())),
            problem: problem.to_owned(),
        }
    }

    fn part(&self, part: &str) -> String {
        format!("{part} of version {}", printable(self.version.clone()))
    }
}

/// The member, unless it is empty: the members are public, so this does not rely on the parser.
fn filled(member: Option<&String>) -> Option<&str> {
    member.map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;

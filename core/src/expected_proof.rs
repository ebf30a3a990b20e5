//! How an archive will be verified, decided before it is downloaded.

use std::path::Path;

use crate::capgo::{self, IvSessionKey, SignedChecksum};
use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::keys::VerifyingKeys;
use crate::progress::Control;
use crate::verified::{Proof, VerifiedArchive};

/// How an archive is verified. This alone decides what is checked, never anything that a server sends or omits.
///
/// [`UpdateOffer::expected_proof`](crate::update::protocol::UpdateOffer::expected_proof) makes it from the offer of an
/// update server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ExpectedProof {
    /// By this digest, which the host received over a trusted channel.
    Digest(Sha256Digest),
    /// By a signed checksum; the archive is not encrypted.
    CapgoSigned {
        /// The signed checksum.
        checksum: SignedChecksum,
        /// The keys one of which must have signed it.
        keys: VerifyingKeys,
    },
    /// By a signed checksum; the archive is encrypted in Capgo's v2 format.
    CapgoSealed {
        /// The IV and session key that decrypt the archive.
        iv_session_key: IvSessionKey,
        /// The signed checksum of the plain archive.
        checksum: SignedChecksum,
        /// The keys one of which must have made both.
        keys: VerifyingKeys,
    },
    /// **Not at all**, except that the archive comes from an `https` URL. An attacker who controls the server, the
    /// bucket or the CDN runs code in the app.
    ///
    /// For servers that send no checksum. Only a store that requires no more than
    /// [`RequiredProof::Digest`](crate::store::RequiredProof::Digest) accepts it.
    UnverifiedHttps,
}

/// What is known about an archive before it is read.
#[derive(Debug)]
pub(crate) struct Promise {
    /// The digest of the plain archive. `None`: nothing names one.
    pub(crate) digest: Option<Sha256Digest>,
    /// The proof that the verified archive will have.
    pub(crate) proof: Proof,
}

impl ExpectedProof {
    /// Verifies everything that can be verified without the archive.
    ///
    /// # Errors
    /// As [`capgo::find_signer`].
    pub(crate) fn promise(&self) -> Result<Promise> {
        let signed = |keys, checksum, iv_session_key| {
            let signer = capgo::find_signer(keys, checksum, iv_session_key)?;
            Ok(Promise {
                digest: Some(signer.digest),
                proof: Proof::CapgoSigned(signer.key.id()),
            })
        };
        match self {
            Self::Digest(digest) => Ok(Promise {
                digest: Some(*digest),
                proof: Proof::Digest,
            }),
            Self::CapgoSigned { checksum, keys } => signed(keys, checksum, None),
            Self::CapgoSealed {
                iv_session_key,
                checksum,
                keys,
            } => signed(keys, checksum, Some(iv_session_key)),
            Self::UnverifiedHttps => Ok(Promise {
                digest: None,
                proof: Proof::UnverifiedHttps,
            }),
        }
    }

    /// Verifies the downloaded file at `path`. An encrypted archive is decrypted into the folder `staging`.
    pub(crate) fn open(&self, path: &Path, staging: &Path, control: &Control) -> Result<VerifiedArchive> {
        match self {
            Self::Digest(digest) => VerifiedArchive::from_digest(path, digest, control),
            Self::CapgoSigned { checksum, keys } => {
                let key = capgo::find_signer(keys, checksum, None)?.key;
                capgo::verify_signed_only(path, checksum, key, control)
            }
            Self::CapgoSealed {
                iv_session_key,
                checksum,
                keys,
            } => {
                let key = capgo::find_signer(keys, checksum, Some(iv_session_key))?.key;
                let decryption = capgo::Decryption {
                    iv_session_key,
                    checksum,
                    key,
                };
                capgo::decrypt(path, staging, &decryption, control)
            }
            Self::UnverifiedHttps => VerifiedArchive::hashed(path, Proof::UnverifiedHttps, control),
        }
    }
}

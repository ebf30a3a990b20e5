//! Capgo's v2 encryption: the signed checksum and the `ivSessionKey`.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::capgo;

use crate::catch_panic::catch_panic_core;
use crate::error::Result;
use crate::keys::VerifyingKey;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// The encoding of a signed checksum that a device accepts. It comes from local configuration and is never
/// guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum ChecksumForm {
    /// Hexadecimal: plugins from 5.30, 6.30 and 7.30 on. Use this one unless you support older plugins.
    V3,
    /// Base64: older plugins.
    V2,
}

impl From<ChecksumForm> for capgo::ChecksumForm {
    fn from(form: ChecksumForm) -> Self {
        match form {
            ChecksumForm::V3 => Self::V3,
            ChecksumForm::V2 => Self::V2,
        }
    }
}

/// The SHA-256 in a signed checksum, as 64 hexadecimal digits, after verifying the signature with `key`:
/// Capgo's `decryptChecksum`.
///
/// Throws `NotTrusted` for anything that is not a signed checksum (empty, a plain SHA-256 or CRC-32, another
/// form, another length), `SignatureInvalid` if it was signed by another key or modified.
#[uniffi::export]
pub fn signed_digest(checksum: &str, form: ChecksumForm, key: &VerifyingKey) -> Result<String> {
    catch_panic_core(|| {
        let checksum = capgo::SignedChecksum::parse(checksum, form.into())?;
        Ok(checksum.verify(&key.0)?.to_string())
    })
}

/// Checks that this is an `ivSessionKey`: `base64(iv):base64(wrapped key)`.
///
/// Throws `NotTrusted`, naming the malformed part. Only decryption can tell which key it belongs to.
#[uniffi::export]
pub fn require_iv_session_key(text: &str) -> Result<()> {
    catch_panic_core(|| text.parse::<capgo::IvSessionKey>().map(drop))
}

/// Decrypts into the file `to` without verifying the result, and returns its SHA-256.
///
/// Only for code that must keep the order of Capgo's plugin, which decrypts first and compares the signed
/// checksum afterwards: the caller must compare before anything reads the file. `VerifiedArchive.decryptCapgo`
/// does both in one step. `to` is created atomically. Blocks while it decrypts.
///
/// Throws `NotTrusted` for a malformed `ivSessionKey`, `DecryptionFailed` for the wrong session key or invalid
/// padding; `NotFound`, `Io`, `NoSpace`, `Cancelled`.
#[uniffi::export(default(cancel = None, progress = None))]
pub fn decrypt_unverified(
    encrypted: &str,
    to: &str,
    iv_session_key: &str,
    key: &VerifyingKey,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<String> {
    with_control(cancel, progress, |control| {
        let decryption = capgo::UnverifiedDecryption {
            iv_session_key: &iv_session_key.parse()?,
            key: &key.0,
        };
        let digest = capgo::decrypt_unverified(Path::new(encrypted), Path::new(to), &decryption, control)?;
        Ok(digest.to_string())
    })
}

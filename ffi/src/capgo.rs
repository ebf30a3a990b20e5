//! The texts of Capgo's v2 protection: the signed checksum and the `ivSessionKey`.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::capgo;

use crate::catch_panic::catch_panic_core;
use crate::error::Result;
use crate::keys::VerifyingKey;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// Which spelling of the signed checksum a device speaks. Local configuration says it; it is never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum ChecksumForm {
    /// Hexadecimal: plugins from 5.30, 6.30 and 7.30 on. What to use unless there is a reason.
    V3,
    /// Base64, of older plugins.
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

/// The SHA-256, as 64 hexadecimal digits, that a signed checksum holds, if it was signed by `key`: what Capgo's plugin calls
/// `decryptChecksum`.
///
/// Throws `NotTrusted` for everything that is no signed checksum (nothing at all, a plain SHA-256 or CRC-32, another form,
/// another length), `SignatureInvalid` if another key made it or it was tampered with.
#[uniffi::export]
pub fn signed_digest(checksum: &str, form: ChecksumForm, key: &VerifyingKey) -> Result<String> {
    catch_panic_core(|| {
        let checksum = capgo::SignedChecksum::parse(checksum, form.into())?;
        Ok(checksum.verify(&key.0)?.to_string())
    })
}

/// Whether this is an `ivSessionKey`: `base64(iv):base64(wrapped key)`. Returns quietly if it is.
///
/// Throws `NotTrusted`, saying which part is malformed. Whose it is, only opening can tell.
#[uniffi::export]
pub fn require_iv_session_key(text: &str) -> Result<()> {
    catch_panic_core(|| text.parse::<capgo::IvSessionKey>().map(drop))
}

/// Decrypts into the file `to` without any proof of what the bytes are, and tells their SHA-256.
///
/// Only for code that must keep the order of Capgo's plugin, which decrypts first and compares the signed checksum after:
/// the caller must do that before anything reads the file. `VerifiedArchive.openCapgo` does both in one step. `to` appears
/// whole or not at all. Blocks while it decrypts.
///
/// Throws `NotTrusted` for a malformed `ivSessionKey`, `DecryptionFailed` for a foreign one or wrong padding; `NotFound`,
/// `Io`, `NoSpace`, `Cancelled`.
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
        let session = iv_session_key.parse()?;
        let digest = capgo::decrypt_unverified(Path::new(encrypted), Path::new(to), &session, &key.0, control)?;
        Ok(digest.to_string())
    })
}

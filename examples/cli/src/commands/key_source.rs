//! Finds keys: from an option, PEM text, a well-known file or the config.

use std::path::{Path, PathBuf};

use capbundle::capgo::SignedChecksum;
use capbundle::keys::{SigningKey, VerifyingKey, VerifyingKeys};

use crate::config::CapacitorConfig;
use crate::error::{About, Failure, Result, Subject, Warning};

/// Capgo's names for the files of a key pair.
pub(crate) const PRIVATE_KEY_FILE: &str = ".capgo_key_v2";
pub(crate) const PUBLIC_KEY_FILE: &str = ".capgo_key_v2.pub";

/// The file names of a content key pair.
pub(crate) const PRIVATE_CONTENT_KEY_FILE: &str = ".capbundle_content_key";
pub(crate) const PUBLIC_CONTENT_KEY_FILE: &str = ".capbundle_content_key.pub";

/// The only key size that Capgo's own plugins accept: they require a signature of exactly 256 bytes.
const CAPGO_DEVICE_BITS: usize = 2048;

/// A public key and its origin.
pub(crate) struct FoundKey {
    pub(crate) key: VerifyingKey,
    pub(crate) origin: String,
}

/// The public keys of an app and their origin: several while the signing key is replaced.
pub(crate) struct FoundKeys {
    pub(crate) keys: VerifyingKeys,
    pub(crate) origin: String,
}

impl FoundKeys {
    /// `Public key ID from ORIGIN`.
    pub(crate) fn describe(&self) -> String {
        let ids: Vec<_> = self.keys.iter().map(VerifyingKey::capgo_key_id).collect();
        let plural = if ids.len() == 1 { "" } else { "s" };
        format!("Public key{plural} {} from {}", ids.join(", "), self.origin)
    }
}

/// The key that signed `checksum`, else the first one, whose error then says what is wrong.
pub(crate) fn signer<'k>(keys: &'k VerifyingKeys, checksum: &SignedChecksum) -> &'k VerifyingKey {
    let signed = |key: &&VerifyingKey| checksum.verify(key).is_ok();
    keys.iter().find(signed).unwrap_or(keys.first())
}

/// The private key that `--key` or `--key-data` names, else the one in the current folder.
pub(crate) fn signing_key(file: Option<&Path>, text: Option<&str>) -> Result<SigningKey> {
    if let Some(text) = text {
        return SigningKey::from_pem(&with_line_ends(text)).about(Subject::PrivateKey);
    }
    if file.is_none() && !Path::new(PRIVATE_KEY_FILE).exists() {
        return Err(Failure::refused(
            "missing_key",
            format!(
                "no private key: {PRIVATE_KEY_FILE} is not in this folder; pass --key or --key-data, or create a key \
                with `capbundle key create`"
            ),
        ));
    }
    SigningKey::read(file.unwrap_or(Path::new(PRIVATE_KEY_FILE))).about(Subject::PrivateKey)
}

/// The public key that `--key` or `--key-data` names; `None` if neither is given.
pub(crate) fn named_verifying_key(file: Option<&Path>, text: Option<&str>) -> Result<Option<FoundKey>> {
    let (key, origin) = match (text, file) {
        (Some(text), _) => (VerifyingKey::from_pem(&with_line_ends(text)), "--key-data".to_owned()),
        (None, Some(file)) => (VerifyingKey::read(file), file.display().to_string()),
        (None, None) => return Ok(None),
    };
    Ok(Some(FoundKey {
        key: key.about(Subject::PublicKey)?,
        origin,
    }))
}

/// The named public keys, else those of `.capgo_key_v2.pub` in the current folder, else those in its
/// `capacitor.config`.
pub(crate) fn verifying_keys(file: Option<&Path>, text: Option<&str>) -> Result<FoundKeys> {
    let here = PathBuf::from(PUBLIC_KEY_FILE);
    let file = file.or_else(|| here.exists().then_some(here.as_path()));
    let (keys, origin) = match (text, file) {
        (Some(text), _) => (VerifyingKeys::from_pem(&with_line_ends(text)), "--key-data".to_owned()),
        (None, Some(file)) => (VerifyingKeys::read(file), file.display().to_string()),
        (None, None) => {
            return configured_keys()?.ok_or_else(|| {
                Failure::refused(
                    "missing_public_key",
                    format!(
                        "no public key: this folder has neither {PUBLIC_KEY_FILE} nor a capacitor.config with publicKey; \
                        pass --key or --key-data"
                    ),
                )
            });
        }
    };
    let keys = keys.about(Subject::PublicKey)?;
    Ok(FoundKeys { keys, origin })
}

/// Every key of `publicKey` in the `capacitor.config` of the current folder.
pub(crate) fn configured_keys() -> Result<Option<FoundKeys>> {
    let Some(config) = CapacitorConfig::here()? else {
        return Ok(None);
    };
    let Some(pem) = config.public_key()? else {
        return Ok(None);
    };
    let keys = VerifyingKeys::from_pem(&pem).about(Subject::PublicKey)?;
    let origin = format!("publicKey of {}", config.path().display());
    Ok(Some(FoundKeys { keys, origin }))
}

/// A warning for a key that Capgo's own plugins cannot use.
pub(crate) fn size_warning(key: &VerifyingKey) -> Option<Warning> {
    (key.bits() > CAPGO_DEVICE_BITS).then(|| {
        Warning::new(
            "key_too_large_for_capgo",
            format!(
                "the key has {} bits, and Capgo's own plugins accept only {CAPGO_DEVICE_BITS}; devices that run \
                capbundle accept it",
                key.bits()
            ),
        )
    })
}

/// PEM text from CI secrets, in which `\n` may be written as two characters.
fn with_line_ends(text: &str) -> String {
    text.replace("\\r", "").replace("\\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_line_breaks_become_line_breaks() {
        assert_eq!(with_line_ends("a\\r\\nb\\nc\r\nd"), "a\nb\nc\r\nd");
    }
}

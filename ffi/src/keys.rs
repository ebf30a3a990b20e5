//! The keys that ship in an app: one verifies bundles, the other decrypts sealed archives.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::keys as core;

use crate::catch_panic::catch_panic_core;
use crate::convert::signed;
use crate::error::Result;

/// A public RSA key of 2048 to 4096 bits. It ships in the app and decides which bundles the app accepts.
#[derive(Debug, uniffi::Object)]
pub struct VerifyingKey(pub(crate) core::VerifyingKey);

#[uniffi::export]
impl VerifyingKey {
    /// Reads a public key from PEM text: PKCS#1 (as Capgo writes it) or SPKI, with LF or CRLF line endings.
    ///
    /// Throws `KeyInvalid`, saying what the text is instead.
    #[uniffi::constructor]
    pub fn from_pem(text: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| core::VerifyingKey::from_pem(text).map(|key| Arc::new(Self(key))))
    }

    /// Reads a public key from a PEM file. Blocks for one small read.
    ///
    /// Throws `NotFound` or `Io` if the file cannot be read, otherwise as `fromPem`.
    #[uniffi::constructor]
    pub fn read(path: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| core::VerifyingKey::read(Path::new(path)).map(|key| Arc::new(Self(key))))
    }

    /// The id of this key: SHA-256 of its SPKI DER, as 64 hexadecimal digits.
    pub fn id(&self) -> Result<String> {
        catch_panic_core(|| Ok(self.0.id().to_string()))
    }

    /// Capgo's id of this key: the first 20 base64 characters of its PKCS#1 DER, whichever form it was read
    /// from.
    ///
    /// Only 8 of them differ between two 2048-bit keys. Use it only where Capgo's servers require it.
    pub fn capgo_key_id(&self) -> Result<String> {
        catch_panic_core(|| Ok(self.0.capgo_key_id()))
    }

    /// The key as PKCS#1 PEM, the form in an app's Capgo configuration.
    pub fn to_pem(&self) -> Result<String> {
        catch_panic_core(|| Ok(self.0.to_pem()))
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> i64 {
        signed(self.0.bits())
    }
}

/// The private half of a content key of 2048 to 4096 bits. It ships in the app and opens archives sealed for
/// it.
///
/// Anyone who has the app can extract it: it hides archives from everyone else and proves nothing. It must not
/// be a signing key. It is wiped from memory when closed.
#[derive(Debug, uniffi::Object)]
pub struct ContentKey(pub(crate) Arc<core::ContentKey>);

#[uniffi::export]
impl ContentKey {
    /// Reads a private key from PEM text: PKCS#8 or PKCS#1, with LF or CRLF line endings.
    ///
    /// Throws `KeyInvalid`, saying what the text is instead.
    #[uniffi::constructor]
    pub fn from_pem(text: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| Ok(Arc::new(Self(Arc::new(core::ContentKey::from_pem(text)?)))))
    }

    /// The id of its public half, by which sealed archives name it: SHA-256 of its SPKI DER, as 64 hexadecimal
    /// digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.public().id().to_string()
    }
}

//! The keys that ship in an app: the one that says which bundles it takes, and the one that opens what was sealed for it.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::keys as core;

use crate::catch_panic::catch_panic_core;
use crate::convert::signed;
use crate::error::Result;

/// A public RSA key: ships in the app and says which bundles it takes. 2048 to 4096 bits.
#[derive(Debug, uniffi::Object)]
pub struct VerifyingKey(pub(crate) core::VerifyingKey);

#[uniffi::export]
impl VerifyingKey {
    /// Reads a public key from PEM text: PKCS#1 (as Capgo writes it) or SPKI, either kind of line end.
    ///
    /// Throws `KeyInvalid`, saying what the text is instead.
    #[uniffi::constructor]
    pub fn from_pem(text: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| core::VerifyingKey::from_pem(text).map(|key| Arc::new(Self(key))))
    }

    /// Reads a public key from a PEM file. Blocks for one small read.
    ///
    /// Throws `NotFound` or `Io` when it cannot be read, else as `fromPem`.
    #[uniffi::constructor]
    pub fn read(path: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| core::VerifyingKey::read(Path::new(path)).map(|key| Arc::new(Self(key))))
    }

    /// The id of this key: SHA-256 of its SPKI DER, as 64 hexadecimal digits.
    pub fn id(&self) -> Result<String> {
        catch_panic_core(|| Ok(self.0.id()?.to_string()))
    }

    /// Capgo's id of this key: the first 20 base64 characters of its PKCS#1 DER, whatever form it was read from.
    ///
    /// Only 8 of them differ between two 2048-bit keys; use it where Capgo's servers want it and nowhere else.
    pub fn capgo_key_id(&self) -> Result<String> {
        catch_panic_core(|| self.0.capgo_key_id())
    }

    /// The key as PKCS#1 PEM, the form Capgo keeps in an app's configuration.
    pub fn to_pem(&self) -> Result<String> {
        catch_panic_core(|| self.0.to_pem())
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> i64 {
        signed(self.0.bits())
    }
}

/// The private half of a content key: ships in the app and opens archives that were sealed for it. 2048 to 4096 bits.
///
/// Everybody who has the app can take it out; it keeps archives from all others and proves nothing. It must be no key that
/// signs. Wiped from memory when closed.
#[derive(Debug, uniffi::Object)]
pub struct ContentKey(pub(crate) Arc<core::ContentKey>);

#[uniffi::export]
impl ContentKey {
    /// Reads a private key from PEM text: PKCS#8 or PKCS#1, either kind of line end.
    ///
    /// Throws `KeyInvalid`, saying what the text is instead.
    #[uniffi::constructor]
    pub fn from_pem(text: &str) -> Result<Arc<Self>> {
        catch_panic_core(|| Ok(Arc::new(Self(Arc::new(core::ContentKey::from_pem(text)?)))))
    }

    /// The id of its public half, which sealed archives name it by: SHA-256 of its SPKI DER, as 64 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.0.public().id().to_string()
    }
}

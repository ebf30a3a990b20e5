//! RSA keys of 2048 to 4096 bits, in PEM text or files.
//!
//! [`SigningKey`] and [`VerifyingKey`] are the pair that signs and verifies; they are stored as Capgo stores them. An
//! app that changes its signing key trusts several at once, as [`VerifyingKeys`]. [`ContentKey`] and
//! [`PublicContentKey`] are the pair that opens and seals [sealed archives](crate::sealed).

mod content;
mod der;
mod file;
mod id;
mod key_ids;
mod new_key;
mod pem;
mod pss;
mod public;
mod recovery;
mod signing;
mod verifying_keys;

pub(crate) use self::content::ARCHIVE_KEY_BYTES;
pub use self::content::{ContentKey, PublicContentKey};
pub use self::file::Overwrite;
pub use self::id::KeyId;
pub use self::key_ids::KeyIds;
pub use self::new_key::KeyBits;
pub use self::pem::SecretPem;
pub use self::signing::{SigningKey, VerifyingKey};
pub use self::verifying_keys::VerifyingKeys;

#[cfg(test)]
mod tests;

//! Sealed archives, capbundle's own encrypted format.
//!
//! An archive is encrypted with AES-256-GCM in segments. Its key is wrapped for one or more
//! [content keys](crate::keys::ContentKey). docs/format.md specifies every byte.
//!
//! Only holders of a private content key can read the archive. Truncation, reordering, repetition and changed bytes
//! are detected at the first segment they affect. But anyone with the public content key can seal, so a sealed archive
//! does not authenticate its author. Only a release that names it does, and only [releases](crate::release) turn a
//! sealed archive into a [`VerifiedArchive`](crate::VerifiedArchive).
//!
//! ```
//! use capbundle::digest::Sha256Digest;
//! use capbundle::keys::{ContentKey, KeyBits};
//! use capbundle::progress::Control;
//! use capbundle::sealed::{Sealing, open_unverified, seal};
//!
//! # fn main() -> capbundle::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let [zip, sealed, opened] = ["app.zip", "app.sealed", "opened.zip"].map(|name| folder.path().join(name));
//! # std::fs::write(&zip, "PK").unwrap();
//! let (key, control) = (ContentKey::generate(KeyBits::B2048)?, Control::new());
//!
//! // In CI, with the public half.
//! let digest = Sha256Digest::of_file(&zip, &control)?;
//! let made = seal(&zip, &sealed, &Sealing { expected: &digest, recipients: &[key.public().clone()] }, &control)?;
//!
//! // Open it with the private half, without a release that authenticates it.
//! assert_eq!(open_unverified(&sealed, &opened, &key, &control)?, made.digest);
//! # Ok(())
//! # }
//! ```

mod cipher;
mod header;
pub mod in_memory;
mod opening;
mod parallel;
mod reader;
mod sealing;
mod segments;

pub(crate) use header::MAX_HEADER_BYTES;
pub use header::{Header, is_sealed, read_header};
pub use opening::open_unverified;
pub(crate) use opening::{ExpectedSealed, PartialOpening, named_header, open, require_key};
pub use reader::SealedReader;
pub use sealing::{Sealed, Sealing, seal};
pub(crate) use segments::SegmentOpener;

#[cfg(test)]
mod tests;

//! The sealed archive of our own: AES-256-GCM in segments, under a key that travels wrapped for one or more
//! [content keys](crate::keys::ContentKey). Every byte of it is written out in docs/format.md.
//!
//! What it gives and what it does not: only who has a private content key reads the archive, and truncation, reordering,
//! repetition and changed bytes show at the first segment they touch. But the public content key suffices to seal, so that an
//! archive opens proves nothing about who made it. Only a release that names it does; there is no other way from a sealed
//! archive to a [`VerifiedArchive`](crate::VerifiedArchive).
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
//! // In CI, which has only the public half.
//! let digest = Sha256Digest::of_file(&zip, &control)?;
//! let made = seal(&zip, &sealed, &Sealing { expected: &digest, recipients: &[key.public().clone()] }, &control)?;
//!
//! // A look at it, with the private half and without a release that would prove it.
//! assert_eq!(open_unverified(&sealed, &opened, &key, &control)?, made.digest);
//! # Ok(())
//! # }
//! ```

mod cipher;
mod header;
#[doc(hidden)]
pub mod in_memory;
mod opening;
mod parallel;
mod reader;
mod sealing;

pub(crate) use header::MAX_HEADER_BYTES;
pub use header::{Header, is_sealed, read_header};
pub use opening::open_unverified;
pub(crate) use opening::{ExpectedSealed, PartialOpening, named_header, open, require_key};
pub use reader::SealedReader;
pub use sealing::{Sealed, Sealing, seal};

#[cfg(test)]
mod tests;

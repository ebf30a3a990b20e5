//! Capgo's manifests: a bundle as single files, of which a device downloads only those that it lacks.
//!
//! [`prepare`] makes the files of a manifest from an unpacked bundle and its file list. Every file is sent as it is, or
//! compressed with Brotli if that makes it smaller; then its name in the manifest ends in `.br`. Encryption follows
//! compression and uses the session key and the IV of the archive. The hash of a file is the SHA-256 of its final bytes,
//! signed if the bundle is encrypted.
//!
//! ```text
//! {"file_name": "assets/app.js.br", "file_hash": "<64 hex, or signed>", "download_url": "https://…"}
//! ```
//!
//! The format binds each hash to no name, version or app; `docs/capgo-manifest.md` describes what that means.

mod brotli_exclusion;
mod file;
mod key;
mod prepare;

pub use brotli_exclusion::BrotliExclusion;
#[cfg(test)]
pub(crate) use file::FileSource;
pub use file::{Manifest, ManifestFile, ManifestRow};
pub use key::file_key;
pub use prepare::{FileProtection, ManifestOptions, prepare};

#[cfg(test)]
mod tests;

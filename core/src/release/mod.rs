//! Releases and key rings: signed documents that say which bundle may run, for which app and channel, and until when.
//!
//! A signature over an archive alone does not bind it to an app, a channel, an order or an expiry: a hostile server can still
//! serve an old bundle, another app's bundle, or nothing new. A [`Release`] contains all of these, and a [`TrustedRelease`] is
//! one that passed every check. The formats are specified in docs/format.md; docs/security.md lists the attackers and the
//! remaining risks.
//!
//! ```
//! use capbundle::bundle::{pack, unpack, PackOptions, UnpackOptions};
//! use capbundle::digest::Sha256Digest;
//! use capbundle::keys::{KeyBits, SigningKey};
//! use capbundle::progress::Control;
//! use capbundle::native::{NativeRange, NativeVersion};
//! use capbundle::release::{self, policy, ArchiveIdentity, BundleIdentity, FileList, KeyRing, Release, RingDocument};
//! use capbundle::release::{ReleaseTarget, TrustContext};
//! use capbundle::time::Timestamp;
//! use capbundle::{AppId, Limits, VerifiedArchive};
//!
//! # fn main() -> capbundle::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let work = folder.path();
//! # std::fs::create_dir(work.join("dist")).unwrap();
//! # std::fs::write(work.join("dist/index.html"), "<script>CapacitorUpdater.notifyAppReady()</script>").unwrap();
//! let (app, control): (AppId, _) = ("com.example.app".parse()?, Control::new());
//! let key = SigningKey::generate(KeyBits::B2048)?;
//!
//! // Once: the key ring, which ships inside the app.
//! let ring = RingDocument::new(app.clone(), vec![key.verifying_key()], Timestamp::now());
//! let ring = release::sign_ring(&ring, &[&key])?.to_json()?;
//!
//! // In CI: pack, list the files, sign the release.
//! let zip = work.join("app.zip");
//! let packed = pack(&work.join("dist"), &zip, &PackOptions::default(), &control)?;
//! let archive = VerifiedArchive::from_digest(&zip, &packed.digest, &control)?;
//! let files = FileList::of_archive(&archive, &Limits::default(), &control)?.to_bytes()?;
//! let created_at = Timestamp::now();
//! let target = ReleaseTarget::Bundle(BundleIdentity {
//!     archive: ArchiveIdentity { size: archive.size(), digest: archive.digest() },
//!     sealed: None,
//!     files_digest: Sha256Digest::of(&files),
//! });
//! let new = Release::new(app.clone(), "production".parse()?, 42, target)
//!     .with_version("1.2.3")
//!     .with_validity(created_at, Timestamp(created_at.0 + 90 * 24 * 60 * 60))
//!     .with_native(NativeRange { min: Some(NativeVersion::new("2.0")), max: None });
//! let envelope = release::sign(&new, &[&key], &[])?.to_json()?;
//!
//! // On the device: check the release against local knowledge.
//! let ring = KeyRing::trusted(&ring, &app)?;
//! let (channel, native) = ("production".parse()?, NativeVersion::new("2.1"));
//! let context = TrustContext::new(&ring, &app, &channel, &native).with_built_in_sequence(40);
//! let trusted = policy::check(&envelope, &context)?;
//! let archive = trusted.open(&zip, work, &[], &control)?;
//! unpack(&archive, &work.join("www"), &UnpackOptions::default(), &control)?;
//! let listed = trusted.check_file_list(&files)?;
//! assert_eq!(listed.files().len(), 1);
//!
//! // The same release on a native app with a later built-in bundle.
//! let refused = policy::check(&envelope, &context.with_built_in_sequence(42));
//! assert!(refused.unwrap_err().to_string().contains("built_in_is_newer"));
//! # Ok(())
//! # }
//! ```
//!
//! The caller keeps what a device knows: the last key ring, the last [`Accepted`] release of each channel and the latest
//! time seen. The [`store`](crate::store) does this for you.

mod channel;
mod document;
mod envelope;
mod fields;
mod file_list;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]
mod fixtures;
mod keyring;
pub mod paths;
pub mod policy;
mod refusal;
mod streaming;
mod verified_files;

pub use crate::channel::ChannelName;
pub use crate::error::RefusalReason;
pub use channel::{ALL_DEVICES, Candidate, ChannelFile, MAX_CHANNEL_FILE_BYTES};
pub use document::{
    ArchiveIdentity, BUILT_IN, BundleIdentity, MAX_PATCHES, PatchIdentity, Release, ReleaseTarget, SealedIdentity,
    SignedRelease, create, sign,
};
pub use envelope::{Envelope, KEYS_TYPE, MAX_ENVELOPE_BYTES, RELEASE_TYPE, SignedDocument};
pub use file_list::{FileList, ListedFile, MAX_FILE_LIST_BYTES};
pub use keyring::{KeyRing, MAX_RINGS_AT_A_TIME, RingDocument, SignedKeyRing, create_ring, sign_ring};
pub use policy::{Accepted, TrustContext, TrustedRelease};
pub use streaming::StreamingOpen;
pub use verified_files::VerifiedFiles;

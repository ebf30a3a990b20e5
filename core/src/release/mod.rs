//! Releases: signed documents that say which bundle may run, where, and until when, and the rings of keys that sign them.
//!
//! A signature over an archive alone says that somebody once meant to publish it. It does not say for which app or channel, after
//! which other one, or until when: whoever runs the server can still hand out an old bundle, another app's, or nothing new for
//! ever. A [release](Release) says all of that, and a [`TrustedRelease`] is one that a device may act on. The bytes are those of
//! docs/format.md, section by section; docs/security.md says who is stopped by what, and what remains.
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
//! // Once: the ring of keys that may sign. It ships inside the app.
//! let ring = RingDocument::new(app.clone(), vec![key.verifying_key()], Timestamp::now());
//! let ring = release::sign_ring(&ring, &[&key])?.to_json()?;
//!
//! // In CI: pack, list the files, say what the archive is, sign.
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
//! // On the device: what it knows by itself decides.
//! let ring = KeyRing::trusted(&ring, &app)?;
//! let context = TrustContext {
//!     ring: &ring,
//!     app: &app,
//!     channel: &"production".parse()?,
//!     native: &NativeVersion::new("2.1"),
//!     built_in_sequence: Some(40),
//!     last_accepted: None,
//!     now: Timestamp::now(),
//!     latest_time_seen: Timestamp(0),
//!     content_keys: &[],
//! };
//! let trusted = policy::check(&envelope, &context)?;
//! let archive = trusted.open(&zip, work, &[], &control)?;
//! unpack(&archive, &work.join("www"), &UnpackOptions::default(), &control)?;
//! let listed = trusted.check_file_list(&files)?;
//! assert_eq!(listed.files().len(), 1);
//!
//! // The same release for a native app that was built with a later one.
//! let refused = policy::check(&envelope, &TrustContext { built_in_sequence: Some(42), ..context });
//! assert!(refused.unwrap_err().to_string().contains("built_in_is_newer"));
//! # Ok(())
//! # }
//! ```
//!
//! What a device knows by itself is the caller's to keep: the last ring it followed, what it accepted last on each channel
//! ([`Accepted`]), the latest time seen. The [`store`](crate::store) does.

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

pub use crate::channel::ChannelName;
pub use crate::error::RefusalReason;
pub use channel::{ALL_DEVICES, Candidate, ChannelFile, MAX_CHANNEL_FILE_BYTES};
pub use document::{
    ArchiveIdentity, BUILT_IN, BundleIdentity, Release, ReleaseTarget, SealedIdentity, SignedRelease, create, sign,
};
pub use envelope::{Envelope, KEYS_TYPE, MAX_ENVELOPE_BYTES, RELEASE_TYPE};
pub use file_list::{FileList, ListedFile, MAX_FILE_LIST_BYTES};
pub use keyring::{KeyRing, MAX_RINGS_AT_A_TIME, RingDocument, SignedKeyRing, create_ring, sign_ring};
pub use policy::{Accepted, TrustContext, TrustedRelease};
pub use streaming::Arriving;

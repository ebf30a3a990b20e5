//! Prepare, protect, verify and apply the **web bundles** of Capacitor apps: the zipped HTML, CSS and JavaScript that is
//! updated over the air.
//!
//! The same code runs in CI, in Rust apps, on iOS and on Android, so that the side that makes a bundle and the side that
//! takes it cannot disagree. It speaks Capgo's archive, checksum and v2 encryption formats byte for byte.
//!
//! # From a folder to a verified bundle
//!
//! ```
//! use capbundle::bundle::{pack, unpack, PackOptions, UnpackOptions};
//! use capbundle::capgo::{self, ChecksumForm, Decryption, Encryption};
//! use capbundle::keys::{KeyBits, SigningKey};
//! use capbundle::progress::Control;
//!
//! # fn main() -> capbundle::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let work = folder.path();
//! # std::fs::create_dir(work.join("dist")).unwrap();
//! # std::fs::write(work.join("dist/index.html"), "<script>CapacitorUpdater.notifyAppReady()</script>").unwrap();
//! let (zip, sealed, key) = (work.join("app.zip"), work.join("app.sealed"), SigningKey::generate(KeyBits::B2048)?);
//!
//! // In CI: pack, then encrypt and sign.
//! let packed = pack(&work.join("dist"), &zip, &PackOptions::default(), &Control::new())?;
//! let encryption = Encryption { expected: &packed.digest, key: &key, form: ChecksumForm::V3 };
//! let parts = capgo::encrypt(&zip, &sealed, &encryption, &Control::new())?;
//!
//! // On the device, which has the public key: decrypt, verify, unpack. Nothing unproved gets this far.
//! let public = key.verifying_key();
//! let decryption = Decryption { iv_session_key: &parts.iv_session_key, checksum: &parts.checksum, key: &public };
//! let archive = capgo::decrypt(&sealed, work, &decryption, &Control::new())?;
//! let unpacked = unpack(&archive, &work.join("www"), &UnpackOptions::default(), &Control::new())?;
//! assert_eq!(unpacked.files, packed.files);
//! # Ok(())
//! # }
//! ```
//!
//! # What it defends against
//!
//! - **A hostile or broken server or network.** What is checked follows from what the caller passes in: a digest, or a
//!   public key. An empty, malformed or downgraded answer is [`ErrorKind::NotTrusted`], never a check left out. Only a
//!   [`VerifiedArchive`] can be unpacked, and it owns the very file handle that was hashed.
//! - **A hostile archive.** Names go through one gate ([`path::SafePath`]); links, special files, other compression
//!   methods, double names, overlapping and hidden entries are refused; [`Limits`] hold on the bytes really produced.
//! - **Accidents.** Files and folders appear whole or not at all. An error leaves nothing behind. On the device a
//!   [`store::Store`] survives a power cut at any moment, and a bundle that does not work is left for the last that did.
//! - **Old, foreign and frozen bundles**, with [releases](release): a signed document binds an archive to app, channel, order, native
//!   versions and a time to live, and a ring of keys, of which several may have to sign, hands on to the next.
//!
//! It does not defend against someone who can write to the app's own folders or who holds as many signing keys as must sign.
//! Capgo's v2 format authenticates but does not keep secret, and does not say which app or version an archive is for: see
//! [`capgo`]. docs/security.md has who can do what against each way of protecting a bundle, and what remains.
//!
//! # Costs
//!
//! No operation holds a file or an archive in memory, and none leaves a thread behind. Everything blocks; call it from a
//! background thread, watch and cancel it through [`progress::Control`].
//!
//! # Features
//!
//! `pack` (on by default): making archives. A device library leaves it out. `check` (part of `pack`): looking through a folder
//! for what would not work on a device; with `ignore-rules` (part of `pack` too) it knows `.capbundleignore`.
//!
//! `http`: a [`http::Transport`] of this crate, with TLS. Phones bring their own.
//!
//! `publish`: bringing bundles to where devices get them: the Bundles API, S3, any server, checks of what others host. Phones
//! have no use for it.

// The mock transport is compiled into the tests of two packages, and names this one as the other does.
#[cfg(test)]
extern crate self as capbundle;

mod app_id;
pub mod bundle;
pub mod capgo;
mod channel;
pub mod digest;
mod error;
mod finding;
pub mod http;
pub mod io;
pub mod json;
pub mod keys;
mod limits;
pub mod native;
pub mod path;
pub mod progress;
pub mod release;
pub mod sealed;
pub mod size;
pub mod store;
pub mod time;
pub mod update;
mod verified;

/// The README's program, compiled and run with the tests.
#[cfg(all(doctest, feature = "pack"))]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use app_id::AppId;
pub use channel::ChannelName;
pub use error::{Error, ErrorKind, InsecureReason, RefusalReason, Result};
pub use finding::{Finding, FindingCode, Severity};
pub use limits::Limits;
pub use verified::{Proof, VerifiedArchive};

//! Over-the-air updates for the **web bundles** of Capacitor apps: the zipped HTML, CSS and JavaScript of an app.
//!
//! The same code runs in CI, in Rust apps, on iOS and on Android. It reads and writes Capgo's archive, checksum and v2
//! encryption formats byte for byte.
//!
//! | I want to … | use |
//! |---|---|
//! | check a folder and pack it into an archive | [`bundle::check`], [`pack`] |
//! | look into an archive | [`bundle::inspect`] |
//! | encrypt and sign an archive for Capgo's plugin | [`capgo`] with a [`SigningKey`] |
//! | encrypt an archive so that only the app can read it | [`sealed`] with a [`keys::ContentKey`] |
//! | sign a release: app, channel, order, native versions, expiry | [`release::sign`] |
//! | decide whether a device may accept a release | [`release::policy::check`] |
//! | prove that a file has a known digest | [`VerifiedArchive::from_digest`] |
//! | unpack a verified archive into a folder | [`unpack`] |
//! | install bundles on a device, launch them, roll back | [`Store`] |
//! | make the changed files of a bundle from old ones | [`patch::apply`] |
//! | download over HTTP, with resume and retry | [`http`], [`store::Store::install_from`] |
//! | follow a static channel | [`store::Store::update_from_channel`] |
//! | keep an app up to date | [`updater::Updater`] |
//! | ask a Capgo update server | [`update::ask`], [`update::UpdateClient`] |
//! | read why a device serves its bundle | [`updater::DeviceLog`] |
//! | watch or cancel a long operation | [`Control`] |
//! | upload to S3 or a server, publish to a static site | the crate `capbundle-publish` |
//!
//! # From a folder to an installed bundle
//!
//! ```
//! use capbundle::{Control, SigningKey, Store, StoreOptions, bundle, capgo, keys, native, pack, store};
//! # fn main() -> capbundle::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let work = folder.path();
//! # std::fs::create_dir(work.join("dist")).unwrap();
//! # std::fs::write(work.join("dist/index.html"), "<script>CapacitorUpdater.notifyAppReady()</script>").unwrap();
//! # let (zip, sealed) = (work.join("app.zip"), work.join("app.sealed"));
//! # let control = Control::new();
//! // In CI: pack, encrypt and sign.
//! let key = SigningKey::generate(keys::KeyBits::B2048)?;
//! let packed = pack(&work.join("dist"), &zip, &bundle::PackOptions::default(), &control)?;
//! let protect = capgo::Encryption { expected: &packed.digest, key: &key, form: capgo::ChecksumForm::V3 };
//! let parts = capgo::encrypt(&zip, &sealed, &protect, &control)?;
//! // On the device, with the public key: decrypt, verify, install.
//! let (iv_session_key, checksum, key) = (&parts.iv_session_key, &parts.checksum, &key.verifying_key());
//! let archive = capgo::decrypt(&sealed, work, &capgo::Decryption { iv_session_key, checksum, key }, &control)?;
//! let store = Store::open(&work.join("store"), StoreOptions::default())?;
//! let installed = store.install(&archive, &store::NewBundle::new("1.2.3"), &control)?;
//! # assert_eq!(installed.version, "1.2.3");
//! # Ok(())
//! # }
//! ```
//!
//! # What it defends against
//!
//! - **A hostile or broken server or network.** The caller's arguments decide what is verified: a digest or a public key. An
//!   empty, malformed or downgraded response is [`ErrorKind::NotTrusted`]; it never skips a check. Only a
//!   [`VerifiedArchive`] can be unpacked, and it owns the file handle that was hashed.
//! - **A hostile archive.** [`path::SafePath`] checks every name. Links, special files, other compression methods,
//!   duplicate names, and overlapping or hidden entries are refused. [`Limits`] apply to the bytes that are produced.
//! - **Accidents.** Files and folders appear completely or not at all, and an error leaves nothing behind. A [`Store`]
//!   survives a power cut at any moment, and falls back to the last working bundle when a new one does not start.
//! - **Old, foreign and withheld bundles**, with [releases](release). A signed document binds an archive to an app, a channel,
//!   an order, native versions and an expiry. A key ring can require several signatures and rotate its keys.
//!
//! It does not defend against an attacker who can write to the app's own folders, or who holds enough signing keys.
//! Capgo's v2 format authenticates an archive. It does not keep it secret, and does not bind it to an app or version: see
//! [`capgo`]. `docs/security.md` lists each attacker, each protection and the remaining risks.
//!
//! # Costs
//!
//! No operation holds a whole file or archive in memory, and none leaves a thread behind. Every call blocks: run it on a
//! background thread, and watch or cancel it through [`Control`].
//!
//! # Features
//!
//! - `pack` (default): packing archives. Device libraries leave it out.
//! - `check` (part of `pack`): checking a folder for problems on devices.
//! - `ignore-rules` (part of `pack`): `.capbundleignore` files.
//! - `http`: an [`http::Transport`] with TLS. Phones bring their own.

// The mock transport is compiled into the tests of two packages; both refer to this one by name.
#[cfg(test)]
extern crate self as capbundle;

mod app_id;
pub mod bundle;
pub mod capgo;
mod channel;
pub mod digest;
mod error;
mod expected_proof;
mod finding;
pub mod http;
pub mod io;
pub mod json;
pub mod keys;
mod limits;
pub mod native;
pub mod patch;
pub mod path;
pub mod progress;
pub mod ranges;
pub mod release;
pub mod sealed;
mod setters;
pub mod size;
pub mod store;
pub mod time;
pub mod update;
pub mod updater;
mod verified;

/// Compiles and runs the program in the README.
#[cfg(all(doctest, feature = "pack"))]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use app_id::AppId;
#[cfg(feature = "pack")]
pub use bundle::pack;
pub use bundle::unpack;
pub use channel::ChannelName;
pub use error::{Error, ErrorKind, InsecureReason, RefusalReason, Result};
pub use expected_proof::ExpectedProof;
pub use finding::{Finding, FindingCode, Severity};
pub use keys::{SigningKey, VerifyingKey, VerifyingKeys};
pub use limits::Limits;
pub use progress::Control;
pub use store::{Store, StoreOptions};
pub use verified::{Proof, VerifiedArchive};

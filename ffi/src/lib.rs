//! The border between the `capbundle` core and Swift and Kotlin.
//!
//! Wraps and converts; every feature belongs to the core. Paths cross the border, never whole archives. Numbers are signed
//! (`i64`), since Java cannot call what takes Kotlin's unsigned ones; a negative one where none makes sense is
//! `InvalidInput`. Times are milliseconds or seconds, since the platforms' own types need newer systems than ours.
//!
//! Every exported function that can fail returns a `Result` and runs inside [`catch_panic::catch_panic`], so that a panic arrives as
//! an error too. Nothing is printed, no thread, logger or signal handler stays behind.

#![allow(
    clippy::missing_errors_doc,
    reason = "comments of exported items become those of Swift and Kotlin, which say «Throws»"
)]
#![allow(clippy::needless_pass_by_value, reason = "records cross the border by value")]

pub mod archive;
mod catch_panic;
pub mod check;
mod convert;
pub mod digest;
pub mod download;
pub mod error;
pub mod http;
pub mod inspect;
pub mod keys;
pub mod limits;
pub mod log;
#[cfg(feature = "panic-on-purpose")]
pub mod panic_on_purpose;
pub mod progress;
pub mod release;
pub mod capgo;
pub mod store;

uniffi::setup_scaffolding!();

#[cfg(test)]
#[path = "../tests/contract/mod.rs"]
mod contract;

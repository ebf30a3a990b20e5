//! The FFI layer: the `capbundle` core as Swift and Kotlin call it.
//!
//! This crate wraps and converts; every feature belongs to the core. Paths cross the FFI, never whole archives.
//! Numbers are signed (`i64`), because Java cannot call functions that take Kotlin's unsigned types; a negative
//! number where none is allowed is `InvalidInput`. Times are milliseconds or seconds, because the platforms'
//! own types require newer systems than we support.
//!
//! Every exported function that can fail returns a `Result` and runs inside [`catch_panic::catch_panic`], so a
//! panic also arrives as an error. The crate prints nothing and leaves no thread, logger or signal handler
//! behind.

#![allow(
    clippy::missing_errors_doc,
    reason = "doc comments of exported items appear in Swift and Kotlin, which say «Throws»"
)]
#![allow(clippy::needless_pass_by_value, reason = "records cross the FFI by value")]

pub mod archive;
pub mod capgo;
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
pub mod store;
pub mod updater;

uniffi::setup_scaffolding!();

#[cfg(test)]
#[path = "../tests/contract/mod.rs"]
mod contract;

//! Shared set-up of the capbundle tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

pub mod corpus;
pub mod documented;
pub mod folder_server;
pub mod forge;
pub mod measure;
pub mod peers;
pub mod rough_server;
#[cfg(feature = "s3-store")]
pub mod s3_store;
pub mod skip;
pub mod tree;
pub mod vector;

/// The Rust of the documentation, compiled with the tests; that of the README is the core's. `tests/docs.rs` finds a page that is in
/// neither place.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../docs/capgo-plugin.md")]
    struct CapgoPlugin;
}

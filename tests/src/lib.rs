//! The test library shared by all capbundle tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose set-up fails has failed"
)]

pub mod corpus;
pub mod documented;
pub mod folder_server;
pub mod forge;
pub mod lossy_proxy;
pub mod measure;
pub mod peers;
pub mod rough_server;
#[cfg(feature = "s3-store")]
pub mod s3_store;
pub mod scripted_server;
pub mod skip;
pub mod tree;
pub mod vector;

/// Compiles the Rust code of the documentation as doctests. The code of the README is compiled with the core. `tests/docs.rs` finds
/// pages that neither compiles.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../docs/capgo-plugin.md")]
    struct CapgoPlugin;
    #[doc = include_str!("../../docs/host.md")]
    struct Host;
    #[doc = include_str!("../../docs/key-rotation.md")]
    struct KeyRotation;
}

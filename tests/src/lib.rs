//! Shared set-up of the capbundle tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

pub mod corpus;
pub mod folder_server;
pub mod forge;
pub mod measure;
pub mod peers;
pub mod rough_server;
pub mod skip;
pub mod tree;
pub mod vector;

//! Bringing a bundle to where devices get it, and telling their server.
//!
//! For CI and tools, with feature `publish`; phones have no use for it.

pub mod api;
pub mod plan;
pub mod s3;

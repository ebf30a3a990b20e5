//! Bringing a bundle to where devices get it, and telling their server.
//!
//! For CI and tools, with feature `publish`; phones have no use for it.

pub mod api;
pub mod external;
mod outcome;
pub mod plan;
pub mod put;
pub mod s3;
pub mod static_site;
mod told;

//! Bringing bundles to where devices get them (feature `publish`).

pub mod api;
pub mod external;
pub mod put;
pub mod s3;
mod told;

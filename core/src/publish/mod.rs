//! Bringing bundles to where devices get them (feature `publish`).

pub mod api;
pub mod s3;

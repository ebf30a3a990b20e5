//! Bringing bundles to where devices get them (feature `publish`).

pub mod s3;

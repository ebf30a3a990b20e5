//! Bringing bundles to where devices get them. Feature `publish`.

pub mod api;

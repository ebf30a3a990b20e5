//! Protecting archives and proving them.

pub mod capgo;
mod checksum;

pub use checksum::{ChecksumForm, SignedChecksum};

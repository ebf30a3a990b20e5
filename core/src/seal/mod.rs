//! Protecting archives and proving them.

pub mod capgo;
mod checksum;
pub mod stream;

pub use checksum::{ChecksumForm, SignedChecksum};

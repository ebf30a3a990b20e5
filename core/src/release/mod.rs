//! Releases: signed documents that say which bundle may run, where, and until when, and the rings of keys that sign them.
//!
//! The bytes are those of docs/format.md; who is stopped by what is in docs/security.md.

mod channel_file;
mod document;
mod envelope;
mod fields;
mod files;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]
mod fixtures;
mod refusal;
mod ring;
pub mod site;
pub mod trust;

pub use channel_file::{ALL_DEVICES, Candidate, ChannelFile, MAX_CHANNEL_FILE_BYTES};
pub use document::{ArchiveIdentity, NewRelease, Release, SealedIdentity, SignedRelease, create, sign};
pub use envelope::{Envelope, KEYS_TYPE, MAX_ENVELOPE_BYTES, RELEASE_TYPE};
pub use fields::ChannelName;
pub use files::{FileList, ListedFile, MAX_FILE_LIST_BYTES};
pub use refusal::RefusalReason;
pub use ring::{KeyRing, MAX_RINGS_AT_A_TIME, NewKeyRing, RingDocument, SignedKeyRing, create_ring, sign_ring};
pub use trust::{Accepted, TrustContext, TrustedRelease};

//! Releases on static storage: a folder that a web server serves, or a bucket, with or without a CDN. No update server.
//!
//! docs/format.md defines a site under "Site". Everything here keeps one invariant: **at any moment, every file that a document
//! names exists.** So an archive and patches are written before their release, and a release before the channel file that names it. Each
//! file is written atomically, and unreferenced files are removed in the opposite order.
//!
//! # After a crash
//!
//! A killed publisher leaves unreferenced files. They are harmless: the same operation, run again, resumes with those it would
//! have written, and [`gc`] removes the others. A failed step is not rolled back, since another publisher may already depend
//! on its files; [`PublishError`] lists them.
//!
//! # Concurrent publishers
//!
//! A folder is locked. In a bucket the second publisher finds that a release or channel file was modified and fails with
//! [`Busy`](capbundle::ErrorKind::Busy); nothing of the first is overwritten. If a store does not support conditional writes,
//! the report has the note [`PreconditionsUnsupported`](SiteNote::PreconditionsUnsupported).

mod bucket;
mod bundle;
mod channel;
mod existing;
mod folder;
pub mod gc;
mod list;
mod note;
mod patch_options;
mod patches;
mod plan;
mod provenance;
mod publish;
mod publisher;
mod renew;
mod ring;
mod rollback;
mod signed;
mod signing;
mod state;
mod storage;
pub mod verify;

pub use bucket::BucketSite;
pub use bundle::Bundle;
pub use folder::FolderSite;
pub use list::{Listed, Listing, Unreadable, list};
pub use note::SiteNote;
pub use patch_options::{DEFAULT_PATCHES, NoPatch, PatchOptions, UpdateCost};
pub use plan::{ExecutionOptions, Outcome, PublishError, Report};
pub use publish::{Audience, NewRelease, ReleaseMetadata};
pub use publisher::Publisher;
pub use ring::{current_ring, publish_ring};
pub use signed::{DeliveredFiles, Delivery};
pub use signing::Signing;
pub use storage::{Content, Item, LockGuard, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};

#[cfg(test)]
mod tests;

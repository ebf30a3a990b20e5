//! Releases on static storage: a folder that a web server serves, or a bucket, with or without a CDN. No update server.
//!
//! docs/format.md defines a site under "Site". Everything here keeps one invariant: **at any moment, every file that a document
//! names exists.** So an archive is written before its release, and a release before the channel file that names it. Each
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
mod plan;
mod provenance;
mod publish;
mod ring;
mod rollback;
mod signed;
mod signing;
mod state;
mod storage;
pub mod verify;

use std::time::Duration;

pub use bucket::BucketSite;
pub use bundle::Bundle;
pub use folder::FolderSite;
pub use list::{Listed, Listing, Unreadable, list};
pub use note::SiteNote;
pub use plan::{ExecutionOptions, PublishError, Report};
pub use publish::{Audience, ReleaseMetadata};
pub use ring::{current_ring, publish_ring};
pub use signed::Delivery;
pub use signing::Signing;
pub use storage::{Content, Item, LockGuard, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};

use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::time::Timestamp;

/// The result of an operation on a site.
pub type Outcome = Result<Report, Box<PublishError>>;

/// One channel of an app on a site.
#[derive(Debug, Clone, Copy)]
pub struct Publisher<'a> {
    storage: &'a dyn SiteStorage,
    app: &'a AppId,
    channel: &'a ChannelName,
    now: Timestamp,
}

impl<'a> Publisher<'a> {
    /// The channel of this name. Its first release creates it; all other operations require it to exist.
    #[must_use]
    pub fn new(storage: &'a dyn SiteStorage, app: &'a AppId, channel: &'a ChannelName) -> Self {
        Self {
            storage,
            app,
            channel,
            now: Timestamp::now(),
        }
    }

    /// Sets the current time, instead of the system clock's.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

/// An unfinished release older than this is not resumed.
const UNFINISHED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
#[cfg(test)]
mod tests;

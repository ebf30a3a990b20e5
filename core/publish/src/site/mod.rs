//! Releases on plain storage: a folder that a web server serves, a bucket, a CDN before either. No server of ours.
//!
//! A site is what docs/format.md says under "Site". Everything here keeps one promise: **whoever reads at any moment finds
//! everything that what he reads names.** So an archive comes before its release and a release before the channel file that
//! names it, each appears whole or not at all, and what nobody names any more goes the other way round.
//!
//! # What a killed publisher leaves
//!
//! Files that nothing names. They harm nobody: the same operation, run again, goes on with them where they are what it would
//! have made, and [`gc`] removes the others. Nothing is taken back when a step fails, since another publisher may have begun
//! to count on it; what is there is named in [`PublishError`].
//!
//! # Two publishers at once
//!
//! A folder is locked. In a bucket the second one finds that a release or channel file is not as it was, and fails with
//! [`Busy`](capbundle::ErrorKind::Busy); nothing of the first is overwritten. Where a store knows no conditional writes, the
//! answer has the note [`Unguarded`](Note::Unguarded).

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
pub use note::Note;
pub use plan::{ExecutionOptions, PublishError, Report};
pub use publish::{Audience, ReleaseMetadata};
pub use ring::{current_ring, publish_ring};
pub use signed::Delivery;
pub use signing::Signing;
pub use storage::{Content, Item, LockGuard, Precondition, Sent, SiteStorage, Written};

use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::time::Timestamp;

/// What came of an operation on a site.
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
    /// The channel of this name. Its first release makes it; all other operations require it to exist.
    #[must_use]
    pub fn new(storage: &'a dyn SiteStorage, app: &'a AppId, channel: &'a ChannelName) -> Self {
        Self {
            storage,
            app,
            channel,
            now: Timestamp::now(),
        }
    }

    /// By another clock than that of this machine.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

/// A release that was begun longer ago than this is not gone on with: whoever begins anew wants a new one.
const UNFINISHED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
#[cfg(test)]
mod tests;

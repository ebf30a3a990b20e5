//! The channel that a publisher changes.

use super::storage::SiteStorage;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::time::Timestamp;

/// One channel of an app on a site.
#[derive(Debug, Clone, Copy)]
pub struct Publisher<'a> {
    pub(super) storage: &'a dyn SiteStorage,
    pub(super) app: &'a AppId,
    pub(super) channel: &'a ChannelName,
    pub(super) now: Timestamp,
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

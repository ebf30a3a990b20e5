//! The channel that a publisher changes.

use super::patch_options::PatchOptions;
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
    pub(super) patches: Option<&'a PatchOptions<'a>>,
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
            patches: None,
        }
    }

    /// Makes patches from earlier releases, for [`publish`](Self::publish) and [`rollback`](Self::rollback). None by default.
    #[must_use]
    pub fn with_patches(mut self, patches: &'a PatchOptions<'a>) -> Self {
        self.patches = Some(patches);
        self
    }

    /// Sets the current time, instead of the system clock's.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }
}

//! The site and the channel that a store updates from.

use crate::store::install::ReleaseOptions;
use crate::update::channel::Site;

/// Where releases come from, and which are taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelSource {
    /// Where the site is.
    pub site: Site,
    /// Which releases are taken.
    pub release: ReleaseOptions,
    /// A text that stays the same on this installation and is another on others: it decides who goes first in a rollout.
    /// `None`: the store's own [`device_id`](Store::device_id).
    pub device_id: Option<String>,
}

impl ChannelSource {
    /// The channel of `release` on this site.
    #[must_use]
    pub fn new(site: Site, release: ReleaseOptions) -> Self {
        Self {
            site,
            release,
            device_id: None,
        }
    }
}

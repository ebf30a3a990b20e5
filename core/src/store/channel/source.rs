//! The site and the channel that a store updates from.

use crate::setters::setters;
use crate::store::install::ReleaseOptions;
use crate::update::channel::Site;

/// A channel, and the settings that decide which releases are accepted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelSource {
    /// The site.
    pub site: Site,
    /// Which releases are accepted.
    pub release: ReleaseOptions,
    /// A string that identifies this installation and does not change: it decides the order of rollouts. `None`: the
    /// store's own [`device_id`](crate::store::Store::device_id).
    pub device_id: Option<String>,
    /// Whether an accepted release comes next. Otherwise its bundle is only installed, and the app decides; a release
    /// that selects the built-in bundle is then reported and not accepted.
    pub sets_next: bool,
}

impl ChannelSource {
    /// The channel of `release` on this site.
    #[must_use]
    pub fn new(site: Site, release: ReleaseOptions) -> Self {
        Self {
            site,
            release,
            device_id: None,
            sets_next: true,
        }
    }

    setters! {
        with_device_id(device_id: impl Into<Option<String>>);
        with_sets_next(sets_next: bool);
    }
}

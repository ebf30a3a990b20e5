//! Requires that a site or channel exists: a typing error must neither look like success nor create a site.

use super::plan;
use super::plan::{Decision, ExecutionOptions};
use super::state::{channel_names, release_of_path};
use super::storage::SiteStorage;
use super::{Outcome, Publisher};
use crate::error::{Error, Result};
use capbundle::ChannelName;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::paths::{ARCHIVES, CHANNELS, FILES, KEYS, RELEASES};

impl Publisher<'_> {
    /// Changes an existing channel. A missing one is refused before anything is locked or created.
    pub(super) fn change(
        &self,
        run: &mut ExecutionOptions<'_>,
        decide: impl FnOnce(&Control) -> Result<Decision>,
    ) -> Outcome {
        require_channel(self.storage, self.channel, run.control)?;
        plan::carry_out(self.storage, run, decide)
    }
}

/// Refuses a location that holds no site.
pub(super) fn require_site(storage: &dyn SiteStorage, control: &Control) -> Result<()> {
    for folder in [CHANNELS, KEYS, RELEASES, FILES, ARCHIVES] {
        if !storage.list(folder, control)?.is_empty() {
            return Ok(());
        }
    }
    Err(Error::NoSuchSite { site: storage.place() })
}

/// Refuses a channel that has neither a file nor a release. If only its file is missing, it can be rolled back to a release.
pub(super) fn require_channel(storage: &dyn SiteStorage, channel: &ChannelName, control: &Control) -> Result<()> {
    if storage.head(&paths::channel_path(channel), control)?.is_some() {
        return Ok(());
    }
    let releases = storage.list(RELEASES, control)?;
    let mut of = releases.iter().filter_map(|item| release_of_path(&item.path));
    if of.any(|(found, _)| found == *channel) {
        return Ok(());
    }
    require_site(storage, control)?;
    Err(Error::NoSuchChannel {
        channel: channel.to_string(),
        site: storage.place(),
        known: channel_names(storage, control)?
            .iter()
            .map(ToString::to_string)
            .collect(),
    })
}

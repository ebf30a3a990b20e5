//! What a site has, for people and scripts.

use super::state::{read_channel, read_release, release_of_path};
use super::storage::SiteStorage;
use crate::app_id::AppId;
use crate::error::Result;
use crate::progress::Control;
use crate::release::site::{CHANNELS, RELEASES};
use crate::release::{ChannelFile, ChannelName, Release};

/// The channels of a site and their releases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// By their names.
    pub channels: Vec<ChannelFile>,
    /// By channel, the newest first.
    pub releases: Vec<Listed>,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// What it says. Nothing of it is verified.
    pub release: Release,
    /// Whether it is the one for everybody.
    pub is_stable: bool,
    /// How many of 10,000 devices are offered it, if it is the candidate.
    pub rollout_bps: Option<u16>,
}

/// What a site has. With a channel, of that one alone.
///
/// # Errors
/// Why a document cannot be read, by the kinds of [`Error::ReleaseRefused`](crate::Error::ReleaseRefused) and those of the
/// storage.
pub fn list(
    storage: &dyn SiteStorage,
    app: &AppId,
    channel: Option<&ChannelName>,
    control: &Control,
) -> Result<Listing> {
    let wanted = |name: &ChannelName| channel.is_none_or(|channel| channel == name);
    let mut channels = Vec::new();
    for name in channel_names(storage, control)?.into_iter().filter(wanted) {
        channels.extend(read_channel(storage, app, &name, control)?.map(|(file, _)| file));
    }
    let mut found: Vec<(ChannelName, u64)> = storage
        .list(RELEASES, control)?
        .iter()
        .filter_map(|item| release_of_path(&item.path))
        .filter(|(name, _)| wanted(name))
        .collect();
    found.sort_unstable_by(|(one, first), (other, second)| one.cmp(other).then(second.cmp(first)));
    let mut releases = Vec::new();
    for (name, sequence) in found {
        // It may have gone since.
        let Some((_, signed)) = read_release(storage, &name, sequence, control)? else {
            continue;
        };
        let file = channels.iter().find(|file| file.channel == name);
        let candidate = file.and_then(|file| file.candidate);
        releases.push(Listed {
            release: signed.release().clone(),
            is_stable: file.is_some_and(|file| file.stable == Some(sequence)),
            rollout_bps: candidate
                .filter(|candidate| candidate.sequence == sequence)
                .map(|candidate| candidate.rollout_bps),
        });
    }
    Ok(Listing { channels, releases })
}

/// Names of the channels that have a file, in their order.
pub(super) fn channel_names(storage: &dyn SiteStorage, control: &Control) -> Result<Vec<ChannelName>> {
    let items = storage.list(CHANNELS, control)?;
    let names = items.iter().filter_map(|item| {
        let name = item.path.strip_prefix(CHANNELS)?.strip_prefix('/')?;
        name.strip_suffix(".json")?.parse().ok()
    });
    Ok(names.collect())
}

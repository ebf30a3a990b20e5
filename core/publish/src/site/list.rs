//! What a site has, for people and scripts.

use super::existing::{require_channel, require_site};
use super::provenance::is_of_document;
use super::state::{read_channel, read_release, release_of_path};
use super::storage::SiteStorage;
use crate::error::Result;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::progress::Control;
use capbundle::release::paths::{CHANNELS, RELEASES};
use capbundle::release::{ChannelFile, Release};

/// The channels of a site and their releases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// By their names.
    pub channels: Vec<ChannelFile>,
    /// By channel, the newest first.
    pub releases: Vec<Listed>,
    /// Those that are missing although a channel names them, or cannot be read: damaged, or of another format.
    pub unreadable: Vec<Unreadable>,
}

/// A release that cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The channel whose it should be.
    pub channel: ChannelName,
    /// Its number, by its name.
    pub sequence: u64,
    /// Whether the channel offers it, so that devices ask for it.
    pub is_offered: bool,
    /// What is wrong with it.
    pub problem: String,
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
/// [`NotFound`](capbundle::ErrorKind::NotFound) where nothing is published, and for a channel that does not exist; why a channel file
/// cannot be read, and what the storage can come to.
pub fn list(
    storage: &dyn SiteStorage,
    app: &AppId,
    channel: Option<&ChannelName>,
    control: &Control,
) -> Result<Listing> {
    match channel {
        Some(channel) => require_channel(storage, channel, control)?,
        None => require_site(storage, control)?,
    }
    let wanted = |name: &ChannelName| channel.is_none_or(|channel| channel == name);
    let mut channels = Vec::new();
    for name in channel_names(storage, control)?.into_iter().filter(wanted) {
        channels.extend(read_channel(storage, app, &name, control)?.map(|(file, _)| file));
    }
    let of_file = |file: &ChannelFile| {
        let name = file.channel.clone();
        file.sequences()
            .map(move |sequence| (name.clone(), sequence))
            .collect::<Vec<_>>()
    };
    let named: Vec<(ChannelName, u64)> = channels.iter().flat_map(of_file).collect();
    let items = storage.list(RELEASES, control)?;
    let there = items.iter().filter_map(|item| release_of_path(&item.path));
    let mut found: Vec<_> = there.filter(|(name, _)| wanted(name)).chain(named.clone()).collect();
    found.sort_unstable_by(|(one, first), (other, second)| one.cmp(other).then(second.cmp(first)));
    found.dedup();
    let (mut releases, mut unreadable) = (Vec::new(), Vec::new());
    for (channel, sequence) in found {
        let is_offered = named.contains(&(channel.clone(), sequence));
        let problem = match read_release(storage, &channel, sequence, control) {
            Ok(Some((_, signed))) => {
                releases.push(listed(&channels, signed.release()));
                continue;
            }
            // It may have gone since.
            Ok(None) if !is_offered => continue,
            Ok(None) => "it is not there".to_owned(),
            Err(error) if is_of_document(&error) => error.to_string(),
            Err(error) => return Err(error),
        };
        unreadable.push(Unreadable {
            channel,
            sequence,
            is_offered,
            problem,
        });
    }
    Ok(Listing {
        channels,
        releases,
        unreadable,
    })
}

fn listed(channels: &[ChannelFile], release: &Release) -> Listed {
    let file = channels.iter().find(|file| file.channel == release.channel);
    let candidate = file.and_then(|file| file.candidate);
    Listed {
        release: release.clone(),
        is_stable: file.is_some_and(|file| file.stable == Some(release.sequence)),
        rollout_bps: candidate
            .filter(|candidate| candidate.sequence == release.sequence)
            .map(|candidate| candidate.rollout_bps),
    }
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

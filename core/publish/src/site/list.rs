//! Lists the channels and releases of a site.

use super::existing::{require_channel, require_site};
use super::provenance::is_of_document;
use super::state::{channel_names, read_channel, read_release, release_of_path};
use super::storage::SiteStorage;
use crate::error::Result;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::progress::Control;
use capbundle::release::paths::RELEASES;
use capbundle::release::{ChannelFile, Release};

/// The channels of a site and their releases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// Sorted by name.
    pub channels: Vec<ChannelFile>,
    /// Sorted by channel, the newest first.
    pub releases: Vec<Listed>,
    /// Releases that a channel names and that are missing, and those that are damaged or of an unknown format.
    pub unreadable: Vec<Unreadable>,
}

/// A release that cannot be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The channel.
    pub channel: ChannelName,
    /// The sequence, from the file name.
    pub sequence: u64,
    /// Whether the channel offers it to devices.
    pub is_offered: bool,
    /// Why it cannot be listed.
    pub problem: String,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The release. Its signatures are not verified.
    pub release: Release,
    /// Whether it is the stable release.
    pub is_stable: bool,
    /// The share of devices in basis points, if it is the candidate.
    pub rollout_bps: Option<u16>,
}

/// Lists a site, or only one channel of it.
///
/// # Errors
/// [`NotFound`](capbundle::ErrorKind::NotFound) for a missing site or channel; errors of an unreadable channel file
/// and of the storage.
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
            // It may have been removed since.
            Ok(None) if !is_offered => continue,
            Ok(None) => "the file is missing".to_owned(),
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

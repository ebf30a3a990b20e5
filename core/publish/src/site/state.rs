//! The current state of a site.

use std::collections::BTreeSet;

use super::Publisher;
use super::storage::{Content, SiteStorage};
use crate::error::{Error, Result};
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::json::MAX_NUMBER;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::paths::{CHANNELS, RELEASES};
use capbundle::release::{ChannelFile, MAX_CHANNEL_FILE_BYTES, MAX_ENVELOPE_BYTES, SignedRelease};

/// A channel and its releases when they were read.
#[derive(Debug)]
pub(super) struct SiteState {
    pub(super) channel: ChannelFile,
    /// The content of the channel file; `None` if it does not exist yet.
    pub(super) before: Option<Content>,
    /// Sequences of the existing releases of this channel, referenced or not.
    pub(super) own: BTreeSet<u64>,
    /// All existing releases and those that the channel names, by sequence.
    pub(super) releases: BTreeSet<(u64, ChannelName)>,
    /// Sequences above this one are ignored.
    max_believed: u64,
    /// The highest sequence that is not ignored.
    highest: u64,
    /// The highest sequence that this run uses.
    taken: u64,
}

impl SiteState {
    /// One more than the highest sequence on the site.
    pub(super) fn next_sequence(&self) -> Result<u64> {
        let next = self.highest + 1;
        if next <= MAX_NUMBER {
            return Ok(next);
        }
        let problem = format!(
            "release {} has the highest possible sequence: devices that accepted it accept no other release of this channel, so the \
             app needs another channel",
            self.highest
        );
        Err(Error::invalid_input("sequence", problem))
    }

    /// Ignores sequences above `up_to`, and returns the highest ignored one.
    pub(super) fn believe(&mut self, up_to: u64) -> Option<u64> {
        self.max_believed = up_to;
        let mut numbers = self.releases.iter().rev().map(|(sequence, _)| *sequence);
        let highest = numbers.next();
        self.highest = highest
            .into_iter()
            .chain(numbers)
            .find(|sequence| *sequence <= up_to)
            .unwrap_or(0);
        highest.filter(|highest| *highest > up_to)
    }

    /// The newest release of this channel that is not ignored.
    pub(super) fn newest_own(&self) -> Option<u64> {
        self.own.range(..=self.max_believed).next_back().copied()
    }

    /// Reserves a sequence for a release that this run publishes or resumes.
    pub(super) fn take(&mut self, sequence: u64) {
        self.taken = sequence;
        self.highest = self.highest.max(sequence);
    }

    /// The highest sequence that devices may have accepted from the channel.
    pub(super) fn highest_named(&self) -> u64 {
        let counted = self.channel.sequences().filter(|named| *named <= self.max_believed);
        counted.max().unwrap_or(0)
    }

    /// Unreferenced new releases are above this sequence.
    pub(super) fn highest_used(&self) -> u64 {
        self.highest_named().max(self.taken)
    }
}

impl Publisher<'_> {
    pub(super) fn state(&self, control: &Control) -> Result<SiteState> {
        let (channel, before) = match read_channel(self.storage, self.app, self.channel, control)? {
            Some((channel, content)) => (channel, Some(content)),
            None => (ChannelFile::empty(self.app.clone(), self.channel.clone()), None),
        };
        let mut own = BTreeSet::new();
        let named = channel.sequences().map(|named| (named, self.channel.clone()));
        let mut releases: BTreeSet<_> = named.collect();
        for item in self.storage.list(RELEASES, control)? {
            let Some((found, sequence)) = release_of_path(&item.path) else {
                continue;
            };
            if found == *self.channel {
                own.insert(sequence);
            }
            releases.insert((sequence, found));
        }
        let mut state = SiteState {
            channel,
            before,
            own,
            releases,
            max_believed: 0,
            highest: 0,
            taken: 0,
        };
        // Until the signed sequences are known.
        state.believe(MAX_NUMBER);
        Ok(state)
    }

    /// A release of this channel, which must exist.
    pub(super) fn release(&self, sequence: u64, control: &Control) -> Result<(Content, SignedRelease)> {
        let found = read_release(self.storage, self.channel, sequence, control)?;
        found.ok_or_else(|| {
            let problem = format!("{} has no release {sequence} of this channel", self.storage.place());
            Error::invalid_input(format!("channel {}", self.channel), problem)
        })
    }
}

/// Names of the channels that have a file, sorted.
pub(super) fn channel_names(storage: &dyn SiteStorage, control: &Control) -> Result<Vec<ChannelName>> {
    let items = storage.list(CHANNELS, control)?;
    let names = items.iter().filter_map(|item| {
        let name = item.path.strip_prefix(CHANNELS)?.strip_prefix('/')?;
        name.strip_suffix(".json")?.parse().ok()
    });
    Ok(names.collect())
}

pub(super) fn read_channel(
    storage: &dyn SiteStorage,
    app: &AppId,
    channel: &ChannelName,
    control: &Control,
) -> Result<Option<(ChannelFile, Content)>> {
    let path = paths::channel_path(channel);
    let Some(content) = storage.read(&path, MAX_CHANNEL_FILE_BYTES as u64, control)? else {
        return Ok(None);
    };
    let file = ChannelFile::parse(&content.bytes, app, channel)?;
    Ok(Some((file, content)))
}

pub(super) fn read_release(
    storage: &dyn SiteStorage,
    channel: &ChannelName,
    sequence: u64,
    control: &Control,
) -> Result<Option<(Content, SignedRelease)>> {
    let path = paths::release_path(channel, sequence);
    let Some(content) = storage.read(&path, MAX_ENVELOPE_BYTES as u64, control)? else {
        return Ok(None);
    };
    let release = SignedRelease::parse(&content.bytes)?;
    let said = release.release();
    if said.channel != *channel || said.sequence != sequence {
        return Err(Error::Core(capbundle::Error::Corrupt {
            path: format!("{}/{path}", storage.place()).into(),
            problem: format!(
                "expected release {sequence} of {channel}, found release {} of {}",
                said.sequence, said.channel
            ),
        }));
    }
    Ok(Some((content, release)))
}

/// The channel and the sequence in the path of a release; `None` for the path of anything else.
pub(super) fn release_of_path(path: &str) -> Option<(ChannelName, u64)> {
    let (folder, name) = path.strip_prefix(RELEASES)?.strip_prefix('/')?.split_once('/')?;
    Some((folder.parse().ok()?, numbered(name)?))
}

/// The number in a name such as `42.json`, in its one spelling.
pub(super) fn numbered(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".json")?;
    let number: u64 = digits.parse().ok()?;
    ((1..=MAX_NUMBER).contains(&number) && number.to_string() == digits).then_some(number)
}

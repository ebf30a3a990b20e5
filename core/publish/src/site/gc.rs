//! Removes unreferenced files.
//!
//! Keeps every release that a channel names, the newest releases of each channel, all key rings, recent files, and every file
//! that does not belong to the site, except the temporary files of killed publishers. Removes releases first, then file lists,
//! patches and archives, so that every remaining release is complete. Removes nothing if a relevant document cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::existing::require_site;
use super::plan::ExecutionOptions;
use super::state::{channel_names, read_channel, read_release, release_of_path};
use super::storage::{Content, Item, SiteStorage};
use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::paths::{ARCHIVES, CHANNELS, FILES, KEYS, PATCHES, RELEASES};
use capbundle::time::Timestamp;

/// Which files to keep, besides the releases that channels name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcOptions {
    /// How many of the newest releases of each channel to keep, referenced or not. 10. The newest is always kept: it determines the
    /// next sequence.
    pub keep: usize,
    /// Keep files written, touched or dereferenced within this period: a publisher may be about to reference them, and a device
    /// that read an older channel file may be about to download them. A day.
    pub grace: Duration,
    /// The current time.
    pub now: Timestamp,
}

impl Default for GcOptions {
    fn default() -> Self {
        Self {
            keep: 10,
            grace: Duration::from_secs(24 * 60 * 60),
            now: Timestamp::now(),
        }
    }
}

impl GcOptions {
    setters! {
        with_keep(keep: usize);
        with_grace(grace: Duration);
        with_now(now: Timestamp);
    }
}

/// The removed files (after a dry run, those that would be removed) and the kept ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Paths of the removed files, in the order of removal.
    pub removed: Vec<String>,
    /// Total size of the removed files in bytes.
    pub bytes: u64,
    /// The number of kept releases.
    pub kept: usize,
    /// Paths of unreferenced files that are too recent, or whose age the storage does not know.
    pub young: Vec<String>,
}

/// Removes unreferenced files.
///
/// It can be interrupted at any point and run again.
///
/// # Errors
/// [`NotFound`](capbundle::ErrorKind::NotFound) if the location holds no site; [`ReleaseRefused`](capbundle::Error::ReleaseRefused) and
/// [`Corrupt`](capbundle::ErrorKind::Corrupt), before anything is removed, for a channel file or kept release that is missing or
/// cannot be read; [`Busy`](capbundle::ErrorKind::Busy) if a channel changes
/// meanwhile; errors of the storage.
pub fn collect(
    storage: &dyn SiteStorage,
    app: &AppId,
    options: &GcOptions,
    run: &mut ExecutionOptions<'_>,
) -> Result<Collected> {
    let control = run.control;
    require_site(storage, control)?;
    let _held = if run.dry_run {
        None
    } else {
        Some(storage.lock(control)?)
    };
    let channels = Channels::read(storage, app, control)?;
    let releases = storage.list(RELEASES, control)?;
    let kept = kept(&releases, &channels, options);
    let needed = needed(storage, &kept, control)?;

    let mut collected = Collected {
        kept: kept.len(),
        ..Collected::default()
    };
    let old_release = |item: &&Item| release_of_path(&item.path).is_some_and(|release| !kept.contains(&release));
    let mut old: Vec<Item> = releases.iter().filter(old_release).cloned().collect();
    old.extend(leftovers(storage, options, control)?);
    for folder in [FILES, PATCHES, ARCHIVES] {
        let unneeded = |item: &Item| is_named_by_digest(&item.path) && !needed.contains(&item.path);
        for item in storage.list(folder, control)?.into_iter().filter(unneeded) {
            if is_young(&item, options) {
                collected.young.push(item.path);
            } else {
                old.push(item);
            }
        }
    }
    let mut last_folder = String::new();
    for item in old {
        (run.before)(&format!("remove {}", item.path));
        if !run.dry_run {
            control.check("remove unreferenced files")?;
            // A bucket does not lock out publishers: checks for changes before each kind of file.
            let folder = item.path.split('/').next().unwrap_or_default();
            if folder != last_folder {
                channels.require_unchanged(storage, app, control)?;
                folder.clone_into(&mut last_folder);
            }
            if !still_old(storage, &item, options, control)? {
                collected.young.push(item.path);
                continue;
            }
            storage.delete(&item.path, control)?;
        }
        collected.bytes += item.size;
        collected.removed.push(item.path);
    }
    Ok(collected)
}

/// Unfinished files of killed publishers.
fn leftovers(storage: &dyn SiteStorage, options: &GcOptions, control: &Control) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    for folder in [CHANNELS, KEYS, RELEASES, FILES, PATCHES, ARCHIVES] {
        let is_leftover = |item: &Item| {
            let name = item.path.rsplit('/').next().unwrap_or_default();
            atomic_file::is_unfinished(name) && !is_young(item, options)
        };
        found.extend(storage.list(folder, control)?.into_iter().filter(is_leftover));
    }
    Ok(found)
}

/// All channel files, and the releases that they name.
struct Channels {
    read: Vec<(ChannelName, Content)>,
    named: BTreeSet<(ChannelName, u64)>,
}

impl Channels {
    fn read(storage: &dyn SiteStorage, app: &AppId, control: &Control) -> Result<Self> {
        let (mut read, mut named) = (Vec::new(), BTreeSet::new());
        for name in channel_names(storage, control)? {
            if let Some((file, content)) = read_channel(storage, app, &name, control)? {
                named.extend(file.sequences().map(|sequence| (name.clone(), sequence)));
                read.push((name, content));
            }
        }
        Ok(Self { read, named })
    }

    fn require_unchanged(&self, storage: &dyn SiteStorage, app: &AppId, control: &Control) -> Result<()> {
        let now = Self::read(storage, app, control)?;
        let same = |(one, other): (&(ChannelName, Content), &(ChannelName, Content))| {
            one.0 == other.0 && one.1.bytes == other.1.bytes
        };
        if self.read.len() == now.read.len() && self.read.iter().zip(&now.read).all(same) {
            return Ok(());
        }
        Err(Error::ModifiedConcurrently {
            what: format!("the channels of {}", storage.place()),
        })
    }
}

/// Releases to keep: referenced, the newest of their channel, or recent.
fn kept(releases: &[Item], channels: &Channels, options: &GcOptions) -> BTreeSet<(ChannelName, u64)> {
    let mut kept = channels.named.clone();
    let mut by_channel: BTreeMap<ChannelName, Vec<u64>> = BTreeMap::new();
    for item in releases {
        let Some((channel, sequence)) = release_of_path(&item.path) else {
            continue;
        };
        if is_young(item, options) {
            kept.insert((channel.clone(), sequence));
        }
        by_channel.entry(channel).or_default().push(sequence);
    }
    for (channel, mut sequences) in by_channel {
        sequences.sort_unstable_by(|one, other| other.cmp(one));
        let newest = sequences.into_iter().take(options.keep.max(1));
        kept.extend(newest.map(|sequence| (channel.clone(), sequence)));
    }
    kept
}

/// Paths that the kept releases reference.
fn needed(
    storage: &dyn SiteStorage,
    kept: &BTreeSet<(ChannelName, u64)>,
    control: &Control,
) -> Result<BTreeSet<String>> {
    let mut needed = BTreeSet::new();
    for (channel, sequence) in kept {
        let Some((_, signed)) = read_release(storage, channel, *sequence, control)? else {
            return Err(Error::Core(capbundle::Error::Corrupt {
                path: format!("{}/{}", storage.place(), paths::release_path(channel, *sequence)).into(),
                problem: "a channel names this release, and it is missing: nothing is removed from a broken site"
                    .to_owned(),
            }));
        };
        // A release of the built-in bundle references nothing.
        if let Some(bundle) = signed.release().bundle() {
            needed.insert(paths::archive_of(bundle).0);
            needed.insert(paths::file_list_path(&bundle.files_digest));
            needed.extend(signed.release().patches.iter().map(|patch| paths::patch_of(patch).0));
        }
    }
    Ok(needed)
}

fn is_young(item: &Item, options: &GcOptions) -> bool {
    item.modified
        .is_none_or(|modified| options.now.since(modified) < options.grace)
}

fn still_old(storage: &dyn SiteStorage, item: &Item, options: &GcOptions, control: &Control) -> Result<bool> {
    let found = storage.head(&item.path, control)?;
    // Releases that are kept because they are recent are not among these.
    Ok(found.is_some_and(|found| !is_young(&found, options)))
}

/// Whether a site stores this file under its digest. Any other file in its folders does not belong to it and is kept.
fn is_named_by_digest(path: &str) -> bool {
    let name = path.split_once('/').map_or(path, |(_, name)| name);
    let Some((digest, kind)) = name.split_once('.') else {
        return false;
    };
    matches!(kind, "json" | "zip" | "sealed" | "patch") && digest.parse::<Sha256Digest>().is_ok()
}

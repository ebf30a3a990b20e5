//! Removing what nothing needs any more.
//!
//! Kept are: every release that a channel names, the newest of each channel, all key rings, whatever is young, and every file
//! that is none of a site's, but for what killed publishers had not finished. What goes, goes in the order release, file list,
//! archive, so that what is still there is whole.
//! Nothing at all is removed while a document that decides cannot be read: what it needs is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::existing::require_site;
use super::list::channel_names;
use super::plan::ExecutionOptions;
use super::state::{read_channel, read_release, release_of_path};
use super::storage::{Content, Item, SiteStorage};
use crate::error::{Error, Result};
use capbundle::AppId;
use capbundle::ChannelName;
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::progress::Control;
use capbundle::release::paths;
use capbundle::release::paths::{ARCHIVES, CHANNELS, FILES, KEYS, RELEASES};
use capbundle::time::Timestamp;

/// What to keep besides what channels name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcOptions {
    /// Releases of each channel, the newest, whether named or not. 10. The newest one stays in any case: the number of the next
    /// is counted from it.
    pub keep: usize,
    /// Whatever was written, touched or named no more less long ago stays: a publisher may be about to name it, and a device
    /// that read a channel file before it changed may be about to fetch it. A day.
    pub grace: Duration,
    /// The time now.
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

/// What was removed, or would be by a dry run, and what stayed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Paths of what was removed, in the order in which it was.
    pub removed: Vec<String>,
    /// Bytes of them.
    pub bytes: u64,
    /// Releases that stayed.
    pub kept: usize,
    /// Paths of what nothing names and that is too young, or of an age that the storage does not tell.
    pub young: Vec<String>,
}

/// Removes what nothing needs.
///
/// Stopped at any point, run it again.
///
/// # Errors
/// [`NotFound`](capbundle::ErrorKind::NotFound) where nothing is published; [`Error::ReleaseRefused`] and [`Corrupt`](capbundle::ErrorKind::Corrupt) for a channel file or a release that is kept and
/// cannot be read, or is not there, before anything is removed; [`Busy`](capbundle::ErrorKind::Busy) if a channel changes
/// meanwhile; why something could not be listed or removed.
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
    for folder in [FILES, ARCHIVES] {
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
            control.check("remove what nothing needs")?;
            // Publishers elsewhere are not locked out of a bucket: what has changed since is seen before each kind of file.
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

/// What killed publishers left of files that they had not finished.
fn leftovers(storage: &dyn SiteStorage, options: &GcOptions, control: &Control) -> Result<Vec<Item>> {
    let mut found = Vec::new();
    for folder in [CHANNELS, KEYS, RELEASES, FILES, ARCHIVES] {
        let is_leftover = |item: &Item| {
            let name = item.path.rsplit('/').next().unwrap_or_default();
            atomic_file::is_unfinished(name) && !is_young(item, options)
        };
        found.extend(storage.list(folder, control)?.into_iter().filter(is_leftover));
    }
    Ok(found)
}

/// All channel files, and what they name.
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

/// Releases that stay: named, the newest of their channel, or young.
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

/// Paths that releases name.
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
                problem: "a channel names it, and it is not there: nothing is removed from a site that is broken"
                    .to_owned(),
            }));
        };
        // One that goes to the built-in bundle needs nothing.
        if let Some(bundle) = signed.release().bundle() {
            needed.insert(paths::archive_of(bundle).0);
            needed.insert(paths::file_list_path(&bundle.files_digest));
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
    // Releases that are kept because they are young are not among these.
    Ok(found.is_some_and(|found| !is_young(&found, options)))
}

/// What a site keeps under a digest; anything else in its folders is somebody else's, and stays.
fn is_named_by_digest(path: &str) -> bool {
    let name = path.split_once('/').map_or(path, |(_, name)| name);
    let Some((digest, kind)) = name.split_once('.') else {
        return false;
    };
    matches!(kind, "json" | "zip" | "sealed") && digest.parse::<Sha256Digest>().is_ok()
}

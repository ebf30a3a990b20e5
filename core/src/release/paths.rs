//! Paths below the address of a site (docs/format.md, "Site").

use super::{BundleIdentity, PatchIdentity};
use crate::channel::ChannelName;
use crate::digest::Sha256Digest;

/// Folder of the channel files.
pub const CHANNELS: &str = "channels";
/// Folder of the key rings.
pub const KEYS: &str = "keys";
/// Folder of the releases, with one folder for each channel.
pub const RELEASES: &str = "releases";
/// Folder of the file lists.
pub const FILES: &str = "files";
/// Folder of the archives, plain and sealed.
pub const ARCHIVES: &str = "archives";
/// Folder of the patches, plain and sealed.
pub const PATCHES: &str = "patches";

/// Path of a channel file.
#[must_use]
pub fn channel_path(channel: &ChannelName) -> String {
    format!("{CHANNELS}/{channel}.json")
}

/// Path of the key ring of this number.
#[must_use]
pub fn ring_path(number: u64) -> String {
    format!("{KEYS}/{number}.json")
}

/// Path of the release with this sequence.
#[must_use]
pub fn release_path(channel: &ChannelName, sequence: u64) -> String {
    format!("{RELEASES}/{channel}/{sequence}.json")
}

/// Path of the file list with this digest.
#[must_use]
pub fn file_list_path(digest: &Sha256Digest) -> String {
    format!("{FILES}/{digest}.json")
}

/// Path and size of the archive to download for a bundle: the sealed archive if there is one, else the plain one.
#[must_use]
pub fn archive_of(bundle: &BundleIdentity) -> (String, u64) {
    match bundle.sealed {
        Some(sealed) => (sealed_archive_path(&sealed.header_digest), sealed.size),
        None => (plain_archive_path(&bundle.archive.digest), bundle.archive.size),
    }
}

/// Path of the plain archive with this digest.
#[must_use]
pub fn plain_archive_path(digest: &Sha256Digest) -> String {
    format!("{ARCHIVES}/{digest}.zip")
}

/// Path of the sealed archive whose header has this digest.
#[must_use]
pub fn sealed_archive_path(header_digest: &Sha256Digest) -> String {
    format!("{ARCHIVES}/{header_digest}.sealed")
}

/// Path and size of a patch to download: the sealed patch if there is one, else the plain one.
#[must_use]
pub fn patch_of(patch: &PatchIdentity) -> (String, u64) {
    match patch.sealed {
        Some(sealed) => (format!("{PATCHES}/{}.sealed", sealed.header_digest), sealed.size),
        None => (format!("{PATCHES}/{}.patch", patch.digest), patch.size),
    }
}

//! From which releases patches are made, and what they save.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{IoContext, Result};
use crate::setters::setters;
use capbundle::VerifiedArchive;
use capbundle::digest::Sha256Digest;
use capbundle::keys::ContentKey;
use capbundle::progress::Control;
use capbundle::release::ArchiveIdentity;
use capbundle::size;

/// From how many releases of a channel patches are made by default.
pub const DEFAULT_PATCHES: usize = 5;

/// From which releases to make patches, and where their bundles come from.
///
/// The archive of a plain release comes from the site. The site has only the sealed archive of a sealed one, so that comes
/// from the cache, or is opened with a content key. Each is compared with its release before use.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PatchOptions<'a> {
    /// From how many of the newest different bundles of the channel. 5.
    pub last: usize,
    /// Sequences of other releases, such as that of the bundle inside the native app.
    pub from: &'a [u64],
    /// A folder of earlier plain archives. Each is found by its SHA-256, whatever its name. Publishing adds the new one.
    pub cache: Option<&'a Path>,
    /// Private content keys that open earlier sealed archives.
    pub content_keys: &'a [&'a ContentKey],
    /// A folder for temporary files.
    pub staging: &'a Path,
}

impl<'a> PatchOptions<'a> {
    /// Patches from the last five bundles, with temporary files in `staging`.
    #[must_use]
    pub fn new(staging: &'a Path) -> Self {
        Self {
            last: DEFAULT_PATCHES,
            from: &[],
            cache: None,
            content_keys: &[],
            staging,
        }
    }

    setters! {
        with_last(last: usize);
        with_from(from: &'a [u64]);
        with_cache(cache: impl Into<Option<&'a Path>>);
        with_content_keys(content_keys: &'a [&'a ContentKey]);
    }

    /// Puts a plain archive into the cache, if there is one, for the patches of later releases.
    pub(super) fn remember(&self, zip: &Path, archive: &ArchiveIdentity, control: &Control) -> Result<()> {
        let Some(cache) = self.cache else { return Ok(()) };
        fs::create_dir_all(cache).with_path("create", cache)?;
        if self.cached(archive, control)?.is_some() {
            return Ok(());
        }
        let archive = VerifiedArchive::from_digest(zip, &archive.digest, control)?;
        archive.copy_to(&cached_path(cache, &archive.digest()))?;
        Ok(())
    }

    /// The file of the cache with this digest. Hashes only files of the right size.
    pub(super) fn cached(&self, archive: &ArchiveIdentity, control: &Control) -> Result<Option<PathBuf>> {
        let Some(cache) = self.cache.filter(|cache| cache.is_dir()) else {
            return Ok(None);
        };
        for entry in fs::read_dir(cache).with_path("list", cache)? {
            let path = entry.with_path("list", cache)?.path();
            let fits = fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == archive.size);
            if fits && Sha256Digest::of_file(&path, control)? == archive.digest {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

pub(super) fn cached_path(cache: &Path, digest: &Sha256Digest) -> PathBuf {
    cache.join(format!("{digest}.zip"))
}

/// Why there is no patch from a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoPatch {
    /// Its plain archive is neither in the cache nor on the site, and no content key opens the sealed one.
    NotAtHand,
    /// The archive that was found is not the one that the release names.
    NotTheArchive,
    /// Both bundles together are too large to compare.
    TooLarge,
    /// The patch would have this size, which is not half of what the changed parts of the archive cost.
    SavesTooLittle(u64),
    /// The site has no such release of the channel that a key ring of the app vouches for.
    NoSuchRelease,
    /// The public halves of the content keys that the new archive is sealed for are not known.
    UnknownRecipients,
}

impl NoPatch {
    /// A stable identifier in snake case.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotAtHand => "not_at_hand",
            Self::NotTheArchive => "not_the_archive",
            Self::TooLarge => "too_large",
            Self::SavesTooLittle(_) => "saves_too_little",
            Self::NoSuchRelease => "no_such_release",
            Self::UnknownRecipients => "unknown_recipients",
        }
    }
}

impl fmt::Display for NoPatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotAtHand => {
                "its plain archive is not at hand. Keep earlier plain archives in a cache folder, or pass the private \
                 content key"
            }
            Self::NotTheArchive => {
                "the archive that was found is not the one that the release names, or is not sealed for the content key"
            }
            Self::TooLarge => "both bundles together are too large to compare",
            Self::SavesTooLittle(bytes) => {
                return write!(formatter, "it would be {}, which saves too little", size::text(*bytes));
            }
            Self::NoSuchRelease => "the channel has no such release that the key ring vouches for",
            Self::UnknownRecipients => "sealing it needs the private content key of each recipient",
        })
    }
}

/// What a device that has the bundle of an earlier release downloads of a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateCost {
    /// The sequence of the earlier release.
    pub from: u64,
    /// Its version.
    pub version: String,
    /// Bytes of the whole archive.
    pub archive: u64,
    /// Bytes of the changed parts of the archive, by HTTP ranges; `None` if the earlier file list is not known.
    pub ranges: Option<u64>,
    /// Bytes of the patch, or why it was not made. Absent in a dry run.
    pub patch: Option<Result<u64, NoPatch>>,
}

//! Patches between whole bundles.

use std::path::Path;

use capbundle::bundle::{EntrySummary, Inspection, UnpackOptions, inspect, unpack};
use capbundle::digest::Sha256Digest;
use capbundle::patch::{JoinedFiles, PatchHeader, new_side};
use capbundle::release::{FileList, ListedFile};
use capbundle::{Control, Limits, Result, VerifiedArchive};
use tempfile::TempDir;

/// A local header of an archive, without the name.
const LOCAL_HEADER: u64 = 30;
/// A record of the directory, without the name.
const DIRECTORY_RECORD: u64 = 46;
/// The end of the directory.
const END_RECORD: u64 = 22;

/// A bundle in a temporary folder, which is removed when this is dropped.
#[derive(Debug)]
pub struct UnpackedBundle {
    folder: TempDir,
    list: FileList,
    list_digest: Sha256Digest,
}

impl UnpackedBundle {
    /// Unpacks `archive` into a new folder in `staging`.
    ///
    /// # Errors
    /// Those of [`unpack`](capbundle::bundle::unpack()).
    pub fn of(archive: &VerifiedArchive, staging: &Path, control: &Control) -> Result<Self> {
        let list = FileList::of_archive(archive, &Limits::default(), control)?;
        let list_digest = Sha256Digest::of(&list.to_bytes()?);
        let folder = tempfile::tempdir_in(staging);
        let folder = folder.map_err(|error| capbundle::Error::io("create a folder in", staging, error))?;
        unpack(archive, &files(&folder), &UnpackOptions::default(), control)?;
        Ok(Self {
            folder,
            list,
            list_digest,
        })
    }

    /// Its files.
    #[must_use]
    pub fn list(&self) -> &FileList {
        &self.list
    }

    /// SHA-256 of its file list, by which a release names it.
    #[must_use]
    pub fn list_digest(&self) -> Sha256Digest {
        self.list_digest
    }

    /// Its folder, until this is dropped.
    #[must_use]
    pub fn path(&self) -> std::path::PathBuf {
        files(&self.folder)
    }

    fn side<'a>(&self, listed: impl IntoIterator<Item = &'a ListedFile>) -> JoinedFiles {
        JoinedFiles::new(&files(&self.folder), listed)
    }
}

fn files(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("files")
}

/// Makes the patch from one bundle to another.
///
/// # Errors
/// Those of [`make`](super::make).
pub fn between(old: &UnpackedBundle, new: &UnpackedBundle) -> Result<Vec<u8>> {
    let changed = new_side(&old.list, &new.list);
    let header = PatchHeader {
        old_list: old.list_digest,
        new_list: new.list_digest,
        old_size: total(old.list.files()),
        new_size: total(changed.iter().copied()),
    };
    super::make::make(&header, &mut old.side(old.list.files()), &mut new.side(changed))
}

/// Bytes of these files.
pub(crate) fn total<'a>(files: impl IntoIterator<Item = &'a ListedFile>) -> u64 {
    files.into_iter().map(|file| file.size).fold(0, u64::saturating_add)
}

/// What it costs to fetch files of an archive.
#[derive(Debug)]
pub struct ArchiveCost {
    inspection: Inspection,
}

impl ArchiveCost {
    /// Reads the directory of the plain archive at `zip`.
    ///
    /// # Errors
    /// Those of [`inspect`](capbundle::bundle::inspect()).
    pub fn of_zip(zip: &Path) -> Result<Self> {
        Ok(Self {
            inspection: inspect(zip, &Limits::default())?,
        })
    }

    /// Bytes of the whole archive.
    #[must_use]
    pub fn archive(&self) -> u64 {
        self.inspection.archive_size
    }

    /// Bytes that a device with the files of `old` fetches of the files of `new` by ranges: the changed entries and the
    /// directory, at most the archive. Gaps that a device fetches to save requests are not counted.
    #[must_use]
    pub fn ranges(&self, old: &FileList, new: &FileList) -> u64 {
        let changed = new_side(old, new);
        if changed.is_empty() {
            return 0;
        }
        let wanted = |entry: &&EntrySummary| {
            let place = changed.binary_search_by(|file| file.path.as_str().cmp(&entry.path));
            place.is_ok()
        };
        let entries = self.inspection.files.iter();
        let name = |entry: &EntrySummary| entry.path.len() as u64;
        let directory: u64 = entries.clone().map(|entry| DIRECTORY_RECORD + name(entry)).sum();
        let parts: u64 = entries
            .filter(wanted)
            .map(|entry| LOCAL_HEADER + name(entry) + entry.compressed_size)
            .sum();
        (directory + END_RECORD + parts).min(self.archive())
    }
}

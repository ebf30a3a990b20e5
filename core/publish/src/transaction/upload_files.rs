//! Uploads the single files of a manifest.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{Step, Work};
use crate::error::{Error, Result};
use crate::manifest::{Manifest, ManifestRow, file_key};
use capbundle::digest::Sha256Digest;
use capbundle::http::Url;
use capbundle::progress::{Control, Phase};
use capbundle::size;

/// Files sent at once. Capgo's command sends up to 500, which servers answer with 429.
const PARALLEL: usize = 16;

/// A file to store.
#[derive(Debug, Clone, Copy)]
pub struct FileToStore<'a> {
    /// Its key; see [`file_key`].
    pub key: &'a str,
    /// The bytes.
    pub path: &'a Path,
    /// Their number.
    pub size: u64,
    /// Their SHA-256.
    pub digest: &'a Sha256Digest,
    /// Whether other versions may have stored the same file under the same key. Its stored form may differ, since another
    /// tool or version may compress differently.
    pub is_shared: bool,
}

/// A stored file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its URL for devices.
    pub url: Url,
    /// Bytes that devices download.
    pub size: u64,
    /// Whether it was already stored, so that nothing was sent.
    pub already_there: bool,
}

/// Storage for single files. Used from several threads.
pub trait FileStorage: fmt::Debug + Sync {
    /// The location, for messages. Contains no secret.
    fn place(&self) -> String;

    /// Which files with these digests are already stored, with their URLs, as far as one request tells.
    ///
    /// # Errors
    /// Of the network and the storage.
    fn known(&self, digests: &[Sha256Digest], control: &Control) -> Result<HashMap<Sha256Digest, Url>> {
        let _ = (digests, control);
        Ok(HashMap::new())
    }

    /// How many files may be stored at once.
    fn parallel(&self) -> usize {
        PARALLEL
    }

    /// Stores a file.
    ///
    /// # Errors
    /// Why the file is not stored, or not known to be.
    fn store(&self, file: &FileToStore<'_>, control: &Control) -> Result<StoredFile>;

    /// Removes a file that only this release can need.
    ///
    /// # Errors
    /// Why it was not removed. A missing file is not an error.
    fn remove(&self, key: &str, digest: &Sha256Digest, control: &Control) -> Result<()>;

    /// Whether a file that other versions may share can be removed, because the storage knows which files are in use.
    fn knows_references(&self) -> bool {
        false
    }
}

/// Uploads the files of a manifest, several at once.
///
/// Runs before the archive is uploaded and registered, so that everything a registered bundle names exists. Undoing
/// removes the files that no other version can share. Shared ones stay, unless the storage knows whether they are in use:
/// another publisher may have found them there meanwhile.
#[derive(Debug)]
pub struct UploadFiles<'a> {
    storage: &'a dyn FileStorage,
    manifest: &'a Manifest,
    keys: Vec<String>,
    /// Indexes of the files that this step stored, or may have stored.
    made: Mutex<Vec<usize>>,
}

impl<'a> UploadFiles<'a> {
    /// Uploads the files of `manifest`.
    #[must_use]
    pub fn new(storage: &'a dyn FileStorage, manifest: &'a Manifest) -> Self {
        let keys = manifest.files.iter().map(|file| file_key(manifest, file)).collect();
        Self {
            storage,
            manifest,
            keys,
            made: Mutex::default(),
        }
    }

    fn removes(&self) -> bool {
        self.manifest.is_encrypted() || self.storage.knows_references()
    }

    fn store(&self, number: usize, known: &HashMap<Sha256Digest, Url>, control: &Control) -> Result<StoredFile> {
        let file = &self.manifest.files[number];
        control.check("upload")?;
        if let Some(url) = known.get(&file.digest) {
            return Ok(StoredFile {
                url: url.clone(),
                size: file.size,
                already_there: true,
            });
        }
        let to_store = FileToStore {
            key: &self.keys[number],
            path: file.path(),
            size: file.size,
            digest: &file.digest,
            is_shared: !self.manifest.is_encrypted(),
        };
        let stored = self.storage.store(&to_store, control);
        if !stored.as_ref().is_ok_and(|stored| stored.already_there) {
            locked(&self.made).push(number);
        }
        stored
    }

    fn store_all(&self, control: &Control) -> Result<Vec<(usize, StoredFile)>> {
        let total: u64 = self.manifest.size();
        let (next, sent) = (AtomicUsize::new(0), AtomicU64::new(0));
        let stored: Mutex<Vec<(usize, StoredFile)>> = Mutex::default();
        let failed: Mutex<Option<Error>> = Mutex::default();
        let count = self.manifest.files.len();
        // The files report nothing themselves: their progress is counted here.
        let quiet = control.without_observer();
        let digests: Vec<Sha256Digest> = self.manifest.files.iter().map(|file| file.digest).collect();
        let known = self.storage.known(&digests, &quiet)?;
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                match self.store(number, &known, &quiet) {
                    Ok(file) => locked(&stored).push((number, file)),
                    Err(error) => {
                        locked(&failed).get_or_insert(error);
                        next.store(count, Ordering::Relaxed);
                        return;
                    }
                }
                let size = self.manifest.files[number].size;
                control.report(Phase::Upload, sent.fetch_add(size, Ordering::Relaxed) + size, total);
            }
        };
        thread::scope(|scope| {
            for _ in 1..self.storage.parallel().min(count) {
                if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
        if let Some(error) = locked(&failed).take() {
            return Err(error);
        }
        let mut stored = std::mem::take(&mut *locked(&stored));
        stored.sort_unstable_by_key(|(number, _)| *number);
        Ok(stored)
    }
}

impl Step for UploadFiles<'_> {
    fn describe(&self) -> String {
        let (count, size) = (self.manifest.files.len(), size::text(self.manifest.size()));
        format!("upload {count} single files, {size}, to {}", self.storage.place())
    }

    fn run(&mut self, work: &mut Work, control: &Control) -> Result<()> {
        for (number, stored) in self.store_all(control)? {
            let file = &self.manifest.files[number];
            if stored.already_there {
                work.files_already_there += 1;
            } else {
                work.file_bytes_sent += file.size;
            }
            work.files.push(ManifestRow {
                file_name: file.file_name.clone(),
                file_hash: file.file_hash.clone(),
                download_url: stored.url.as_str().to_owned(),
                file_size: stored.size,
            });
        }
        Ok(())
    }

    fn made(&self) -> Option<String> {
        let count = locked(&self.made).len();
        // Files that stay are not half a release: no bundle names them, and the next release uses them.
        (count > 0 && self.removes()).then(|| format!("{count} single files at {}", self.storage.place()))
    }

    fn undo(&mut self, control: &Control) -> Result<()> {
        for number in std::mem::take(&mut *locked(&self.made)) {
            let digest = &self.manifest.files[number].digest;
            self.storage.remove(&self.keys[number], digest, control)?;
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;

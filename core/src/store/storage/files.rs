//! Reading, writing and locking the small files of a store.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;

use super::codec;
use super::json::FromJson;
use super::layout::Layout;
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file::folder_of;
use crate::io::hashing::HashingReader;
use crate::io::vfs::{Files, Kind, Lock, is_not_a_file};
use crate::store::bundle_id::BundleId;

/// Interval between two attempts to take the lock: a state change takes a few milliseconds.
const LOCK_POLL: Duration = Duration::from_millis(2);
const BUFFER: usize = 64 << 10;

/// Reads and writes the small files of a store.
#[derive(Debug, Clone)]
pub(in crate::store) struct Storage {
    pub(in crate::store) files: Arc<dyn Files>,
    pub(in crate::store) layout: Layout,
}

/// The result of reading a file.
pub(in crate::store) enum FileContent<T> {
    Good(u64, T),
    Corrupt(String),
    Missing,
}

impl Storage {
    pub(in crate::store) fn make_folders(&self) -> Result<()> {
        for folder in self.layout.folders() {
            match self.files.create_folder(&folder) {
                Ok(()) => {
                    let parent = folder_of(&folder);
                    self.files.sync_folder(parent).with_path("sync the folder", parent)?;
                }
                // The process that created it may have crashed before its name was durable. Where a state exists it is
                // durable, since nothing is written to a store that could not be opened.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    if self.kind(&folder)? != Some(Kind::Folder) && !self.is_folder(&folder)? {
                        self.repair_folder(&folder)?;
                    }
                    if !self.has_state()? {
                        let parent = folder_of(&folder);
                        self.files.sync_folder(parent).with_path("sync the folder", parent)?;
                    }
                }
                Err(error) => return Err(Error::io("create the folder", &folder, error)),
            }
        }
        Ok(())
    }

    fn repair_folder(&self, folder: &Path) -> Result<()> {
        if self.layout.is_named_by_host(folder) {
            return Err(Error::Corrupt {
                path: folder.to_path_buf(),
                problem: "expected a folder, found something else; remove it or choose another folder".to_owned(),
            });
        }
        self.move_away_from_folder_path(folder)?;
        match self.files.create_folder(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(Error::io("create the folder", folder, error));
            }
            _ => {}
        }
        let parent = folder_of(folder);
        self.files.sync_folder(parent).with_path("sync the folder", parent)
    }

    /// Makes the names of the state and the key ring durable.
    pub(in crate::store) fn sync_root(&self) -> Result<()> {
        let root = self.layout.root();
        self.files.sync_folder(root).with_path("sync the folder", root)
    }

    /// Makes the names of bundles durable, and that of a bundle folder of the host, which may have been created at any
    /// time.
    pub(in crate::store) fn sync_bundles(&self) -> Result<()> {
        for folder in self.layout.host().into_iter().chain([self.layout.bundles()]) {
            self.files.sync_folder(folder).with_path("sync the folder", folder)?;
        }
        Ok(())
    }

    pub(in crate::store) fn lock(&self, path: &Path, patience: Duration) -> Result<Box<dyn Lock>> {
        let start = Instant::now();
        loop {
            if let Some(lock) = self.try_lock(path)? {
                return Ok(lock);
            }
            let waited = start.elapsed();
            if waited >= patience {
                let path = path.to_path_buf();
                return Err(Error::Busy { path, waited });
            }
            thread::sleep(LOCK_POLL);
        }
    }

    fn has_state(&self) -> Result<bool> {
        Ok(self.kind(&self.layout.state())?.is_some() || self.kind(&self.layout.previous_state())?.is_some())
    }

    /// Whether a bundle can be served. An unreadable bundle cannot.
    pub(in crate::store) fn is_there(&self, id: &BundleId) -> bool {
        self.has_page(id).unwrap_or(false)
    }

    pub(in crate::store) fn has_page(&self, id: &BundleId) -> Result<bool> {
        Ok(self.kind(&self.layout.bundle(id).join("index.html"))? == Some(Kind::File))
    }

    /// Removes the temporary files beside the state that a crash left.
    pub(in crate::store) fn sweep_temporaries_in_root(&self) -> Result<()> {
        self.remove_file_if_there(&temporary_of(&self.layout.ring()))?;
        self.remove_file_if_there(&temporary_of(&self.layout.built_in()))?;
        self.remove_file_if_there(&temporary_of(&self.layout.built_in_files()))?;
        self.remove_file_if_there(&temporary_of(&self.layout.refused()))
    }

    pub(in crate::store) fn kind(&self, path: &Path) -> Result<Option<Kind>> {
        self.files.kind(path).with_path("inspect", path)
    }

    pub(in crate::store) fn list(&self, folder: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.files.list(folder).with_path("list", folder)? {
            // The store creates no names that are not UTF-8.
            names.extend(name.into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Skips corrupt files: each stands for one bundle, and the others still count.
    pub(in crate::store) fn read_all<T: FromJson>(&self, folder: &Path, what: &str, extension: &str) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.for_each(folder, what, extension, &mut |contents| {
            all.extend(T::from_json(contents));
        })?;
        Ok(all)
    }

    fn for_each(&self, folder: &Path, what: &str, extension: &str, take: &mut dyn FnMut(&Value)) -> Result<()> {
        for name in self.list(folder)? {
            let path = folder.join(&name);
            if path.extension().is_some_and(|found| found == extension)
                && let FileContent::Good(_, contents) = self.find_value(what, &path)?
            {
                take(&contents);
            }
        }
        Ok(())
    }

    pub(in crate::store) fn find<T: FromJson>(&self, what: &str, path: &Path) -> Result<FileContent<T>> {
        Ok(match self.find_value(what, path)? {
            FileContent::Good(generation, contents) => match T::from_json(&contents) {
                Ok(contents) => FileContent::Good(generation, contents),
                Err(problem) => FileContent::Corrupt(problem),
            },
            FileContent::Corrupt(problem) => FileContent::Corrupt(problem),
            FileContent::Missing => FileContent::Missing,
        })
    }

    /// Not generic, so that all types share it.
    #[inline(never)]
    fn find_value(&self, what: &str, path: &Path) -> Result<FileContent<Value>> {
        let bytes = match self.files.read(path, codec::MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileContent::Missing),
            Err(error) if is_not_a_file(&error) => return Ok(FileContent::Corrupt(error.to_string())),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        Ok(match codec::decode_value(what, &bytes) {
            Ok((generation, contents)) => FileContent::Good(generation, contents),
            Err(problem) => FileContent::Corrupt(problem),
        })
    }

    pub(in crate::store) fn replace_durably<T: Serialize>(&self, path: &Path, what: &str, contents: &T) -> Result<()> {
        let temporary = temporary_of(path);
        self.write_encoded(&temporary, what, 0, contents)?;
        self.rename_durably(&temporary, path)
    }

    #[inline(never)]
    fn rename_durably(&self, temporary: &Path, path: &Path) -> Result<()> {
        self.replace(temporary, path)?;
        let folder = folder_of(path);
        self.files.sync_folder(folder).with_path("sync the folder", folder)
    }

    pub(in crate::store) fn write_encoded<T: Serialize>(
        &self,
        path: &Path,
        what: &str,
        generation: u64,
        contents: &T,
    ) -> Result<()> {
        self.write_file(path, what, codec::encode(what, generation, contents))
    }

    #[inline(never)]
    fn write_file(&self, path: &Path, what: &str, encoded: serde_json::Result<Vec<u8>>) -> Result<()> {
        let bytes = encoded.map_err(|error| Error::Corrupt {
            path: path.to_path_buf(),
            problem: format!("the {what} cannot be written as JSON: {error}"),
        })?;
        self.write_durably(path, &bytes)
    }

    /// Writes a file that nothing relies on yet. Removes it if writing fails, since the disk is probably full.
    pub(in crate::store) fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let written = self.write(path, bytes);
        let written = written.and_then(|()| self.files.sync_file(path).with_path("write", path));
        written.map_err(|problem| match self.files.remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Error::LeftBehind {
                folder: path.to_path_buf(),
                problem: Box::new(problem),
                source,
            },
            _ => problem,
        })
    }

    pub(in crate::store) fn digest_of(&self, path: &Path) -> io::Result<(Sha256Digest, u64)> {
        let mut reader = HashingReader::new(self.files.open(path)?);
        let mut buffer = vec![0; BUFFER];
        while reader.read(&mut buffer)? > 0 {}
        let (_, digest, size) = reader.finish();
        Ok((digest, size))
    }
}

pub(in crate::store) fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

//! Archives: uploads, storage and downloads.

mod bucket;
pub(crate) mod cleanup;
pub(crate) mod download;
mod folder;
mod locks;
pub(crate) mod manifest;
mod multipart;
mod range;
pub(crate) mod remove;
pub(crate) mod sizes;
pub(crate) mod upload;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use self::bucket::BucketStorage;
pub(crate) use self::folder::{FolderStorage, IncomingFile};
pub(crate) use self::locks::ArchiveLock;
use self::locks::ArchiveLocks;
use crate::api_error::{ApiError, ApiResult};
use crate::config::Config;
use crate::error::Result;

/// Stores complete archives and single files. A path is `<app>/<sha256>.zip` or `.bin`, so what is at a path never changes.
pub(crate) trait Storage: Send + Sync {
    /// Stores a complete archive durably. Returns whether it is new.
    fn store(&self, archive: IncomingFile, path: &str) -> io::Result<bool>;

    /// The size of the archive in bytes; `None` if it does not exist.
    fn size(&self, path: &str) -> io::Result<Option<u64>>;

    /// Whether the archive exists, as far as can be determined quickly.
    fn likely_exists(&self, path: &str) -> io::Result<bool>;

    /// Removes the archive if it exists.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The URL to which devices are redirected; `None` if this server serves the archive.
    fn redirect_url(&self, path: &str) -> io::Result<Option<String>>;
}

/// Incoming uploads, which are always in the data folder, and the storage of complete archives.
#[derive(Clone)]
pub(crate) struct Archives {
    folder: FolderStorage,
    storage: Arc<dyn Storage>,
    locks: Arc<ArchiveLocks>,
}

impl Archives {
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let folder = FolderStorage::open(&config.data)?;
        let storage: Arc<dyn Storage> = match &config.s3 {
            None => Arc::new(folder.clone()),
            Some(s3) => Arc::new(BucketStorage::open(s3)?),
        };
        Ok(Self {
            folder,
            storage,
            locks: Arc::default(),
        })
    }

    /// Creates a file for an upload.
    pub(crate) fn incoming(&self) -> io::Result<IncomingFile> {
        self.folder.incoming()
    }

    /// The folder for incoming uploads, and for archives if there is no bucket. Abandoned uploads are removed only from the
    /// folder, since a bucket may have other users.
    pub(crate) fn folder(&self) -> &FolderStorage {
        &self.folder
    }

    /// The file of an archive that this server serves itself.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path(path)
    }

    /// Locks the archive `path`; waits while another task stores, registers or removes it.
    pub(crate) async fn lock(&self, path: &str) -> ArchiveLock {
        self.locks.lock(path).await
    }

    /// Uses the storage on a blocking thread. Must not be called within a database transaction, since a bucket may be slow.
    /// `operation` is for the log.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&dyn Storage) -> io::Result<T> + Send + 'static,
    ) -> ApiResult<T> {
        let storage = Arc::clone(&self.storage);
        match tokio::task::spawn_blocking(move || work(&*storage)).await {
            Ok(result) => result.map_err(|error| ApiError::storage(operation, &error)),
            Err(error) => Err(ApiError::internal(operation, &error)),
        }
    }

    /// The storage, for operations that are fast.
    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }
}

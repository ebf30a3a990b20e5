//! Archives: taken from publishers, kept, served to devices.

pub(crate) mod abandoned;
mod bucket;
mod claims;
mod folder;
mod form;
mod range;
pub(crate) mod remove;
pub(crate) mod serve;
pub(crate) mod sizes;
pub(crate) mod upload;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use self::bucket::InBucket;
pub(crate) use self::claims::Claim;
use self::claims::Claims;
pub(crate) use self::folder::{Folder, Incoming};
use crate::config::Config;
use crate::error::Result;
use crate::refusal::{Answer, Refusal};

/// Where archives are kept. A path is `<app>/<sha256>.zip`, so that an archive never changes under its path.
pub(crate) trait Storage: Send + Sync {
    /// Takes over a whole archive; gives whether it is new here. When this returns, it is durable, and served from then on.
    fn keep(&self, archive: Incoming, path: &str) -> io::Result<bool>;

    /// Bytes of the archive; `None` if it is not there.
    fn size(&self, path: &str) -> io::Result<Option<u64>>;

    /// Whether the archive is there, as far as that can be said at once.
    fn seems_there(&self, path: &str) -> io::Result<bool>;

    /// Removes the archive, if it is there.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Where devices get it, if not from this server.
    fn elsewhere(&self, path: &str) -> io::Result<Option<String>>;
}

/// What is coming, always in the folder of this server, and what is kept.
#[derive(Clone)]
pub(crate) struct Archives {
    folder: Folder,
    kept: Arc<dyn Storage>,
    claims: Arc<Claims>,
}

impl Archives {
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let folder = Folder::open(&config.data)?;
        let kept: Arc<dyn Storage> = match &config.s3 {
            None => Arc::new(folder.clone()),
            Some(s3) => Arc::new(InBucket::open(s3)?),
        };
        Ok(Self {
            folder,
            kept,
            claims: Arc::default(),
        })
    }

    /// A new file for an upload.
    pub(crate) fn incoming(&self) -> io::Result<Incoming> {
        self.folder.incoming()
    }

    /// What is coming, and where archives are kept without a bucket. A bucket may have other users, so none of what is said of
    /// the folder is said of it.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Where an archive is that this server serves itself.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path(path)
    }

    /// Waits until nobody else keeps, registers or removes the archive of this path.
    pub(crate) async fn claim(&self, path: &str) -> Claim {
        self.claims.claim(path).await
    }

    /// Works with what is kept, off the threads that serve connections, and never under the lock of writers: a bucket may take
    /// its time. `operation` is for the log.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&dyn Storage) -> io::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let kept = Arc::clone(&self.kept);
        match tokio::task::spawn_blocking(move || work(&*kept)).await {
            Ok(done) => done.map_err(|error| Refusal::disk(operation, &error)),
            Err(problem) => Err(Refusal::broken(operation, &problem)),
        }
    }

    /// What answers at once.
    pub(crate) fn kept(&self) -> &dyn Storage {
        &*self.kept
    }
}

//! The storage of a site: a folder that a web server serves, or a bucket.

use std::fmt;
use std::path::Path;

use crate::error::Result;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

/// Stores files under paths such as `channels/production.json`. Writes are atomic: a reader sees the old file or the new one.
pub trait SiteStorage: fmt::Debug + Send + Sync {
    /// The location, for messages. Contains no secret.
    fn place(&self) -> String;

    /// Locks out other publishers until the guard is dropped, if the storage can. One that cannot must support the conditions of
    /// [`write`](Self::write).
    ///
    /// # Errors
    /// [`Busy`](capbundle::ErrorKind::Busy) if another publisher holds the lock for too long.
    fn lock(&self, control: &Control) -> Result<LockGuard>;

    /// Reads a file of at most `limit` bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) for a longer file; errors of the storage.
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Content>>;

    /// Reads the first `length` bytes of a file, or all of a shorter one; `None` if it does not exist.
    ///
    /// # Errors
    /// Errors of the storage.
    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>>;

    /// Size and modification time of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// Errors of the storage.
    fn head(&self, path: &str, control: &Control) -> Result<Option<Item>>;

    /// All files below a folder, at any depth, sorted by path. A missing folder has none.
    ///
    /// # Errors
    /// Errors of the storage.
    fn list(&self, folder: &str, control: &Control) -> Result<Vec<Item>>;

    /// Writes a small file if the condition holds.
    ///
    /// # Errors
    /// Errors of the storage. A condition that does not hold is not an error.
    fn write(&self, path: &str, bytes: &[u8], only_if: WriteCondition<'_>, control: &Control) -> Result<WriteOutcome>;

    /// Stores a file of any size, unless the same file exists: its path contains its digest. In either case its modification time
    /// becomes the current time.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if another file exists there; errors of the storage.
    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<PutOutcome>;

    /// Sets the modification time of a file to now, so that [`gc`](super::gc) keeps it; `false` if it does not exist.
    ///
    /// # Errors
    /// Errors of the storage.
    fn touch(&self, path: &str, control: &Control) -> Result<bool>;

    /// Removes a file. A missing file is not an error.
    ///
    /// # Errors
    /// Errors of the storage.
    fn delete(&self, path: &str, control: &Control) -> Result<()>;

    /// Whether concurrent publishers cannot overwrite each other's changes, as far as known.
    fn is_guarded(&self) -> bool;
}

/// Locks out other publishers until it is dropped.
#[derive(Debug)]
pub struct LockGuard(#[allow(dead_code, reason = "held for its lock")] Option<Box<dyn fmt::Debug + Send>>);

impl LockGuard {
    /// Held until `lock` is dropped.
    pub fn by(lock: impl fmt::Debug + Send + 'static) -> Self {
        Self(Some(Box::new(lock)))
    }

    /// No lock: the storage relies on conditional writes.
    #[must_use]
    pub fn by_nothing() -> Self {
        Self(None)
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The whole content.
    pub bytes: Vec<u8>,
    /// Identifies this content, as an `ETag` does. `None` if the storage has none.
    pub mark: Option<String>,
}

/// A file, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was last written or touched; `None` if the storage does not say.
    pub modified: Option<Timestamp>,
}

/// The condition of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteCondition<'a> {
    /// The file does not exist.
    Absent,
    /// The file still has this content.
    Unchanged(&'a Content),
}

/// The result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The file was written.
    Done,
    /// The condition does not hold; nothing was written.
    Changed,
}

/// The result of storing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The file was sent.
    Now,
    /// The file already existed.
    Before,
}

/// How long caches may keep a file, by its path (docs/format.md, "Site").
pub(super) fn cache_control(path: &str) -> &'static str {
    use capbundle::release::paths::{CHANNELS, RELEASES};
    let (folder, _) = path.split_once('/').unwrap_or_default();
    if folder == CHANNELS || folder == RELEASES {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    }
}

/// The content type of a file, by its extension. A sealed archive is not a zip file; neither may be compressed in transit.
pub(super) fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "zip")) => "application/zip",
        _ => "application/octet-stream",
    }
}

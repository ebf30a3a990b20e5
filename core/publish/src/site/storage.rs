//! What a site is kept in: a folder that a web server serves, a bucket.

use std::fmt;
use std::path::Path;

use crate::error::Result;
use capbundle::progress::Control;
use capbundle::time::Timestamp;

/// A place that keeps files under paths such as `channels/production.json`. Every file appears whole or not at all, for
/// whoever reads while it is written.
pub trait SiteStorage: fmt::Debug + Send + Sync {
    /// The place, for people. Holds no secret.
    fn place(&self) -> String;

    /// Keeps other publishers out until the answer is dropped, where the place can. One that cannot must hold to the
    /// conditions of [`write`](Self::write).
    ///
    /// # Errors
    /// [`Busy`](capbundle::ErrorKind::Busy) if another one does not get done.
    fn lock(&self, control: &Control) -> Result<LockGuard>;

    /// A file of at most `limit` bytes; `None` if there is none.
    ///
    /// # Errors
    /// [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) for a longer one, else why it cannot be read.
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Content>>;

    /// The first `length` bytes of a file, or all of a shorter one; `None` if there is none.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>>;

    /// Size and age of a file; `None` if there is none.
    ///
    /// # Errors
    /// Why that cannot be told.
    fn head(&self, path: &str, control: &Control) -> Result<Option<Item>>;

    /// All files below a folder, at any depth, in the order of their paths. A folder that is not there has none.
    ///
    /// # Errors
    /// Why that cannot be told.
    fn list(&self, folder: &str, control: &Control) -> Result<Vec<Item>>;

    /// Writes a small file, if the condition holds.
    ///
    /// # Errors
    /// Why it is not there. That the condition does not hold is none.
    fn write(&self, path: &str, bytes: &[u8], only_if: Precondition<'_>, control: &Control) -> Result<Written>;

    /// Brings a file of any size there, unless the same one is there: its path holds a digest of it. In either case its age
    /// starts anew.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if another one is there, else why it is not there.
    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<Sent>;

    /// Lets the age of a file start anew, so that nobody takes it for one that nothing needs; `false` if there is none.
    ///
    /// # Errors
    /// Why it could not be done.
    fn touch(&self, path: &str, control: &Control) -> Result<bool>;

    /// Removes a file. That there is none is no error.
    ///
    /// # Errors
    /// Why it is still there.
    fn delete(&self, path: &str, control: &Control) -> Result<()>;

    /// Whether two publishers at once cannot overwrite each other's work, as far as is known by now.
    fn is_guarded(&self) -> bool;
}

/// Others are kept out until this is dropped.
#[derive(Debug)]
pub struct LockGuard(#[allow(dead_code, reason = "held for its lock")] Option<Box<dyn fmt::Debug + Send>>);

impl LockGuard {
    /// By this, when it is dropped no more.
    pub fn by(lock: impl fmt::Debug + Send + 'static) -> Self {
        Self(Some(Box::new(lock)))
    }

    /// By nothing: conditions do it.
    #[must_use]
    pub fn by_nothing() -> Self {
        Self(None)
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Changes with the content. `None` where the place tells none.
    pub mark: Option<String>,
}

/// A file, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When it was written or touched last; `None` where the place does not tell.
    pub modified: Option<Timestamp>,
}

/// What must hold for a file to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition<'a> {
    /// There is none.
    Absent,
    /// It still is what was read.
    Unchanged(&'a Content),
}

/// What came of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    Done,
    /// Somebody else wrote there meanwhile; it is as he left it.
    Changed,
}

/// What came of bringing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// All of it was sent.
    Now,
    /// It was there before.
    Before,
}

/// How long whoever passes a file on may keep it, by its path (docs/format.md, "Site").
pub(super) fn cache_control(path: &str) -> &'static str {
    use capbundle::release::paths::{CHANNELS, RELEASES};
    let (folder, _) = path.split_once('/').unwrap_or_default();
    if folder == CHANNELS || folder == RELEASES {
        "no-cache"
    } else {
        "public, max-age=31536000, immutable"
    }
}

/// What a file is, by the end of its path. A sealed archive is no zip file, and neither must be compressed on its way.
pub(super) fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.') {
        Some((_, "json")) => "application/json",
        Some((_, "zip")) => "application/zip",
        _ => "application/octet-stream",
    }
}

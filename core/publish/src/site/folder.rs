//! A site in a folder that any web server can serve.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::storage::{Content, Item, LockGuard, PutOutcome, SiteStorage, WriteCondition, WriteOutcome};
use crate::error::{Error, IoContext, Result};
use capbundle::digest::Sha256Digest;
use capbundle::io::atomic_file;
use capbundle::io::pipeline;
use capbundle::io::pipeline::Chunk;
use capbundle::io::regular_file;
use capbundle::progress::{Control, Phase};
use capbundle::time::Timestamp;

/// Empty, and never removed: removing a lock file would let two processes hold the lock.
const LOCK: &str = ".capbundle.lock";
/// The interval between attempts to acquire a held lock.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Longer than any step of a publisher except copying a large archive to a slow disk.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A local or mounted folder. Files are written beside their destination, synced and renamed, so that a web server serves the
/// old file or the new one, never a part. A lock admits one publisher at a time; it ends with the process.
#[derive(Debug, Clone)]
pub struct FolderSite {
    root: PathBuf,
    lock_timeout: Duration,
}

impl FolderSite {
    /// The site in this folder, which is created by the first write.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            lock_timeout: LOCK_TIMEOUT,
        }
    }

    /// Sets how long to wait for another publisher. 30 s by default.
    #[must_use]
    pub fn with_lock_timeout(mut self, lock_timeout: Duration) -> Self {
        self.lock_timeout = lock_timeout;
        self
    }

    /// The file of a path. Paths come from this crate; nevertheless none may leave the folder.
    fn at(&self, path: &str) -> Result<PathBuf> {
        let is_name = |name: &str| !name.is_empty() && name != "." && name != ".." && !name.contains('\\');
        if path.split('/').all(is_name) {
            return Ok(self.root.join(path));
        }
        let problem = "expected names separated by slashes";
        Err(Error::invalid_input(format!("path {path:?} in a site"), problem))
    }

    fn folder_for(path: &Path) -> Result<&Path> {
        let folder = atomic_file::folder_of(path);
        if !folder.is_dir() {
            make_durable_folder(folder)?;
        }
        Ok(folder)
    }

    fn holds(&self, path: &str, condition: WriteCondition<'_>, control: &Control) -> Result<bool> {
        let found = match condition {
            WriteCondition::Absent => return Ok(self.head(path, control)?.is_none()),
            // One byte more, so that a longer file differs.
            WriteCondition::Unchanged(before) => self.read_start(path, before.bytes.len() as u64 + 1, control)?,
        };
        Ok(matches!((condition, found), (WriteCondition::Unchanged(before), Some(found)) if before.bytes == found))
    }

    fn list_into(&self, folder: &str, items: &mut Vec<Item>, control: &Control) -> Result<()> {
        control.check("list a site")?;
        let at = self.at(folder)?;
        let entries = match fs::read_dir(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.with_path("list", &at)?,
        };
        for entry in entries {
            let entry = entry.with_path("list", &at)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let problem = "the name is not UTF-8, so the file does not belong to this site";
                return Err(Error::invalid_input(entry.path().display().to_string(), problem));
            };
            let path = format!("{folder}/{name}");
            let kind = entry.file_type().with_path("read the metadata of", &entry.path())?;
            if kind.is_dir() {
                self.list_into(&path, items, control)?;
            } else if kind.is_file() {
                // It may have been removed since.
                items.extend(self.head(&path, control)?);
            }
        }
        Ok(())
    }
}

impl SiteStorage for FolderSite {
    fn place(&self) -> String {
        self.root.display().to_string()
    }

    fn lock(&self, control: &Control) -> Result<LockGuard> {
        let path = self.root.join(LOCK);
        Self::folder_for(&path)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_path("open", &path)?;
        let end = Instant::now() + self.lock_timeout;
        loop {
            control.check("wait for another publisher")?;
            match file.try_lock() {
                Ok(()) => return Ok(LockGuard::by(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL_INTERVAL),
                Err(TryLockError::WouldBlock) => {
                    let waited = self.lock_timeout;
                    return Err(Error::Core(capbundle::Error::Busy { path, waited }));
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, error)),
            }
        }
    }

    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Content>> {
        let Some(bytes) = self.read_start(path, limit.saturating_add(1), control)? else {
            return Ok(None);
        };
        if bytes.len() as u64 > limit {
            return Err(Error::Core(capbundle::Error::LimitExceeded {
                path: self.at(path)?,
                entry: None,
                what: "the file",
                limit,
            }));
        }
        Ok(Some(Content { bytes, mark: None }))
    }

    fn read_start(&self, path: &str, length: u64, control: &Control) -> Result<Option<Vec<u8>>> {
        control.check("read")?;
        let at = self.at(path)?;
        let file = match regular_file::open(&at) {
            Err(capbundle::Error::NotFound { .. }) => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).with_path("read", &at)?;
        Ok(Some(bytes))
    }

    fn head(&self, path: &str, control: &Control) -> Result<Option<Item>> {
        control.check("look at a file")?;
        let at = self.at(path)?;
        let metadata = match fs::metadata(&at) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            metadata => metadata.with_path("read the metadata of", &at)?,
        };
        Ok(Some(Item {
            path: path.to_owned(),
            size: metadata.len(),
            modified: metadata.modified().ok().map(timestamp),
        }))
    }

    fn list(&self, folder: &str, control: &Control) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        self.list_into(folder, &mut items, control)?;
        items.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(items)
    }

    fn write(&self, path: &str, bytes: &[u8], only_if: WriteCondition<'_>, control: &Control) -> Result<WriteOutcome> {
        control.check("write")?;
        let at = self.at(path)?;
        // The lock excludes other publishers, but not people with editors.
        if !self.holds(path, only_if, control)? {
            return Ok(WriteOutcome::Changed);
        }
        let mut file = atomic_file::temporary_file(Self::folder_for(&at)?, atomic_file::SHARED_MODE)?;
        file.write_all(bytes).with_path("write", &at)?;
        atomic_file::persist(file, &at)?;
        Ok(WriteOutcome::Done)
    }

    fn put_file(&self, path: &str, file: &Path, control: &Control) -> Result<PutOutcome> {
        let at = self.at(path)?;
        let digest = Sha256Digest::of_file(file, control)?;
        if let Some(found) = self.head(path, control)? {
            let size = fs::metadata(file).with_path("read the size of", file)?.len();
            if found.size != size || Sha256Digest::of_file(&at, control)? != digest {
                let problem =
                    "another file exists there, which devices may already expect: it was probably changed by hand";
                return Err(Error::invalid_input(at.display().to_string(), problem));
            }
            self.touch(path, control)?;
            return Ok(PutOutcome::Before);
        }
        copy(file, &at, &digest, control)?;
        Ok(PutOutcome::Now)
    }

    fn touch(&self, path: &str, _: &Control) -> Result<bool> {
        let at = self.at(path)?;
        let file = match File::options().append(true).open(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.with_path("open", &at)?,
        };
        file.set_modified(SystemTime::now()).with_path("set the time of", &at)?;
        Ok(true)
    }

    fn delete(&self, path: &str, _: &Control) -> Result<()> {
        let at = self.at(path)?;
        match fs::remove_file(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed.with_path("remove", &at)?;
                Ok(atomic_file::sync_folder(atomic_file::folder_of(&at))?)
            }
        }
    }

    fn is_guarded(&self) -> bool {
        true
    }
}

/// Copies a file, which must not change meanwhile.
fn copy(from: &Path, to: &Path, digest: &Sha256Digest, control: &Control) -> Result<()> {
    let mut source = regular_file::open(from)?;
    let total = source.metadata().with_path("read the size of", from)?.len();
    let copy = atomic_file::temporary_file(FolderSite::folder_for(to)?, atomic_file::SHARED_MODE)?;
    let mut writer = capbundle::io::hashing::HashingWriter::new(copy);
    let read = |chunk: &mut Chunk| {
        control.check("copy")?;
        chunk
            .read_from(&mut source)
            .map_err(|source| capbundle::Error::io("read", from, source))
    };
    pipeline::run(total, read, |chunk| {
        writer
            .write_all(chunk.bytes())
            .map_err(|source| capbundle::Error::io("write", to, source))?;
        control.report(Phase::Upload, writer.written().min(total), total);
        Ok(())
    })?;
    let (copy, found, _) = writer.finish();
    if found != *digest {
        return Err(Error::Core(capbundle::Error::DigestMismatch {
            path: from.to_path_buf(),
            expected: *digest,
            found,
        }));
    }
    atomic_file::persist(copy, to)?;
    Ok(())
}

/// Creates a folder and syncs its parent, so that it survives a power cut.
fn make_durable_folder(folder: &Path) -> Result<()> {
    let parent = atomic_file::folder_of(folder);
    if !parent.is_dir() {
        make_durable_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => {
            made.with_path("create", folder)?;
            Ok(atomic_file::sync_folder(parent)?)
        }
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

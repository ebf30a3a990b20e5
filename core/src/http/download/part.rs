//! What has come of a file, and what it takes to go on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::other_size;
use super::{Remote, Start};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::http::transport::Headers;
use crate::progress::Control;

/// A modification time is as good as an `ETag` when it is this much older than the answer (RFC 9110 §8.8.2.2).
const SETTLED: Duration = Duration::from_secs(60);
/// More than what is remembered ever takes.
const MAX_MEMORY: u64 = 64 << 10;

/// What the server said of the file whose part this is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResumeInfo {
    /// A strong `ETag`, or a settled `Last-Modified`.
    pub(super) validator: Option<String>,
    /// Bytes of the whole file.
    pub(super) total: Option<u64>,
}

impl ResumeInfo {
    pub(super) fn of(headers: &Headers, total: Option<u64>) -> Self {
        let etag = headers.get("etag").filter(|etag| etag.starts_with('"'));
        let validator = etag.or_else(|| settled_date(headers)).map(str::to_owned);
        Self { validator, total }
    }
}

fn settled_date(headers: &Headers) -> Option<&str> {
    let modified = headers.get("last-modified")?;
    let answered = httpdate::parse_http_date(headers.get("date")?).ok()?;
    let age = answered
        .duration_since(httpdate::parse_http_date(modified).ok()?)
        .ok()?;
    (age >= SETTLED).then_some(modified)
}

/// Where to go on.
pub(super) struct Range {
    pub(super) from: u64,
    /// For `If-Range`.
    pub(super) validator: Option<String>,
}

/// `<name>.part` and, beside it, what is remembered of the file.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    memory_path: PathBuf,
    finished: PathBuf,
    length: u64,
    memory: ResumeInfo,
    complete: bool,
    losses: u32,
    /// Whether it was found to begin as it must.
    start_is_good: bool,
}

impl Part {
    /// Opens the part or makes an empty one, and locks it.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self> {
        let at = |ending: &str| folder.join(format!("{name}.{ending}"));
        let (path, memory_path) = (at("part"), at("part.json"));
        for path in [&path, &memory_path, &at("download")] {
            remove_unless_file(path)?;
        }
        let mut file = open_locked(&path)?;
        let length = file.seek(SeekFrom::End(0)).with_path("read the size of", &path)?;
        let memory = read_memory(&memory_path)?;
        let mut part = Self {
            file,
            path,
            memory_path,
            finished: at("download"),
            length,
            complete: length > 0 && memory.as_ref().is_some_and(|memory| memory.total == Some(length)),
            memory: memory.clone().unwrap_or_default(),
            losses: 0,
            start_is_good: false,
        };
        if memory.is_none() && length > 0 {
            // Nobody knows of which file it is a part.
            part.restart()?;
        }
        Ok(part)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn memory(&self) -> &ResumeInfo {
        &self.memory
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// What can be asked for instead of the whole. Without a validator only a digest tells whether the rest belongs to
    /// this part.
    pub(super) fn range(&self, has_digest: bool) -> Option<Range> {
        let validator = self.memory.validator.clone();
        (self.length > 0 && (validator.is_some() || has_digest)).then_some(Range {
            from: self.length,
            validator,
        })
    }

    /// The whole comes, from the start.
    pub(super) fn begin(&mut self, memory: ResumeInfo) -> Result<()> {
        self.restart()?;
        let text = serde_json::to_vec(&memory).map_err(io::Error::other);
        let written = text.and_then(|text| fs::write(&self.memory_path, text));
        written.with_path("write", &self.memory_path)?;
        self.memory = memory;
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_path("write", &self.path)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what came if it is of a file of another size.
    pub(super) fn require_size(&mut self, size: Option<u64>) -> Result<()> {
        match size {
            Some(size) if self.length > size || self.memory.total.is_some_and(|total| total != size) => self.restart(),
            _ => Ok(()),
        }
    }

    /// How often something that came was forgotten again.
    pub(super) fn losses(&self) -> u32 {
        self.losses
    }

    /// Looks at how it begins, once enough of that has come.
    pub(super) fn check_start(&mut self, start: Option<&Start<'_>>) -> Result<()> {
        let Some(start) = start.filter(|_| !self.start_is_good && self.length > 0) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        self.file.rewind().with_path("read", &self.path)?;
        let read = (&self.file).take(start.most as u64).read_to_end(&mut bytes);
        read.with_path("read", &self.path)?;
        self.file.seek(SeekFrom::End(0)).with_path("read", &self.path)?;
        self.start_is_good = (start.check)(&bytes)?;
        Ok(())
    }

    /// Forgets everything that came.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.losses += u32::from(self.length > 0);
        self.start_is_good = false;
        self.complete = false;
        self.length = 0;
        self.memory = ResumeInfo::default();
        remove_if_there(&self.memory_path)?;
        self.file.set_len(0).with_path("empty", &self.path)?;
        self.file.rewind().with_path("empty", &self.path)
    }

    /// What has come is all there is.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// The answer ended as it should. An error, in words, if bytes are missing.
    pub(super) fn end_of_body(&mut self) -> Result<(), String> {
        match self.memory.total {
            Some(total) if self.length < total => {
                Err(format!("the answer ended after {} of {total} bytes", self.length))
            }
            _ => {
                self.complete = true;
                Ok(())
            }
        }
    }

    /// Whether so many bytes have come as the file is known to have.
    pub(super) fn has_all(&self) -> bool {
        self.memory.total == Some(self.length)
    }

    /// Whether it is the file that was asked for.
    pub(super) fn verify(&mut self, remote: &Remote, control: &Control) -> Result<()> {
        if let Some(size) = remote.size.filter(|size| *size != self.length) {
            return Err(Error::Server {
                url: remote.url.to_string(),
                status: 200,
                problem: other_size(self.length, size),
            });
        }
        let Some(expected) = remote.digest else { return Ok(()) };
        self.file.rewind().with_path("read", &self.path)?;
        let found = Sha256Digest::of_open_file(&mut self.file, &self.path, control)?;
        if found == expected {
            return Ok(());
        }
        Err(Error::DigestMismatch {
            path: self.path.clone(),
            expected,
            found,
        })
    }

    /// The whole file, if an earlier call finished it and nobody came to use it. Locked.
    pub(super) fn finished_before(&self, remote: &Remote, control: &Control) -> Result<Option<(PathBuf, u64, File)>> {
        let mut file = match File::open(&self.finished) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &self.finished, error)),
        };
        lock(&file, &self.finished)?;
        let size = file.metadata().with_path("read the size of", &self.finished)?.len();
        let_read(&file).with_path("lock", &self.finished)?;
        let is_it = match remote.digest {
            Some(expected) => Sha256Digest::of_open_file(&mut file, &self.finished, control)? == expected,
            None => remote.size.is_none_or(|expected| expected == size),
        };
        if is_it {
            return Ok(Some((self.finished.clone(), size, file)));
        }
        remove_if_there(&self.finished)?;
        Ok(None)
    }

    /// Gives the file its own name. It stays locked.
    pub(super) fn finish(self) -> Result<(PathBuf, u64, File)> {
        fs::rename(&self.path, &self.finished).with_path("rename", &self.path)?;
        remove_if_there(&self.memory_path)?;
        let_read(&self.file).with_path("lock", &self.finished)?;
        Ok((self.finished, self.length, self.file))
    }

    pub(super) fn remove(self) -> Result<()> {
        remove_if_there(&self.memory_path)?;
        remove_if_there(&self.path)
    }
}

/// Removes what no download made and none could use: a folder, a pipe (which would block), a link. Links are not followed.
fn remove_unless_file(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).with_path("remove", path),
        Ok(_) => remove_if_there(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// Opens the part, or makes it, and locks it.
fn open_locked(path: &Path) -> Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).with_path("open", path)?;
        lock(&file, path)?;
        // A call that finished in between gave the file another name, or removed it.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether the file still has this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let opened = file.metadata().with_path("look at", path)?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at", path, error)),
    }
}

/// An open file keeps its name there.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> Result<bool> {
    Ok(true)
}

/// Keeps other calls from the file, and from removing it.
fn lock(file: &File, path: &Path) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy {
            path: path.to_path_buf(),
            waited: Duration::ZERO,
        }),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path, error)),
    }
}

/// Whoever uses the finished file opens it anew. On Windows a lock of one's own keeps him out, unless it is shared.
fn let_read(file: &File) -> io::Result<()> {
    if cfg!(windows) {
        file.unlock()?;
        file.lock_shared()?;
    }
    Ok(())
}

/// What cannot be understood is as good as nothing: the file is fetched from its start.
fn read_memory(path: &Path) -> Result<Option<ResumeInfo>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_MEMORY => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    }
    Ok(serde_json::from_slice(&fs::read(path).with_path("read", path)?).ok())
}

pub(super) fn remove_if_there(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

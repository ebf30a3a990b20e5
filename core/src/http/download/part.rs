//! The received part of a file, and what is needed to resume.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::headers::validator;
use super::options::{Remote, StartCheck};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::http::transport::Headers;
use crate::progress::Control;

/// Larger than any [`ResumeInfo`] on disk.
const MAX_INFO_LEN: u64 = 64 << 10;

/// The size and validator of the file on the server, stored beside its part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResumeInfo {
    /// A strong `ETag`, or a `Last-Modified` that is old enough.
    pub(super) validator: Option<String>,
    /// Size of the whole file in bytes.
    pub(super) total: Option<u64>,
}

impl ResumeInfo {
    pub(super) fn of(headers: &Headers, total: Option<u64>) -> Self {
        let validator = validator(headers).map(str::to_owned);
        Self { validator, total }
    }
}

/// The range to request to resume.
pub(super) struct Range {
    pub(super) from: u64,
    /// For `If-Range`.
    pub(super) validator: Option<String>,
}

/// `<name>.part`, with its [`ResumeInfo`] in `<name>.part.json`.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    info_path: PathBuf,
    finished: PathBuf,
    length: u64,
    info: ResumeInfo,
    complete: bool,
    losses: u32,
    /// Whether the first bytes passed the caller's check.
    start_is_checked: bool,
}

impl Part {
    /// Opens or creates the part, and locks it.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self> {
        let at = |ending: &str| folder.join(format!("{name}.{ending}"));
        let (path, info_path) = (at("part"), at("part.json"));
        for path in [&path, &info_path, &at("download")] {
            remove_unless_file(path)?;
        }
        let mut file = open_locked(&path)?;
        let length = file.seek(SeekFrom::End(0)).with_path("read the size of", &path)?;
        let info = read_info(&info_path)?;
        let mut part = Self {
            file,
            path,
            info_path,
            finished: at("download"),
            length,
            complete: length > 0 && info.as_ref().is_some_and(|info| info.total == Some(length)),
            info: info.clone().unwrap_or_default(),
            losses: 0,
            start_is_checked: false,
        };
        if info.is_none() && length > 0 {
            // It is not known which file this is a part of.
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

    pub(super) fn resume_info(&self) -> &ResumeInfo {
        &self.info
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The range to request instead of the whole file. Without a validator, only a digest can show that the rest belongs to this part.
    pub(super) fn range(&self, has_digest: bool) -> Option<Range> {
        let validator = self.info.validator.clone();
        (self.length > 0 && (validator.is_some() || has_digest)).then_some(Range {
            from: self.length,
            validator,
        })
    }

    /// Starts over with a response that carries the whole file.
    pub(super) fn begin(&mut self, info: ResumeInfo) -> Result<()> {
        self.restart()?;
        let text = serde_json::to_vec(&info).map_err(io::Error::other);
        let written = text.and_then(|text| fs::write(&self.info_path, text));
        written.with_path("write", &self.info_path)?;
        self.info = info;
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_path("write", &self.path)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Discards the part if it is of a file of another size.
    pub(super) fn require_size(&mut self, size: Option<u64>) -> Result<()> {
        match size {
            Some(size) if self.length > size || self.info.total.is_some_and(|total| total != size) => self.restart(),
            _ => Ok(()),
        }
    }

    /// How often received data was discarded.
    pub(super) fn losses(&self) -> u32 {
        self.losses
    }

    /// Checks the first bytes of the file once enough have arrived.
    pub(super) fn check_start(&mut self, start: Option<&StartCheck<'_>>) -> Result<()> {
        let Some(start) = start.filter(|_| !self.start_is_checked && self.length > 0) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        self.file.rewind().with_path("read", &self.path)?;
        let read = (&self.file).take(start.max_len as u64).read_to_end(&mut bytes);
        read.with_path("read", &self.path)?;
        self.file.seek(SeekFrom::End(0)).with_path("read", &self.path)?;
        self.start_is_checked = (start.check)(&bytes)?;
        Ok(())
    }

    /// Discards everything received.
    pub(super) fn restart(&mut self) -> Result<()> {
        self.losses += u32::from(self.length > 0);
        self.start_is_checked = false;
        self.complete = false;
        self.length = 0;
        self.info = ResumeInfo::default();
        remove_if_exists(&self.info_path)?;
        self.file.set_len(0).with_path("empty", &self.path)?;
        self.file.rewind().with_path("empty", &self.path)
    }

    /// Marks the part as complete.
    pub(super) fn complete(&mut self) {
        self.complete = true;
    }

    /// The response ended regularly. Returns an error text if bytes are missing.
    pub(super) fn end_of_body(&mut self) -> Result<(), String> {
        match self.info.total {
            Some(total) if self.length < total => {
                Err(format!("the response ended after {} of {total} bytes", self.length))
            }
            _ => {
                self.complete = true;
                Ok(())
            }
        }
    }

    /// Whether the part has the known size of the file.
    pub(super) fn has_all(&self) -> bool {
        self.info.total == Some(self.length)
    }

    /// Checks size and digest.
    pub(super) fn verify(&mut self, remote: &Remote, control: &Control) -> Result<()> {
        if let Some(size) = remote.size.filter(|size| *size != self.length) {
            return Err(Error::Server {
                url: remote.url.to_string(),
                status: 200,
                problem: size_mismatch(self.length, size),
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

    /// The whole file, locked, if an earlier call finished it and it was not used.
    pub(super) fn finished_before(&self, remote: &Remote, control: &Control) -> Result<Option<(PathBuf, u64, File)>> {
        let mut file = match File::open(&self.finished) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("open", &self.finished, error)),
        };
        lock(&file, &self.finished)?;
        let size = file.metadata().with_path("read the size of", &self.finished)?.len();
        share_lock(&file).with_path("lock", &self.finished)?;
        let is_it = match remote.digest {
            Some(expected) => Sha256Digest::of_open_file(&mut file, &self.finished, control)? == expected,
            None => remote.size.is_none_or(|expected| expected == size),
        };
        if is_it {
            return Ok(Some((self.finished.clone(), size, file)));
        }
        remove_if_exists(&self.finished)?;
        Ok(None)
    }

    /// Renames the complete part to its final name. It stays locked.
    pub(super) fn finish(self) -> Result<(PathBuf, u64, File)> {
        fs::rename(&self.path, &self.finished).with_path("rename", &self.path)?;
        remove_if_exists(&self.info_path)?;
        share_lock(&self.file).with_path("lock", &self.finished)?;
        Ok((self.finished, self.length, self.file))
    }

    pub(super) fn remove(self) -> Result<()> {
        remove_if_exists(&self.info_path)?;
        remove_if_exists(&self.path)
    }
}

/// Removes anything but a regular file: a folder, a pipe (which would block), a symlink. Symlinks are not followed.
fn remove_unless_file(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).with_path("remove", path),
        Ok(_) => remove_if_exists(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("read the metadata of", path, error)),
    }
}

/// Opens or creates the part, and locks it.
fn open_locked(path: &Path) -> Result<File> {
    loop {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).with_path("open", path)?;
        lock(&file, path)?;
        // A call that finished in the meantime renamed or removed the file.
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether the file still has this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let opened = file.metadata().with_path("read the metadata of", path)?;
    match fs::symlink_metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (opened.dev(), opened.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("read the metadata of", path, error)),
    }
}

/// Here an open file keeps its name.
#[cfg(not(unix))]
fn is_at(_file: &File, _path: &Path) -> Result<bool> {
    Ok(true)
}

/// Locks the file against other calls, which would write or remove it.
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

/// The caller opens the finished file again. On Windows an exclusive lock would prevent that, so it becomes shared.
fn share_lock(file: &File) -> io::Result<()> {
    if cfg!(windows) {
        file.unlock()?;
        file.lock_shared()?;
    }
    Ok(())
}

/// `None` also for invalid content: then the file is downloaded from its start.
fn read_info(path: &Path) -> Result<Option<ResumeInfo>> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MAX_INFO_LEN => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    }
    Ok(serde_json::from_slice(&fs::read(path).with_path("read", path)?).ok())
}

/// Removes a file that may be missing.
pub(super) fn remove_if_exists(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// The problem with a file of another size than expected.
pub(super) fn size_mismatch(found: u64, expected: u64) -> String {
    format!("expected {expected} bytes, found {found}")
}

//! Unpacking a verified archive into a folder.

use std::fs;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::zip::inflate::{ContentError, ContentReader};
use super::zip::integrity;
use super::zip::read;
use super::zip::read::{Archive, INDEX_HTML};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file;
use crate::io::pipeline::{Pipeline, Window, spawn};
use crate::io::vfs::{Disk, Files, Kind};
use crate::limits::Limits;
use crate::path::{SafePath, printable};
use crate::progress::{Control, Phase, SharedProgress};
use crate::setters::setters;
use crate::verified::VerifiedArchive;

/// Unpacking is limited by the file system, so more threads do not help, and each has buffers.
const MAX_THREADS: usize = 4;
/// Enough small files for the other threads while the calling thread, which takes the results, writes a large one.
const WINDOW: Window = Window {
    count: 4096,
    weight: usize::MAX,
};

/// How to unpack.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct UnpackOptions {
    /// Limits for the archive.
    pub limits: Limits,
    /// Number of threads that write files; `None` for one per core, at most four.
    pub threads: Option<NonZeroUsize>,
}

impl UnpackOptions {
    setters! {
        with_limits(limits: Limits);
        with_threads(threads: impl Into<Option<NonZeroUsize>>);
    }
}

/// The result of [`unpack`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unpacked {
    /// Number of files.
    pub files: u64,
    /// Number of folders, without the root.
    pub folders: u64,
    /// Total size of all files.
    pub bytes: u64,
    /// The single top folder that was stripped, as Capgo's plugins do.
    pub flattened: Option<String>,
    /// Files outside that top folder (hidden files and `__MACOSX`), which were left out.
    pub left_out: Vec<String>,
}

/// Unpacks a verified archive into the new folder `to`. The parent of `to` must exist; `to` must not.
///
/// Files are written to a temporary folder beside `to`, which is renamed when every CRC and limit has been checked. An
/// error leaves nothing behind; a crash may leave a folder `.capbundle-*.tmp` beside `to`. Nothing is synced: if the
/// folder must survive a power loss, sync it before relying on it.
///
/// # Errors
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if `to` exists,
/// [`UnsafeArchive`](crate::ErrorKind::UnsafeArchive) and [`LimitExceeded`](crate::ErrorKind::LimitExceeded) naming the
/// entry, [`NotABundle`](crate::ErrorKind::NotABundle) without a root `index.html`,
/// [`NoSpace`](crate::ErrorKind::NoSpace), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn unpack(archive: &VerifiedArchive, to: &Path, options: &UnpackOptions, control: &Control) -> Result<Unpacked> {
    require_absent(to)?;
    let contents = read_bundle(archive, &options.limits)?;
    let staging = atomic_file::temporary_folder(atomic_file::folder_of(to))?;
    let tree = TargetTree {
        root: staging.path(),
        files: &Disk,
        with_digests: false,
    };
    let written = write_tree(&contents, archive, &tree, options, control);
    match written.and_then(|_| rename_new(staging.path(), to)) {
        // The folder has its final name: there is nothing under the old one to remove.
        Ok(()) => drop(staging.keep()),
        Err(error) => return Err(discard(staging, error)),
    }
    Ok(Unpacked {
        files: contents.files.len() as u64,
        folders: contents.folders.len() as u64,
        bytes: contents.declared_size,
        flattened: contents.flattened,
        left_out: contents.left_out.iter().map(ToString::to_string).collect(),
    })
}

/// Reads the directory of an archive, which must be a web bundle.
pub(crate) fn read_bundle(archive: &VerifiedArchive, limits: &Limits) -> Result<Archive> {
    let contents = Archive::read(archive.positional_reader(), archive.path(), limits)?;
    if !contents.has_index {
        let problem = format!("no {INDEX_HTML} at its root or in a single top folder");
        return Err(Error::NotABundle {
            path: archive.path().to_path_buf(),
            problem,
        });
    }
    Ok(contents)
}

/// A file that was written.
#[derive(Debug, Clone)]
pub(crate) struct WrittenFile {
    pub(crate) path: SafePath,
    pub(crate) size: u64,
    pub(crate) digest: Sha256Digest,
}

/// Where an archive is unpacked to.
pub(crate) struct TargetTree<'a> {
    /// A folder that is new and ours.
    pub(crate) root: &'a Path,
    pub(crate) files: &'a dyn Files,
    /// Whether to compute the digest of each file.
    pub(crate) with_digests: bool,
}

/// Writes all folders and files of the archive, and returns the digest of each file if requested.
pub(crate) fn write_tree(
    contents: &Archive,
    archive: &VerifiedArchive,
    tree: &TargetTree<'_>,
    options: &UnpackOptions,
    control: &Control,
) -> Result<Vec<WrittenFile>> {
    for folder in &contents.folders {
        control.check("unpack")?;
        require_holdable(folder, archive.path())?;
        make_folder(folder, tree.root, tree.files, archive.path())?;
    }
    read_files(contents, archive, Some(tree), options, control)
}

/// Returns the digest of each file of a bundle without writing anything.
pub(crate) fn digest_files(archive: &VerifiedArchive, limits: &Limits, control: &Control) -> Result<Vec<WrittenFile>> {
    let contents = read_bundle(archive, limits)?;
    let options = UnpackOptions {
        limits: limits.clone(),
        threads: None,
    };
    read_files(&contents, archive, None, &options, control)
}

fn read_files(
    contents: &Archive,
    archive: &VerifiedArchive,
    tree: Option<&TargetTree<'_>>,
    options: &UnpackOptions,
    control: &Control,
) -> Result<Vec<WrittenFile>> {
    let work = Unpacker {
        contents,
        archive,
        path: archive.path(),
        tree,
        with_digests: tree.is_none_or(|tree| tree.with_digests),
        limits: &options.limits,
        control,
        produced: AtomicU64::new(0),
        progress: SharedProgress::new(control, Phase::Unpack, contents.declared_size),
    };
    if contents.declared_size > options.limits.total_size {
        return Err(work.limit_exceeded("the size of all files", options.limits.total_size, None));
    }
    let threads = options
        .threads
        .map_or_else(default_threads, NonZeroUsize::get)
        .min(contents.files.len());
    let pipeline = Pipeline::new(contents.files.len(), WINDOW, |_| 0);
    let mut written = Vec::new();
    thread::scope(|scope| {
        let _stop = pipeline.stop_on_drop();
        for _ in 1..threads {
            // If the system starts no more threads, those that run do the work.
            if spawn(scope, Box::new(|| pipeline.work(work.on_files()))).is_err() {
                break;
            }
        }
        let mut on_files = work.on_files();
        while let Some(file) = pipeline.next_result_or_work(&mut on_files) {
            written.extend(file?);
        }
        Ok(written)
    })
}

fn default_threads() -> usize {
    thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MAX_THREADS)
}

/// The state that the threads share.
struct Unpacker<'a> {
    contents: &'a Archive,
    archive: &'a VerifiedArchive,
    path: &'a Path,
    /// Where to write files, if anywhere.
    tree: Option<&'a TargetTree<'a>>,
    with_digests: bool,
    limits: &'a Limits,
    control: &'a Control,
    /// Bytes produced by all threads.
    produced: AtomicU64,
    progress: SharedProgress<'a>,
}

impl Unpacker<'_> {
    /// The work of one thread: unpacks the file of a number.
    fn on_files(&self) -> impl FnMut(usize) -> Result<Option<WrittenFile>> {
        let mut reader = ContentReader::new(self.archive.positional_reader());
        move |number| self.write_file(&mut reader, &self.contents.files[number])
    }

    fn write_file(&self, reader: &mut ContentReader, file: &read::File) -> Result<Option<WrittenFile>> {
        let mut target = self.tree.map(|tree| self.create(file, tree)).transpose()?;
        let mut written = 0;
        let (mut crc, mut sha256) = (crc32fast::Hasher::new(), self.with_digests.then(Sha256::new));
        let contents = reader.read(file, |bytes| {
            self.control.check("unpack")?;
            written += bytes.len() as u64;
            if written > file.size {
                let entry = Some(printable(file.path.as_str().as_bytes()));
                let problem = format!("expected {} bytes, as its header says, found more", file.size);
                return Err(Error::unsafe_archive(self.path, entry, problem));
            }
            self.require_within_limits(file, written, bytes.len() as u64)?;
            crc.update(bytes);
            if let Some(sha256) = &mut sha256 {
                sha256.update(bytes);
            }
            match &mut target {
                Some((target, path)) => target.write_all(bytes).with_path("write", path),
                None => Ok(()),
            }
        });
        contents.map_err(|error| match error {
            ContentError::Archive(error) => integrity::content_error(error, self.path, Some(&file.path)),
            ContentError::Consumer(error) => error,
        })?;
        if let Some((target, path)) = &mut target {
            target.flush().with_path("write", path)?;
        }
        let refuse = |problem: String| {
            let entry = Some(printable(file.path.as_str().as_bytes()));
            Err(Error::unsafe_archive(self.path, entry, problem))
        };
        if written != file.size {
            return refuse(format!(
                "expected {} bytes, as its header says, found {written}",
                file.size
            ));
        }
        if crc.finalize() != file.crc32 {
            return refuse("damaged: its CRC-32 does not match".to_owned());
        }
        Ok(sha256.map(|sha256| WrittenFile {
            path: file.path.clone(),
            size: written,
            digest: Sha256Digest::from_bytes(sha256.finalize().into()),
        }))
    }

    fn create(&self, file: &read::File, tree: &TargetTree<'_>) -> Result<(Box<dyn Write + Send>, PathBuf)> {
        require_holdable(&file.path, self.path)?;
        let path = file.path.resolve(tree.root);
        let target = tree.files.create(&path);
        let target = target.map_err(|error| clash_or_io(error, &path, &file.path, self.path))?;
        Ok((target, path))
    }

    /// Checks the bytes actually produced before they are written.
    fn require_within_limits(&self, file: &read::File, written: u64, new: u64) -> Result<()> {
        let limits = self.limits;
        let total = self.produced.fetch_add(new, Ordering::Relaxed) + new;
        if written > limits.file_size {
            return Err(self.limit_exceeded("the size of a file", limits.file_size, Some(&file.path)));
        }
        if total > limits.total_size {
            return Err(self.limit_exceeded("the size of all files", limits.total_size, Some(&file.path)));
        }
        if limits.expands_too_far(written, file.compressed_size) || limits.expands_too_far(total, self.archive.size()) {
            let what = "the expansion ratio (a decompression bomb?)";
            return Err(self.limit_exceeded(what, limits.expansion_ratio, Some(&file.path)));
        }
        self.progress.reach(total);
        Ok(())
    }

    fn limit_exceeded(&self, what: &'static str, limit: u64, entry: Option<&SafePath>) -> Error {
        let entry = entry.map(|entry| printable(entry.as_str().as_bytes()));
        Error::LimitExceeded {
            path: self.path.to_path_buf(),
            entry,
            what,
            limit,
        }
    }
}

/// Creates a folder. Folders whose names differ only in case are the same folder on some file systems, which is
/// allowed.
fn make_folder(folder: &SafePath, root: &Path, files: &dyn Files, archive: &Path) -> Result<()> {
    let path = folder.resolve(root);
    let Err(error) = files.create_folder(&path) else {
        return Ok(());
    };
    match files.kind(&path) {
        Ok(Some(Kind::Folder)) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(clash_or_io(error, &path, folder, archive)),
    }
}

/// The staging folder is new, so an existing entry came from this archive with a name that differs in spelling.
fn clash_or_io(error: io::Error, target: &Path, name: &SafePath, archive: &Path) -> Error {
    if error.kind() == io::ErrorKind::AlreadyExists {
        let problem = "its name equals that of another entry on this file system";
        return Error::unsafe_archive(archive, Some(printable(name.as_str().as_bytes())), problem);
    }
    Error::io("create", target, error)
}

/// Refuses names that are special on Windows (devices, trailing dots) when running there.
fn require_holdable(name: &SafePath, archive: &Path) -> Result<()> {
    match name.portability_problem() {
        Some(problem) if cfg!(windows) => Err(Error::unsafe_archive(
            archive,
            Some(printable(name.as_str().as_bytes())),
            problem,
        )),
        _ => Ok(()),
    }
}

fn require_absent(to: &Path) -> Result<()> {
    match fs::symlink_metadata(to) {
        Ok(_) => Err(already_exists(to)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io("look at", to, error)),
    }
}

/// Renames the finished folder. It must not replace anything that was created at `to` in the meantime.
fn rename_new(staging: &Path, to: &Path) -> Result<()> {
    require_absent(to)?;
    fs::rename(staging, to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => already_exists(to),
        _ => Error::io("rename to", to, error),
    })
}

fn already_exists(to: &Path) -> Error {
    Error::invalid_input(
        to.display().to_string(),
        "already exists; an archive is only unpacked into a new folder",
    )
}

/// Removes the staging folder, and reports if that fails, since the caller relies on it.
fn discard(staging: TempDir, problem: Error) -> Error {
    let folder = staging.path().to_path_buf();
    match staging.close() {
        Ok(()) => problem,
        Err(source) => Error::LeftBehind {
            folder,
            problem: Box::new(problem),
            source,
        },
    }
}

#[cfg(test)]
mod tests;

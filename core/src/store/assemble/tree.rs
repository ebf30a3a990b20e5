//! The folder in which the files of a bundle are collected.
//!
//! It survives the process: the next attempt hashes the files that are there and continues. Nothing in it is synced or
//! trusted before it is complete.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::bundle::WrittenFile;
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::Kind;
use crate::limits::Limits;
use crate::path::SafePath;
use crate::progress::Control;
use crate::release::ListedFile;
use crate::store::storage::Storage;

const BUFFER: usize = 64 << 10;
/// The page that a web view loads first.
const INDEX_HTML: &str = "index.html";

/// The number of a file in the list.
pub(in crate::store) type Number = usize;

/// The folder in which the files of a list are collected.
pub(in crate::store) struct AssemblyTree<'a> {
    storage: &'a Storage,
    root: PathBuf,
    files: &'a [ListedFile],
    /// The files in the order of their digests; those of one digest in the order of the list.
    by_digest: Vec<Number>,
    is_there: Vec<bool>,
    /// The folders that exist.
    folders: BTreeSet<&'a str>,
    /// Whether this device failed to write, and not a source to deliver.
    disk_failed: bool,
    control: &'a Control,
}

/// What a tree still needs.
pub(in crate::store) struct Needs<'a> {
    /// One file for each digest that is not there.
    pub(in crate::store) files: Vec<&'a ListedFile>,
    /// Bytes of all files that are not there, with those of equal digest.
    pub(in crate::store) bytes: u64,
}

/// A file that is being written.
pub(super) struct OpenFile {
    number: Number,
    path: PathBuf,
    writer: Box<dyn Write + Send>,
    hasher: Sha256,
    written: u64,
}

impl<'a> AssemblyTree<'a> {
    /// The tree of these files in the folder `root`. Nothing of it is there before it is [opened](Self::open).
    pub(in crate::store) fn new(
        storage: &'a Storage,
        root: PathBuf,
        files: &'a [ListedFile],
        control: &'a Control,
    ) -> Self {
        let mut by_digest: Vec<Number> = (0..files.len()).collect();
        by_digest.sort_by_key(|number| files[*number].digest.as_bytes());
        Self {
            storage,
            root,
            files,
            by_digest,
            is_there: vec![false; files.len()],
            folders: BTreeSet::new(),
            disk_failed: false,
            control,
        }
    }

    /// Creates the folder, whose parent exists. In an existing one, keeps the files of the list that an earlier attempt
    /// left, after hashing them, and removes everything else.
    pub(in crate::store) fn open(&mut self) -> Result<()> {
        self.storage.move_away_from_folder_path(&self.root)?;
        match self.storage.files.create_folder(&self.root) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.scan(""),
            Err(error) => Err(Error::io("create the folder", &self.root, error)),
        }
    }

    pub(in crate::store) fn root(&self) -> &Path {
        &self.root
    }

    pub(in crate::store) fn storage(&self) -> &'a Storage {
        self.storage
    }

    pub(in crate::store) fn files(&self) -> &'a [ListedFile] {
        self.files
    }

    /// Whether an error came from writing on this device, so that every other source would fail as well.
    pub(in crate::store) fn disk_failed(&self) -> bool {
        self.disk_failed
    }

    /// Bytes of the files that are there.
    pub(in crate::store) fn bytes_there(&self) -> u64 {
        let there = self.files.iter().zip(&self.is_there).filter(|(_, there)| **there);
        there.map(|(file, _)| file.size).sum()
    }

    pub(in crate::store) fn needs(&self) -> Needs<'a> {
        let mut needs = Needs {
            files: Vec::new(),
            bytes: 0,
        };
        let mut wanted: Vec<Number> = Vec::new();
        for same in self.groups() {
            let missing = same.iter().filter(|number| !self.is_there[**number]);
            needs.bytes += missing.map(|number| self.files[*number].size).sum::<u64>();
            if !same.iter().any(|number| self.is_there[*number]) {
                wanted.extend(same.first());
            }
        }
        wanted.sort_unstable();
        needs.files.extend(wanted.into_iter().map(|number| &self.files[number]));
        needs
    }

    /// The numbers of the files of this digest.
    pub(super) fn of_digest(&self, digest: &Sha256Digest) -> &[Number] {
        let digest_of = |number: &Number| self.files[*number].digest.as_bytes();
        let start = self
            .by_digest
            .partition_point(|number| digest_of(number) < digest.as_bytes());
        let rest = &self.by_digest[start..];
        let end = rest.partition_point(|number| digest_of(number) == digest.as_bytes());
        &rest[..end]
    }

    /// The first file of this digest, if no file of it is there.
    pub(super) fn wanted(&self, digest: &Sha256Digest) -> Option<Number> {
        let same = self.of_digest(digest);
        let is_missing = !same.iter().any(|number| self.is_there[*number]);
        same.first().copied().filter(|_| is_missing)
    }

    /// The number of a file of the list.
    pub(super) fn number(&self, file: &ListedFile) -> Result<Number> {
        let found = self.files.binary_search_by(|listed| listed.path.cmp(&file.path));
        found.map_err(|_| Error::invalid_input(file.path.to_string(), "not in the file list"))
    }

    fn groups(&self) -> impl Iterator<Item = &[Number]> {
        (self.by_digest).chunk_by(|one, other| self.files[*one].digest == self.files[*other].digest)
    }

    /// Takes a missing file of the list from `bytes`, whose size and digest are checked. Reads nothing if it is there.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) if the bytes differ from the list; those of reading;
    /// [`Io`](crate::ErrorKind::Io), [`NoSpace`](crate::ErrorKind::NoSpace), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub(in crate::store) fn take(&mut self, file: &ListedFile, bytes: &mut dyn Read) -> Result<()> {
        match self.number(file)? {
            number if self.is_there[number] => Ok(()),
            number => self.take_number(number, bytes),
        }
    }

    pub(super) fn take_number(&mut self, number: Number, bytes: &mut dyn Read) -> Result<()> {
        let mut open = self.begin(number)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => self.put(&mut open, &buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(Error::io("read", &open.path, error)),
            };
            if let Err(error) = read {
                self.discard(open);
                return Err(error);
            }
        }
        self.end(open)
    }

    /// Clones a file that should be the one of this number. `false` if the file system cannot.
    pub(super) fn try_clone(&mut self, number: Number, from: &Path) -> Result<bool> {
        let path = self.place(number)?;
        if !matches!(self.storage.files.clone_file(from, &path), Ok(true)) {
            self.storage.remove_file_if_there(&path)?;
            return Ok(false);
        }
        self.is_there[number] = self.is_listed(number, &path);
        if !self.is_there[number] {
            self.storage.remove_file_if_there(&path)?;
        }
        Ok(true)
    }

    /// Copies the files that are there to the paths of missing ones with the same digest.
    fn fill_equal(&mut self) -> Result<()> {
        for number in 0..self.files.len() {
            if self.is_there[number] {
                continue;
            }
            let digest = self.files[number].digest;
            let source = self.of_digest(&digest).iter().find(|same| self.is_there[**same]);
            let Some(source) = source.map(|source| self.files[*source].path.resolve(&self.root)) else {
                continue;
            };
            if !self.try_clone(number, &source)? {
                let mut bytes = self.storage.files.open(&source).with_path("open", &source)?;
                self.take_number(number, &mut bytes)?;
            }
        }
        Ok(())
    }

    /// Completes and checks the tree: it has exactly the files of the list. Durable when it returns.
    pub(in crate::store) fn finish(&mut self) -> Result<Vec<WrittenFile>> {
        self.fill_equal()?;
        let (missing, found) = (self.needs().files.len(), self.count(&self.root)?);
        // Two names may be the same one on a file system, so that a file replaced another.
        if missing > 0 || found != self.files.len() {
            let (path, expected) = (self.root.clone(), self.files.len());
            let problem = format!("expected {expected} files, found {found}");
            return Err(Error::Corrupt { path, problem });
        }
        if let Err(error) = self.storage.files.sync_tree(&self.root) {
            // Bytes whose sync failed may be good in memory and lost on the disk, and no later sync may write them.
            self.storage.remove_if_there(&self.root)?;
            return Err(Error::io("make durable", &self.root, error));
        }
        let written = self.files.iter().map(|file| WrittenFile {
            path: file.path.clone(),
            size: file.size,
            digest: file.digest,
        });
        Ok(written.collect())
    }

    fn count(&self, folder: &Path) -> Result<usize> {
        let mut files = 0;
        for name in self.storage.files.list(folder).with_path("list", folder)? {
            let path = folder.join(name);
            files += match self.storage.kind(&path)? {
                Some(Kind::Folder) => self.count(&path)?,
                _ => 1,
            };
        }
        Ok(files)
    }

    /// Keeps the files of the list below a folder, and removes everything else.
    fn scan(&mut self, folder: &str) -> Result<()> {
        let at = self.root.join(folder);
        for name in self.storage.files.list(&at).with_path("list", &at)? {
            self.control.check("assemble")?;
            let path = at.join(&name);
            let name = match name.to_str() {
                Some(name) if folder.is_empty() => name.to_owned(),
                Some(name) => format!("{folder}/{name}"),
                // In no list.
                None => String::new(),
            };
            match self.storage.kind(&path)? {
                Some(Kind::Folder) => match self.folder_of_list(&name) {
                    Some(listed) => {
                        self.folders.insert(listed);
                        self.scan(listed)?;
                    }
                    None => self.storage.files.remove_folder(&path).with_path("remove", &path)?,
                },
                Some(Kind::File) => {
                    let number = self.files.binary_search_by(|file| file.path.as_str().cmp(&name)).ok();
                    match number.filter(|number| self.is_listed(*number, &path)) {
                        Some(number) => self.is_there[number] = true,
                        None => self.storage.remove_file_if_there(&path)?,
                    }
                }
                Some(Kind::Other) => self.storage.remove_file_if_there(&path)?,
                None => {}
            }
        }
        Ok(())
    }

    /// The folder of this name, if a listed file is in it.
    fn folder_of_list(&self, name: &str) -> Option<&'a str> {
        let prefix = format!("{name}/");
        let first = self.files.partition_point(|file| file.path.as_str() < prefix.as_str());
        let path = self.files.get(first)?.path.as_str();
        path.starts_with(&prefix).then(|| &path[..name.len()])
    }

    /// Whether the file at `path` has the size and digest of the list. An unreadable one has not.
    fn is_listed(&self, number: Number, path: &Path) -> bool {
        let listed = &self.files[number];
        let size = self.storage.files.size(path);
        size.is_ok_and(|size| size == listed.size)
            && matches!(self.storage.digest_of(path), Ok((digest, _)) if digest == listed.digest)
    }

    /// The path of a file, after creating the folders of it.
    fn place(&mut self, number: Number) -> Result<PathBuf> {
        self.control.check("assemble")?;
        let listed = &self.files[number];
        for folder in listed.path.ancestors() {
            if self.folders.insert(folder) {
                let path = self.root.join(folder);
                match self.storage.files.create_folder(&path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        self.folders.remove(folder);
                        self.disk_failed = true;
                        return Err(Error::io("create the folder", &path, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(listed.path.resolve(&self.root))
    }

    pub(super) fn begin(&mut self, number: Number) -> Result<OpenFile> {
        let path = self.place(number)?;
        let writer = match self.storage.files.create(&path) {
            Ok(writer) => writer,
            Err(error) => {
                self.disk_failed = true;
                return Err(Error::io("create", &path, error));
            }
        };
        Ok(OpenFile {
            number,
            path,
            writer,
            hasher: Sha256::new(),
            written: 0,
        })
    }

    /// Writes the next bytes of a file. An error leaves the file open.
    pub(super) fn put(&mut self, open: &mut OpenFile, bytes: &[u8]) -> Result<()> {
        self.control.check("assemble")?;
        let listed = &self.files[open.number];
        open.written += bytes.len() as u64;
        if open.written > listed.size {
            let problem = format!("expected {} bytes, found more", listed.size);
            return Err(Error::invalid_input(listed.path.to_string(), problem));
        }
        open.hasher.update(bytes);
        if let Err(error) = open.writer.write_all(bytes) {
            self.disk_failed = true;
            return Err(Error::io("write", &open.path, error));
        }
        Ok(())
    }

    /// Checks a file that was written. It is there from now on, or it is removed.
    pub(super) fn end(&mut self, mut open: OpenFile) -> Result<()> {
        if let Err(error) = open.writer.flush() {
            self.disk_failed = true;
            let error = Error::io("write", &open.path, error);
            self.discard(open);
            return Err(error);
        }
        let found = Sha256Digest::from_bytes(open.hasher.clone().finalize().into());
        let expected = self.files[open.number].digest;
        if found != expected {
            let path = open.path.clone();
            self.discard(open);
            return Err(Error::DigestMismatch { path, expected, found });
        }
        self.is_there[open.number] = true;
        Ok(())
    }

    /// Removes a file that was not completed. If it cannot be removed, the next attempt finds that it differs.
    pub(super) fn discard(&mut self, open: OpenFile) {
        let OpenFile { path, writer, .. } = open;
        drop(writer);
        if self.storage.files.remove_file(&path).is_err() {
            // Nothing else can be written at its path.
            self.disk_failed = true;
        }
    }

    pub(super) fn is_there(&self, number: Number) -> bool {
        self.is_there[number]
    }
}

/// Whether a bundle with these files can be assembled within the limits. The archive of any other one is unpacked, which
/// reports what is wrong with it.
pub(in crate::store) fn is_assemblable(files: &[ListedFile], limits: &Limits) -> bool {
    let is_file = |path: &str| files.binary_search_by(|file| file.path.as_str().cmp(path)).is_ok();
    let mut folders = BTreeSet::new();
    let mut total = 0_u64;
    for file in files {
        let path = file.path.as_str();
        total = total.saturating_add(file.size);
        let is_allowed = matches!(SafePath::parse(path.as_bytes(), limits), Ok(Some(_)))
            && file.size <= limits.file_size
            && !(cfg!(windows) && file.path.portability_problem().is_some());
        if !is_allowed || file.path.ancestors().any(is_file) {
            return false;
        }
        folders.extend(file.path.ancestors());
    }
    let entries = (files.len() + folders.len()) as u64;
    is_file(INDEX_HTML) && entries <= limits.entries && total <= limits.total_size
}

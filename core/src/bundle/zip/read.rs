//! Reading an archive's directory and deciding, before a byte is written, what may come out of it.
//!
//! The `zip` crate parses; this file refuses. Rules: APPNOTE.TXT 6.3.10 for the format, design §5 for what of it is
//! taken: stored and deflate only, names through [`SafePath`], local headers that agree with the directory, nothing
//! twice, nothing hidden, one end.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::integrity::{Directory, zip_error};
use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::PositionedReader;
use crate::limits::Limits;
use crate::path::{SafePath, printable};

/// The file a bundle starts with.
pub(in crate::bundle) const INDEX_HTML: &str = "index.html";
/// What macOS adds beside the real files; Capgo's devices look past it when they flatten.
const MACOS_EXTRAS: &str = "__MACOSX";

const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LOCAL_FLAGS_OFFSET: u64 = 6;
const UTF8_FLAG: u16 = 1 << 11;

/// The type bits of a Unix mode, and the two types that a bundle may hold.
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// An archive whose directory was read and found harmless.
pub(crate) struct Archive {
    pub(crate) files: Vec<File>,
    /// Every folder that files need or entries name, parents first.
    pub(crate) folders: Vec<SafePath>,
    /// Entries that are folders.
    pub(crate) folder_entries: u64,
    /// The single top folder that was stripped from every path.
    pub(crate) flattened: Option<String>,
    /// Entries beside that top folder, which devices leave out.
    pub(crate) left_out: Vec<SafePath>,
    pub(crate) has_index: bool,
    /// Bytes of all files, as the directory declares them.
    pub(crate) declared_size: u64,
}

/// One file of an archive.
pub(crate) struct File {
    pub(crate) path: SafePath,
    pub(crate) size: u64,
    pub(crate) compressed_size: u64,
    pub(crate) stored: bool,
    pub(crate) crc32: u32,
    /// Where its contents start.
    pub(crate) data_start: u64,
}

impl Archive {
    /// Reads the directory of the archive and applies every rule that needs no contents.
    pub(crate) fn read(reader: PositionedReader, path: &Path, limits: &Limits) -> Result<Self> {
        let comment_length = require_one_end(&mut reader.clone(), path)?;
        let directory = Directory::read(&mut reader.clone(), comment_length, path, limits)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut zip = ZipArchive::with_config(config, reader).map_err(|error| zip_error(error, path, None))?;
        if zip.comment().len() != comment_length {
            return Err(Error::unsafe_archive(
                path,
                None,
                "two readers would find two different directories in it",
            ));
        }
        zip.validate_header_consistency()
            .map_err(|error| zip_error(error, path, None))?;
        let data_starts = directory.require_no_hidden_bytes(&zip, &mut zip.clone().into_inner(), path)?;
        let mut archive = Self {
            files: Vec::new(),
            folders: Vec::new(),
            folder_entries: 0,
            flattened: None,
            left_out: Vec::new(),
            has_index: false,
            declared_size: 0,
        };
        let mut named_folders = archive.read_entries(&zip, &data_starts, path, limits)?;
        archive.flatten(&mut named_folders);
        archive.has_index = archive.files.iter().any(|file| file.path.as_str() == INDEX_HTML);
        archive.require_a_tree(&named_folders, path)?;
        // Folders that nobody lists cost the disk as much as those that somebody does.
        require_entries((archive.files.len() + archive.folders.len()) as u64, path, limits)?;
        Ok(archive)
    }

    /// Sorts the entries into files and folders, refusing what is neither or has no safe name.
    fn read_entries(
        &mut self,
        zip: &ZipArchive<PositionedReader>,
        data_starts: &[u64],
        path: &Path,
        limits: &Limits,
    ) -> Result<Vec<SafePath>> {
        let mut folders = Vec::new();
        let mut seen = HashSet::new();
        let mut reader = zip.clone().into_inner();
        for (index, data_start) in data_starts.iter().enumerate() {
            let entry = zip.by_index_data(index).map_err(|error| zip_error(error, path, None))?;
            let raw = entry.name_raw();
            let refuse = |problem: &str| Error::unsafe_archive(path, Some(printable(raw)), problem);
            let safe = match SafePath::parse(raw, limits) {
                Ok(safe) => safe,
                Err(problem) => {
                    return Err(match problem.as_limit(limits) {
                        Some((what, limit)) => {
                            let entry = Some(printable(raw));
                            Error::LimitExceeded {
                                path: path.to_path_buf(),
                                entry,
                                what,
                                limit,
                            }
                        }
                        None => refuse(&problem.to_string()),
                    });
                }
            };
            if entry.encrypted() {
                return Err(refuse("it is encrypted with a password"));
            }
            let stored = match entry.compression() {
                CompressionMethod::Stored => true,
                CompressionMethod::Deflated => false,
                other => {
                    return Err(refuse(&format!(
                        "it is compressed with {other}; only stored and deflate are taken"
                    )));
                }
            };
            let mode = entry.external_attributes() >> 16;
            if ![0, S_IFREG, S_IFDIR].contains(&(mode & S_IFMT)) {
                return Err(refuse("it is a symbolic link or another special file"));
            }
            if !raw.is_ascii()
                && (local_flags(&mut reader, entry.header_start(), path)? ^ entry.flags().as_u16()) & UTF8_FLAG != 0
            {
                return Err(refuse(
                    "its local header and the directory disagree on how the name is encoded",
                ));
            }
            let is_folder = raw.last() == Some(&b'/');
            if !is_folder && mode & S_IFMT == S_IFDIR {
                return Err(refuse("it is a folder by its mode and a file by its name"));
            }
            if is_folder && entry.size() != 0 {
                return Err(refuse("it is a folder with contents"));
            }
            if stored && entry.size() != entry.compressed_size() {
                return Err(refuse("it is stored, but its two sizes differ"));
            }
            let (size, compressed_size) = (entry.size(), entry.compressed_size());
            let Some(safe) = safe else { continue };
            if !seen.insert(safe.clone()) {
                return Err(refuse("it is in the archive twice"));
            }
            if is_folder {
                self.folder_entries += 1;
                folders.push(safe);
            } else {
                self.declared_size = self.declared_size.saturating_add(size);
                self.files.push(File {
                    path: safe,
                    size,
                    compressed_size,
                    stored,
                    crc32: entry.crc32(),
                    data_start: *data_start,
                });
            }
        }
        Ok(folders)
    }

    /// Strips the single top folder of an archive without a root `index.html`, as Capgo's devices do.
    ///
    /// Hidden files and `__MACOSX` beside it do not count, and are left out.
    fn flatten(&mut self, folders: &mut Vec<SafePath>) {
        if self.files.iter().any(|file| file.path.as_str() == INDEX_HTML) {
            return;
        }
        let counts = |path: &SafePath| !path.top().starts_with('.') && path.top() != MACOS_EXTRAS;
        let mut tops = self
            .files
            .iter()
            .map(|file| &file.path)
            .chain(folders.iter())
            .filter(|path| counts(path));
        let Some(top) = tops.next().map(|path| path.top().to_owned()) else {
            return;
        };
        if tops.any(|path| path.top() != top) || self.files.iter().any(|file| file.path.as_str() == top) {
            return;
        }
        let mut left_out = Vec::new();
        self.files.retain_mut(|file| {
            let Some(path) = file.path.below(&top) else {
                left_out.push(file.path.clone());
                return false;
            };
            file.path = path;
            true
        });
        let stripped = folders.drain(..).filter_map(|folder| folder.below(&top)).collect();
        *folders = stripped;
        self.declared_size = self.files.iter().map(|file| file.size).fold(0, u64::saturating_add);
        self.left_out = left_out;
        self.flattened = Some(top);
    }

    /// Lists every folder once, parents first, and refuses a path that is both a file and a folder.
    fn require_a_tree(&mut self, named_folders: &[SafePath], path: &Path) -> Result<()> {
        let files: HashSet<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let paths = self.files.iter().map(|file| &file.path).chain(named_folders);
        let mut folders: HashSet<&str> = paths.flat_map(SafePath::ancestors).collect();
        folders.extend(named_folders.iter().map(SafePath::as_str));
        if let Some(both) = folders.intersection(&files).next() {
            let entry = Some(printable(both.as_bytes()));
            return Err(Error::unsafe_archive(path, entry, "it is both a file and a folder"));
        }
        // A parent is a prefix of its children and so sorts before them.
        self.folders = folders.into_iter().map(SafePath::from_safe).collect();
        self.folders.sort_unstable();
        Ok(())
    }
}

/// Finds the end record: exactly one, at the very end. Gives the length of the archive comment.
///
/// Readers look for it from different sides and take different ones when there are several; an attacker would show
/// the verifier one directory and the device another.
fn require_one_end(reader: &mut PositionedReader, path: &Path) -> Result<usize> {
    let size = reader.seek(SeekFrom::End(0)).with_path("read", path)?;
    let tail_length = size.min((END_LENGTH + usize::from(u16::MAX)) as u64);
    reader
        .seek(SeekFrom::Start(size - tail_length))
        .with_path("read", path)?;
    let mut tail = Vec::new();
    reader.read_to_end(&mut tail).with_path("read", path)?;
    let comment_length = |start: usize| {
        let field = tail.get(start + 20..start + END_LENGTH)?;
        Some(usize::from(u16::from_le_bytes([field[0], field[1]])))
    };
    let starts = || {
        tail.windows(4)
            .enumerate()
            .filter(|(_, window)| *window == END_SIGNATURE)
            .map(|(start, _)| start)
    };
    let mut ends = starts().filter_map(|start| Some((start, comment_length(start)?)));
    let at_the_end = |(start, comment): &(usize, usize)| start + END_LENGTH + comment == tail.len();
    let refuse = |problem: &str| Err(Error::unsafe_archive(path, None, problem));
    let Some((start, comment)) = ends.find(at_the_end) else {
        return refuse("no end record at its end: not a zip archive, cut short, or followed by other data");
    };
    if starts().any(|other| other > start) {
        return refuse("its comment holds a second end record");
    }
    Ok(comment)
}

fn require_entries(count: u64, path: &Path, limits: &Limits) -> Result<()> {
    if count > limits.entries {
        let what = "the number of entries";
        return Err(Error::LimitExceeded {
            path: path.to_path_buf(),
            entry: None,
            what,
            limit: limits.entries,
        });
    }
    Ok(())
}

fn local_flags(reader: &mut PositionedReader, header_start: u64, path: &Path) -> Result<u16> {
    let mut flags = [0; 2];
    reader
        .seek(SeekFrom::Start(header_start + LOCAL_FLAGS_OFFSET))
        .with_path("read", path)?;
    reader.read_exact(&mut flags).with_path("read", path)?;
    Ok(u16::from_le_bytes(flags))
}

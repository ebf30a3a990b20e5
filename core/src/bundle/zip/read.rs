//! Reading and validating the directory of an archive before anything is written.
//!
//! The `zip` crate parses; this file refuses. The format is APPNOTE.TXT 6.3.10, restricted: methods stored and deflate
//! only, names that [`SafePath`] accepts, local headers that match the directory, no duplicates, no hidden bytes, one
//! end record.

use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::integrity::{Directory, zip_error};
use crate::error::{Error, IoContext, Result};
use crate::io::positional_reader::PositionalReader;
use crate::limits::Limits;
use crate::path::{SafePath, printable};

/// The start page of a bundle.
pub(in crate::bundle) const INDEX_HTML: &str = "index.html";
/// The folder of resource forks that macOS adds. Capgo's plugins ignore it when they strip the top folder.
const MACOS_EXTRAS: &str = "__MACOSX";

const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LOCAL_FLAGS_OFFSET: u64 = 6;
const UTF8_FLAG: u16 = 1 << 11;

/// The type bits of a Unix mode, and the two types that a bundle may contain.
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// An archive with a validated directory.
pub(crate) struct Archive {
    pub(crate) files: Vec<File>,
    /// All folders, explicit or implied by files, parents first.
    pub(crate) folders: Vec<SafePath>,
    /// Number of entries that are folders.
    pub(crate) folder_entries: u64,
    /// The single top folder that was stripped from every path.
    pub(crate) flattened: Option<String>,
    /// Files outside that top folder, which are not unpacked.
    pub(crate) left_out: Vec<SafePath>,
    pub(crate) has_index: bool,
    /// Total size of all files as declared by the directory.
    pub(crate) declared_size: u64,
}

/// One file of an archive.
pub(crate) struct File {
    pub(crate) path: SafePath,
    pub(crate) size: u64,
    pub(crate) compressed_size: u64,
    pub(crate) stored: bool,
    pub(crate) crc32: u32,
    /// Position of the contents.
    pub(crate) data_start: u64,
}

impl Archive {
    /// Reads the directory and applies all rules that do not need the contents.
    pub(crate) fn read(reader: PositionalReader, path: &Path, limits: &Limits) -> Result<Self> {
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
        // Implied folders count too: they need as much disk as explicit ones.
        require_entries((archive.files.len() + archive.folders.len()) as u64, path, limits)?;
        Ok(archive)
    }

    /// Collects files and folders. Refuses other types and unsafe names.
    fn read_entries(
        &mut self,
        zip: &ZipArchive<PositionalReader>,
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
                return Err(refuse("encrypted with a password"));
            }
            let stored = match entry.compression() {
                CompressionMethod::Stored => true,
                CompressionMethod::Deflated => false,
                other => {
                    return Err(refuse(&format!(
                        "unsupported compression method {other}; only stored and deflate are accepted"
                    )));
                }
            };
            let mode = entry.external_attributes() >> 16;
            if ![0, S_IFREG, S_IFDIR].contains(&(mode & S_IFMT)) {
                return Err(refuse("symbolic link or other special file"));
            }
            if !raw.is_ascii()
                && (local_flags(&mut reader, entry.header_start(), path)? ^ entry.flags().as_u16()) & UTF8_FLAG != 0
            {
                return Err(refuse(
                    "its local header and the directory disagree on the encoding of the name",
                ));
            }
            let is_folder = raw.last() == Some(&b'/');
            if !is_folder && mode & S_IFMT == S_IFDIR {
                return Err(refuse("folder by its mode, file by its name"));
            }
            if is_folder && entry.size() != 0 {
                return Err(refuse("folder with contents"));
            }
            if stored && entry.size() != entry.compressed_size() {
                return Err(refuse("stored, but its two sizes differ"));
            }
            let (size, compressed_size) = (entry.size(), entry.compressed_size());
            let Some(safe) = safe else { continue };
            if !seen.insert(safe.clone()) {
                return Err(refuse("duplicate entry"));
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
    /// Hidden files and `__MACOSX` beside it do not count and are left out.
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

    /// Collects all folders, parents first, and refuses a path that is both a file and a folder.
    fn require_a_tree(&mut self, named_folders: &[SafePath], path: &Path) -> Result<()> {
        let files: HashSet<&str> = self.files.iter().map(|file| file.path.as_str()).collect();
        let paths = self.files.iter().map(|file| &file.path).chain(named_folders);
        let mut folders: HashSet<&str> = paths.flat_map(SafePath::ancestors).collect();
        folders.extend(named_folders.iter().map(SafePath::as_str));
        if let Some(both) = folders.intersection(&files).next() {
            let entry = Some(printable(both.as_bytes()));
            return Err(Error::unsafe_archive(path, entry, "both a file and a folder"));
        }
        // A parent is a prefix of its children, so it sorts before them.
        self.folders = folders.into_iter().map(SafePath::from_safe).collect();
        self.folders.sort_unstable();
        Ok(())
    }
}

/// Finds the end record, of which there must be exactly one, at the very end. Returns the length of the archive
/// comment.
///
/// If there are several, readers that search from different sides use different ones, and an attacker can show the
/// verifier another directory than the device.
fn require_one_end(reader: &mut PositionalReader, path: &Path) -> Result<usize> {
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
        return refuse("no end record at its end: not a zip archive, truncated, or followed by other data");
    };
    if starts().any(|other| other > start) {
        return refuse("its comment contains a second end record");
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

fn local_flags(reader: &mut PositionalReader, header_start: u64, path: &Path) -> Result<u16> {
    let mut flags = [0; 2];
    reader
        .seek(SeekFrom::Start(header_start + LOCAL_FLAGS_OFFSET))
        .with_path("read", path)?;
    reader.read_exact(&mut flags).with_path("read", path)?;
    Ok(u16::from_le_bytes(flags))
}

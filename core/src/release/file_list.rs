//! The file list: every file of an unpacked bundle (docs/format.md, "File list").

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::fields::{self, FORMAT};
use super::refusal::Refusal;
use crate::bundle::{WrittenFile, digest_files};
use crate::digest::Sha256Digest;
use crate::error::{Error, RefusalReason, Result};
use crate::json::{self, Value};
use crate::limits::Limits;
use crate::path::SafePath;
use crate::progress::Control;
use crate::verified::VerifiedArchive;

/// Maximum size of a file list in bytes: 100,000 files with paths of 500 bytes.
pub const MAX_FILE_LIST_BYTES: usize = 64 << 20;
/// Unpacking enforces the host's limits on paths. The file list only checks their spelling.
const UNLIMITED: u64 = u64::MAX;
const NOT_LISTED: &str = "not in the file list";

/// One file of a [`FileList`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedFile {
    /// The path below the bundle's folder.
    pub path: SafePath,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256.
    #[serde(rename = "sha256")]
    pub digest: Sha256Digest,
}

/// The files of a bundle, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileList(Vec<ListedFile>);

impl FileList {
    /// Lists the files that unpacking `archive` writes. Reads the archive once and writes nothing.
    ///
    /// # Errors
    /// As [`unpack`](crate::bundle::unpack), except for writing.
    pub fn of_archive(archive: &VerifiedArchive, limits: &Limits, control: &Control) -> Result<Self> {
        Ok(Self::sorted(digest_files(archive, limits, control)?.into_iter()))
    }

    /// Reads an unverified list. [`TrustedRelease::check_file_list`] checks that a release names it.
    ///
    /// [`TrustedRelease::check_file_list`]: super::TrustedRelease::check_file_list
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) with the reason `malformed`;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) for an unknown format.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map_err(|refusal| refusal.of("file list"))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_FILE_LIST_BYTES {
            let problem = format!("expected at most {MAX_FILE_LIST_BYTES} bytes, found {}", bytes.len());
            return Err(Refusal::malformed(problem));
        }
        let document = json::parse_object(bytes).map_err(Refusal::malformed)?;
        fields::require_understood(&document, &[])?;
        let files = document.get("files", listed_files).map_err(Refusal::malformed)?;
        Ok(Self(files))
    }

    /// The bytes of the list. A release contains their SHA-256.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the list is larger than readers accept.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::invalid_input("file list", format!("cannot be serialized: {error}")))?;
        if bytes.len() > MAX_FILE_LIST_BYTES {
            let problem = format!("expected at most {MAX_FILE_LIST_BYTES} bytes, found {}", bytes.len());
            return Err(Error::invalid_input("file list", problem));
        }
        Ok(bytes)
    }

    /// The files, sorted by path.
    #[must_use]
    pub fn files(&self) -> &[ListedFile] {
        &self.0
    }

    /// Checks that `found` is the same list; the error names the first difference.
    ///
    /// # Errors
    /// [`DigestMismatch`](crate::ErrorKind::DigestMismatch) with the reason `files_differ`.
    pub fn require_equal(&self, found: &Self) -> Result<()> {
        let mut found = found.0.iter();
        for listed in &self.0 {
            match found.next() {
                // It sorts before the listed file, so it is in no list.
                Some(file) if file.path < listed.path => return Err(differs(&file.path, NOT_LISTED)),
                Some(file) if file.path == listed.path => file.require_same(listed)?,
                _ => return Err(differs(&listed.path, "in the file list, but not in the archive")),
            }
        }
        found.next().map_or(Ok(()), |file| Err(differs(&file.path, NOT_LISTED)))
    }

    /// Checks that the unpacked files are exactly the listed ones.
    pub(crate) fn require_same(&self, written: &[WrittenFile]) -> Result<()> {
        self.require_equal(&Self::of_written(written))
    }

    /// The list of these files, in any order.
    pub(crate) fn of_written(written: &[WrittenFile]) -> Self {
        Self::sorted(written.iter().cloned())
    }

    fn sorted(files: impl Iterator<Item = WrittenFile>) -> Self {
        let mut listed: Vec<_> = files.map(ListedFile::from).collect();
        listed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Self(listed)
    }
}

impl ListedFile {
    fn require_same(&self, listed: &Self) -> Result<()> {
        if self.size != listed.size {
            let problem = format!("expected {} bytes, found {}", listed.size, self.size);
            return Err(differs(&self.path, &problem));
        }
        if self.digest != listed.digest {
            let problem = format!("expected SHA-256 {}, found {}", listed.digest, self.digest);
            return Err(differs(&self.path, &problem));
        }
        Ok(())
    }
}

fn differs(path: &SafePath, problem: &str) -> Error {
    let path = crate::path::printable(path.as_str().as_bytes());
    Refusal::new(RefusalReason::FilesDiffer, problem).of(format!("file {path}"))
}

fn listed_files(value: &Value<'_>) -> Result<Vec<ListedFile>, String> {
    let files: Vec<ListedFile> = value.array()?.iter().map(listed_file).collect::<Result<_, _>>()?;
    if files.windows(2).any(|pair| pair[0].path >= pair[1].path) {
        return Err("the paths are not unique and in byte order".to_owned());
    }
    Ok(files)
}

fn listed_file(value: &Value<'_>) -> Result<ListedFile, String> {
    let file = value.object()?;
    Ok(ListedFile {
        path: file.get("path", path)?,
        size: file.get("size", Value::number)?,
        digest: file.get("sha256", fields::digest)?,
    })
}

fn path(value: &Value<'_>) -> Result<SafePath, String> {
    let text = value.string()?;
    let spelling = Limits {
        path_length: UNLIMITED,
        component_length: UNLIMITED,
        depth: UNLIMITED,
        ..Limits::default()
    };
    let path = SafePath::parse(text.as_bytes(), &spelling).map_err(|problem| problem.to_string())?;
    path.filter(|path| path.as_str() == text)
        .ok_or_else(|| "expected the path of a file in its shortest spelling".to_owned())
}

impl From<WrittenFile> for ListedFile {
    fn from(file: WrittenFile) -> Self {
        Self {
            path: file.path,
            size: file.size,
            digest: file.digest,
        }
    }
}

/// In the order of docs/format.md.
impl Serialize for FileList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry("format", &FORMAT)?;
        members.serialize_entry("files", &self.0)?;
        members.end()
    }
}

#[cfg(test)]
mod tests;

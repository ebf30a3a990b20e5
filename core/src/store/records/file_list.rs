//! The digests of an installed bundle's files, one line for each file.

use std::fmt::Write as _;
use std::io;

use crate::bundle::WrittenFile;
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::is_not_a_file;
use crate::limits::Limits;
use crate::path::SafePath;
use crate::store::bundle_id::BundleId;
use crate::store::storage::{MAX_BYTES, Storage};

impl Storage {
    /// Writes the digests of a bundle's files, durable when it returns.
    pub(in crate::store) fn save_file_list(&self, id: &BundleId, written: &[WrittenFile]) -> Result<()> {
        let path = self.layout.file_list(id);
        self.write(&path, file_lines(written).as_bytes())?;
        self.files.sync_file(&path).with_path("write", &path)
    }

    pub(in crate::store) fn listed_files(&self, id: &BundleId) -> Result<Option<Vec<WrittenFile>>> {
        let path = self.layout.file_list(id);
        let bytes = match self.files.read(&path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if is_not_a_file(&error) => {
                let problem = error.to_string();
                return Err(Error::Corrupt { path, problem });
            }
            Err(error) => return Err(Error::io("read", &path, error)),
        };
        let corrupt = || Error::Corrupt {
            path: path.clone(),
            problem: "expected lines of digest, size and path".to_owned(),
        };
        let text = String::from_utf8(bytes).map_err(|_| corrupt())?;
        listed_in(&text).map(Some).ok_or_else(corrupt)
    }
}

/// One line for each file: digest, size and path, sorted by path.
pub(in crate::store) fn file_lines(written: &[WrittenFile]) -> String {
    let mut files: Vec<_> = written.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut list = String::new();
    for file in files {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{} {} {}", file.digest, file.size, file.path);
    }
    list
}

/// The files of these lines; `None` if one is not such a line.
pub(in crate::store) fn listed_in(text: &str) -> Option<Vec<WrittenFile>> {
    text.lines().map(listed_file).collect()
}

fn listed_file(line: &str) -> Option<WrittenFile> {
    let mut parts = line.splitn(3, ' ');
    let (digest, size, path) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    let unlimited = Limits {
        path_length: u64::MAX,
        component_length: u64::MAX,
        depth: u64::MAX,
        ..Limits::default()
    };
    let path = SafePath::parse(path.as_bytes(), &unlimited).ok()??;
    Some(WrittenFile { path, size, digest })
}

//! The files of the bundle inside the native app.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::bundle::WrittenFile;
use crate::error::{Error, IoContext, Result};
use crate::io::hashing::HashingReader;
use crate::limits::Limits;
use crate::path::SafePath;
use crate::progress::Control;
use crate::store::records::{file_lines, listed_in};
use crate::store::storage::json::{FromJson, Object};
use crate::store::storage::{FileContent, Storage};

const BUILT_IN_FILES: &str = "built_in_files";
const BUFFER: usize = 64 << 10;

/// The files of the bundle inside the native app, from which updates are assembled.
///
/// A host implements it where they are not plain files, such as the assets of an Android app. Their bytes are compared
/// with the digests of the update, so nothing depends on their being unchanged.
pub trait BuiltInFiles: Send + Sync + Debug {
    /// The paths of all files, relative, with `/` between folders. Additional files do no harm.
    ///
    /// # Errors
    /// Those of reading: the update then comes without these files.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens the file of this path.
    ///
    /// # Errors
    /// Those of reading.
    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>>;
}

/// The files in a folder, such as `public` in the resources of an iOS app.
#[derive(Debug, Clone)]
pub struct BuiltInFolder(PathBuf);

impl BuiltInFolder {
    /// The files below this folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }
}

impl BuiltInFiles for BuiltInFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut paths = Vec::new();
        list_below(&self.0, "", &mut paths)?;
        Ok(paths)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(self.0.join(path))?))
    }
}

/// Links are left out: they may lead in circles.
fn list_below(folder: &Path, prefix: &str, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, name) = (entry.file_type()?, entry.file_name());
        let Some(name) = name.to_str() else { continue };
        if kind.is_dir() {
            list_below(&entry.path(), &format!("{prefix}{name}/"), paths)?;
        } else if kind.is_file() {
            paths.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// The digests of the files of one native app, kept so that they are computed once.
#[derive(Debug, Serialize)]
struct KnownFiles {
    /// The native app.
    native: String,
    /// One line for each file.
    files: String,
}

impl FromJson for KnownFiles {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            native: object.get("native")?,
            files: object.get("files")?,
        })
    }
}

impl Storage {
    /// The digests of the files inside the native app `native`, which are computed if they are not known.
    pub(in crate::store) fn built_in_files(
        &self,
        source: &dyn BuiltInFiles,
        native: &str,
        control: &Control,
    ) -> Result<Vec<WrittenFile>> {
        let path = self.layout.built_in_files();
        if let FileContent::Good(_, known) = self.find::<KnownFiles>(BUILT_IN_FILES, &path)?
            && known.native == native
            && let Some(files) = listed_in(&known.files)
        {
            return Ok(files);
        }
        let files = hash_all(source, control)?;
        let known = KnownFiles {
            native: native.to_owned(),
            files: file_lines(&files),
        };
        self.replace_durably(&path, BUILT_IN_FILES, &known)?;
        Ok(files)
    }
}

fn hash_all(source: &dyn BuiltInFiles, control: &Control) -> Result<Vec<WrittenFile>> {
    let here = Path::new("the built-in bundle");
    let mut files = Vec::new();
    for name in source.list().with_path("list", here)? {
        control.check("read the built-in bundle")?;
        let Ok(Some(path)) = SafePath::parse(name.as_bytes(), &Limits::default()) else {
            continue;
        };
        let read = || -> io::Result<WrittenFile> {
            let mut reader = HashingReader::new(source.open(&name)?);
            let mut buffer = vec![0; BUFFER];
            while reader.read(&mut buffer)? > 0 {}
            let (_, digest, size) = reader.finish();
            Ok(WrittenFile { path, size, digest })
        };
        files.push(read().map_err(|error| Error::io("read", Path::new(&name), error))?);
    }
    Ok(files)
}

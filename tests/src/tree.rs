//! Folder trees as values that can be written, read and compared.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

/// The files and folders of a folder by path, with `/` separators; `None` is a folder.
///
/// Parent folders of files are always included, so that equal folders are equal values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tree(BTreeMap<String, Option<Vec<u8>>>);

impl Tree {
    /// The smallest bundle: an `index.html`.
    #[must_use]
    pub fn bundle() -> Self {
        Self::default().with_file("index.html", b"<script>notifyAppReady()</script>")
    }

    /// Adds a file, unless its path exists or a parent is a file.
    #[must_use]
    pub fn with_file(mut self, path: &str, content: &[u8]) -> Self {
        self.insert(path, Some(content.to_vec()));
        self
    }

    /// Adds a folder, unless its path exists or a parent is a file.
    #[must_use]
    pub fn with_folder(mut self, path: &str) -> Self {
        self.insert(path, None);
        self
    }

    /// The number of files.
    #[must_use]
    pub fn files(&self) -> usize {
        self.0.values().flatten().count()
    }

    /// The size of all files in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.values().flatten().map(Vec::len).sum()
    }

    /// Writes it into `folder`, which must exist.
    ///
    /// # Errors
    /// Errors of the file system.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        for (path, content) in &self.0 {
            match content {
                None => std::fs::create_dir(folder.join(path))?,
                Some(content) => std::fs::write(folder.join(path), content)?,
            }
        }
        Ok(())
    }

    /// Reads the content of `folder`.
    ///
    /// # Errors
    /// Errors of the file system, and names that are not UTF-8.
    pub fn read_from(folder: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_below(folder, "")?;
        Ok(tree)
    }

    fn read_below(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry
                .file_name()
                .into_string()
                .map_err(|_| io::ErrorKind::InvalidData)?;
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                self.read_below(&entry.path(), &format!("{path}/"))?;
                self.0.insert(path, None);
            } else {
                self.0.insert(path, Some(std::fs::read(entry.path())?));
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, content: Option<Vec<u8>>) {
        let parents: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
        let parent_is_file = parents
            .iter()
            .any(|parent| matches!(self.0.get(*parent), Some(Some(_))));
        if parent_is_file || self.0.contains_key(path) {
            return;
        }
        for parent in parents {
            self.0.insert(parent.to_owned(), None);
        }
        self.0.insert(path.to_owned(), content);
    }
}

/// Names and sizes only: contents would make failure messages too long.
impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self
            .0
            .iter()
            .map(|(path, content)| (path, content.as_ref().map(Vec::len)));
        formatter.debug_map().entries(sizes).finish()
    }
}

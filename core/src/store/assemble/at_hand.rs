//! The files of a bundle that are on the device.

use std::io::{self, Read};
use std::path::PathBuf;

use super::built_in::BuiltInFiles;
use super::tree::{AssemblyTree, Number};
use crate::bundle::WrittenFile;
use crate::error::{ErrorKind, Result};
use crate::release::ListedFile;
use crate::store::bundle_id::BundleId;

/// Where missing files of a tree are on the device, as their records say. What they contain is checked when they are
/// copied.
pub(in crate::store) struct AtHand<'s> {
    /// Sorted by number.
    sources: Vec<(Number, Source<'s>)>,
}

enum Source<'s> {
    File(PathBuf),
    BuiltIn(&'s dyn BuiltInFiles, String),
}

impl<'s> AtHand<'s> {
    /// The missing files of `tree` that these bundles have. A bundle whose files were not recorded has none.
    pub(in crate::store) fn of_bundles<'b>(
        tree: &AssemblyTree<'_>,
        bundles: impl Iterator<Item = &'b BundleId>,
    ) -> Self {
        let mut sources = Vec::new();
        let storage = tree.storage();
        for id in bundles {
            // An unreadable record costs a download and no more.
            let Ok(Some(files)) = storage.listed_files(id) else {
                continue;
            };
            let folder = storage.layout.bundle(id);
            for file in files {
                if let Some(number) = tree.wanted(&file.digest) {
                    sources.push((number, Source::File(file.path.resolve(&folder))));
                }
            }
        }
        sources.sort_by_key(|(number, _)| *number);
        Self { sources }
    }

    /// Adds the files inside the native app.
    pub(in crate::store) fn add_built_in(
        &mut self,
        tree: &AssemblyTree<'_>,
        files: Vec<WrittenFile>,
        source: &'s dyn BuiltInFiles,
    ) {
        for file in files {
            if let Some(number) = tree.wanted(&file.digest) {
                self.sources
                    .push((number, Source::BuiltIn(source, file.path.to_string())));
            }
        }
        // A stable sort: files of bundles stay before those of the native app, which is slower to read.
        self.sources.sort_by_key(|(number, _)| *number);
    }

    /// Whether there is a source of this missing file of the tree.
    pub(in crate::store) fn has(&self, tree: &AssemblyTree<'_>, file: &ListedFile) -> bool {
        let number = tree.wanted(&file.digest);
        number.is_some_and(|number| {
            self.sources
                .binary_search_by_key(&number, |(number, _)| *number)
                .is_ok()
        })
    }

    /// Whether the file system can clone a file, which then takes no space. Takes the first file.
    pub(in crate::store) fn can_clone(&self, tree: &mut AssemblyTree<'_>) -> Result<bool> {
        let mut files = self.sources.iter().filter_map(|(number, source)| match source {
            Source::File(path) if !tree.is_there(*number) => Some((*number, path.clone())),
            _ => None,
        });
        match files.next() {
            Some((number, path)) => tree.try_clone(number, &path),
            None => Ok(false),
        }
    }

    /// Bytes of the files that can be cloned.
    pub(in crate::store) fn clonable_bytes(&self, tree: &AssemblyTree<'_>) -> u64 {
        let same = self.sources.chunk_by(|one, other| one.0 == other.0);
        let files = same.filter_map(|same| match same.first() {
            Some((number, Source::File(_))) if !tree.is_there(*number) => Some(tree.files()[*number].size),
            _ => None,
        });
        files.sum()
    }

    /// Copies the files into the tree. A file that cannot be read, or differs from the list, stays missing.
    pub(in crate::store) fn copy_into(&self, tree: &mut AssemblyTree<'_>, clones: bool) -> Result<()> {
        for (number, source) in &self.sources {
            if tree.is_there(*number) {
                continue;
            }
            if let Source::File(path) = source
                && clones
                && tree.try_clone(*number, path)?
                && tree.is_there(*number)
            {
                continue;
            }
            let Ok(mut bytes) = source.open(tree) else {
                continue;
            };
            match tree.take_number(*number, &mut bytes) {
                Err(error) if tree.disk_failed() || error.kind() == ErrorKind::Cancelled => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Source<'_> {
    fn open(&self, tree: &AssemblyTree<'_>) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(path) => tree.storage().files.open(path),
            Self::BuiltIn(source, path) => source.open(path),
        }
    }
}

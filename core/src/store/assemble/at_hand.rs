//! The files of a bundle that are on the device.

use std::path::PathBuf;

use super::tree::{AssemblyTree, Number};
use crate::error::{ErrorKind, Result};
use crate::release::ListedFile;
use crate::store::bundle_id::BundleId;
use crate::store::storage::Storage;

/// Where missing files of a tree are on the device, as their records say. What they contain is checked when they are
/// copied.
pub(in crate::store) struct AtHand {
    sources: Vec<(Number, PathBuf)>,
    /// Bytes of the files that have a source.
    pub(in crate::store) bytes: u64,
}

impl AtHand {
    /// The missing files of `tree` that these bundles have. A bundle whose files were not recorded has none.
    pub(in crate::store) fn of_bundles<'b>(
        tree: &AssemblyTree<'_>,
        bundles: impl Iterator<Item = &'b BundleId>,
    ) -> Self {
        let mut sources: Vec<(Number, PathBuf)> = Vec::new();
        let storage: &Storage = tree.storage();
        for id in bundles {
            // An unreadable record costs a download and no more.
            let Ok(Some(files)) = storage.listed_files(id) else {
                continue;
            };
            let folder = storage.layout.bundle(id);
            for file in files {
                if let Some(number) = tree.wanted(&file.digest) {
                    sources.push((number, file.path.resolve(&folder)));
                }
            }
        }
        sources.sort_by_key(|(number, _)| *number);
        let mut bytes = 0;
        for same in sources.chunk_by(|one, other| one.0 == other.0) {
            bytes += same.first().map_or(0, |(number, _)| tree.files()[*number].size);
        }
        Self { sources, bytes }
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
        match self.sources.first() {
            Some((number, source)) if !tree.is_there(*number) => tree.try_clone(*number, source),
            _ => Ok(false),
        }
    }

    /// Copies the files into the tree. A file that cannot be read, or differs from the list, stays missing.
    pub(in crate::store) fn copy_into(&self, tree: &mut AssemblyTree<'_>, clones: bool) -> Result<()> {
        for (number, source) in &self.sources {
            if tree.is_there(*number) || (clones && tree.try_clone(*number, source)? && tree.is_there(*number)) {
                continue;
            }
            let Ok(mut bytes) = tree.storage().files.open(source) else {
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

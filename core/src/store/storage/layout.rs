//! Where everything lies.

use std::path::{Path, PathBuf};

use crate::io::atomic_file::folder_of;
use crate::store::bundle_id::BundleId;

/// How the files of starts end. A session's own name has no dot.
pub(in crate::store) const START: &str = ".start";

/// The folders and files of a store.
///
/// All are below the root but the bundles, which a host may keep elsewhere: Capacitor serves from fixed places
/// (`files/versions` on Android, `Library/NoCloud/ionic_built_snapshots` on iOS).
#[derive(Debug, Clone)]
pub(in crate::store) struct Layout {
    root: PathBuf,
    bundles: PathBuf,
}

impl Layout {
    pub(in crate::store) fn new(root: &Path, bundles: Option<&Path>) -> Self {
        let bundles = bundles.map_or_else(|| root.join("bundles"), Path::to_path_buf);
        Self {
            root: root.to_path_buf(),
            bundles,
        }
    }

    /// Folders that must exist, parents first.
    pub(in crate::store) fn folders(&self) -> [PathBuf; 6] {
        [
            self.root.clone(),
            // Before the others, which may have to be repaired by its help.
            self.staging(),
            self.bundles.clone(),
            self.records(),
            self.failed(),
            self.sessions(),
        ]
    }

    pub(in crate::store) fn root(&self) -> &Path {
        &self.root
    }

    pub(in crate::store) fn bundles(&self) -> &Path {
        &self.bundles
    }

    /// Whether the host named this folder. Then it is the host's to repair.
    pub(in crate::store) fn is_named_by_host(&self, folder: &Path) -> bool {
        folder == self.root || (folder == self.bundles && self.host().is_some())
    }

    /// The folder that holds the name of the host's own folder for bundles, if it has one.
    pub(in crate::store) fn host(&self) -> Option<&Path> {
        Some(folder_of(&self.bundles)).filter(|folder| *folder != self.root)
    }

    pub(in crate::store) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// What is being downloaded, made when it is first needed.
    pub(in crate::store) fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// Room for what must still be written when the disk is full.
    pub(in crate::store) fn reserve(&self) -> PathBuf {
        self.root.join("reserve")
    }

    pub(in crate::store) fn state(&self) -> PathBuf {
        self.root.join("state.json")
    }

    pub(in crate::store) fn previous_state(&self) -> PathBuf {
        self.root.join("state.prev.json")
    }

    /// The last key ring that was followed.
    pub(in crate::store) fn ring(&self) -> PathBuf {
        self.root.join("ring.json")
    }

    /// The releases whose archives are refused.
    pub(in crate::store) fn refused(&self) -> PathBuf {
        self.root.join("refused.json")
    }

    /// The last releases that went to the built-in bundle.
    pub(in crate::store) fn built_in(&self) -> PathBuf {
        self.root.join("built_in.json")
    }

    pub(in crate::store) fn corrupt_state(&self, number: u32) -> PathBuf {
        self.root.join(format!("state.corrupt-{number}.json"))
    }

    /// A folder that was in the place of the state, while the state takes that again.
    pub(in crate::store) fn damaged_state(&self) -> PathBuf {
        self.root.join("state.damaged")
    }

    pub(in crate::store) fn bundle(&self, id: &BundleId) -> PathBuf {
        self.bundles.join(id.as_str())
    }

    /// One small durable record for each installed bundle, from which a lost state can be made anew.
    pub(in crate::store) fn records(&self) -> PathBuf {
        self.root.join("records")
    }

    pub(in crate::store) fn record(&self, id: &BundleId) -> PathBuf {
        self.records().join(format!("{id}.json"))
    }

    /// The digests of a bundle's files.
    pub(in crate::store) fn file_list(&self, id: &BundleId) -> PathBuf {
        self.records().join(format!("{id}.files"))
    }

    /// Folders on their way in or out. Each has a lock file beside it; one whose lock can be taken is rubbish.
    pub(in crate::store) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// A marker for each failed bundle, so that it stays failed even when the state is lost.
    pub(in crate::store) fn failed(&self) -> PathBuf {
        self.root.join("failed")
    }

    /// A locked file for each running session, which names the bundle it serves.
    pub(in crate::store) fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    pub(in crate::store) fn session(&self, session: &str) -> PathBuf {
        self.sessions().join(session)
    }

    /// What a session saw of its own start, while that can still end silently.
    pub(in crate::store) fn start(&self, session: &str) -> PathBuf {
        self.sessions().join(format!("{session}{START}"))
    }
}

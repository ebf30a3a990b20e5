//! On-disk layout of a store.

use std::path::{Path, PathBuf};

use crate::digest::Sha256Digest;
use crate::io::atomic_file::folder_of;
use crate::store::bundle_id::BundleId;

/// Suffix of the files that record starts. The name of a session contains no dot.
pub(in crate::store) const START: &str = ".start";

/// The folders and files of a store.
///
/// All are below the root except the bundles, which the host may keep elsewhere: Capacitor serves from fixed folders
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
            // First, since repairing the others needs it.
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

    /// Whether the host chose this folder. The store then does not repair it.
    pub(in crate::store) fn is_named_by_host(&self, folder: &Path) -> bool {
        folder == self.root || (folder == self.bundles && self.host().is_some())
    }

    /// The parent of the host's bundle folder, if the host chose one.
    pub(in crate::store) fn host(&self) -> Option<&Path> {
        Some(folder_of(&self.bundles)).filter(|folder| *folder != self.root)
    }

    pub(in crate::store) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Downloads in progress. Created on first use.
    pub(in crate::store) fn downloads(&self) -> PathBuf {
        self.root.join("downloads")
    }

    /// The files of the bundle with this content digest, while they are collected.
    pub(in crate::store) fn tree(&self, content_digest: &Sha256Digest) -> PathBuf {
        self.downloads().join(format!("{content_digest}.tree"))
    }

    pub(in crate::store) fn tree_lock(&self, content_digest: &Sha256Digest) -> PathBuf {
        self.downloads().join(format!("{content_digest}.lock"))
    }

    /// Space for writes that must succeed on a full disk.
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

    /// The denied releases.
    pub(in crate::store) fn refused(&self) -> PathBuf {
        self.root.join("refused.json")
    }

    /// The last release of each channel that selects the built-in bundle.
    pub(in crate::store) fn built_in(&self) -> PathBuf {
        self.root.join("built_in.json")
    }

    /// The digests of the files inside the native app.
    pub(in crate::store) fn built_in_files(&self) -> PathBuf {
        self.root.join("built_in_files.json")
    }

    pub(in crate::store) fn corrupt_state(&self, number: u32) -> PathBuf {
        self.root.join(format!("state.corrupt-{number}.json"))
    }

    /// A folder found at the path of the state, until the state has been written again.
    pub(in crate::store) fn damaged_state(&self) -> PathBuf {
        self.root.join("state.damaged")
    }

    pub(in crate::store) fn bundle(&self, id: &BundleId) -> PathBuf {
        self.bundles.join(id.as_str())
    }

    /// One small durable record for each installed bundle, from which a lost state is recovered.
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

    /// Folders that are being installed or removed. Each has a lock file beside it; if the lock is free, the folder is
    /// garbage.
    pub(in crate::store) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// A mark for each failed bundle, so that it stays failed if the state is lost.
    pub(in crate::store) fn failed(&self) -> PathBuf {
        self.root.join("failed")
    }

    /// A locked file for each running session, which contains the id of the bundle it serves.
    pub(in crate::store) fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    pub(in crate::store) fn session(&self, session: &str) -> PathBuf {
        self.sessions().join(session)
    }

    /// The recorded start of a session, while it can still end silently.
    pub(in crate::store) fn start(&self, session: &str) -> PathBuf {
        self.sessions().join(format!("{session}{START}"))
    }
}

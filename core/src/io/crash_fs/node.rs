//! A file or folder: the state that processes see and the durable state.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

pub(super) type NodeId = u64;

#[derive(Debug)]
pub(super) enum Node {
    File(FileNode),
    Folder(FolderNode),
}

/// A file. `seen` is `durable` with all of `pending` applied.
#[derive(Debug, Default)]
pub(super) struct FileNode {
    pub(super) seen: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) pending: Vec<Change>,
    /// A sync failed since the file was last truncated. A later sync does not make the bytes durable.
    lost: bool,
}

#[derive(Debug)]
pub(super) enum Change {
    Empty,
    Put { at: usize, bytes: Vec<u8> },
}

/// A folder. `seen` is `durable` with all of `pending` applied.
#[derive(Debug, Default)]
pub(super) struct FolderNode {
    pub(super) seen: Names,
    pub(super) durable: Names,
    pub(super) pending: Vec<NameChange>,
}

pub(super) type Names = BTreeMap<OsString, NodeId>;

/// An atomic change of the names in a folder.
#[derive(Debug, Clone)]
pub(super) struct NameChange {
    pub(super) removed: Option<OsString>,
    pub(super) set: Option<(OsString, NodeId)>,
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Empty => content.clear(),
            Self::Put { at, bytes } => {
                let end = at + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl NameChange {
    pub(super) fn set(name: &OsStr, node: NodeId) -> Self {
        Self {
            removed: None,
            set: Some((name.into(), node)),
        }
    }

    pub(super) fn removed(name: &OsStr) -> Self {
        Self {
            removed: Some(name.into()),
            set: None,
        }
    }

    pub(super) fn apply(&self, names: &mut Names) {
        if let Some(name) = &self.removed {
            names.remove(name);
        }
        if let Some((name, node)) = &self.set {
            names.insert(name.clone(), *node);
        }
    }
}

impl FileNode {
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self {
            seen: bytes.clone(),
            durable: bytes,
            ..Self::default()
        }
    }

    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    pub(super) fn empty(&mut self) {
        self.lost = false;
        self.change(Change::Empty);
    }

    pub(super) fn sync(&mut self) {
        if !self.lost {
            self.durable.clone_from(&self.seen);
            self.pending.clear();
        }
    }

    pub(super) fn lose(&mut self) {
        self.lost |= !self.pending.is_empty();
    }
}

impl FolderNode {
    pub(super) fn change(&mut self, change: NameChange) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.durable.clone_from(&self.seen);
        self.pending.clear();
    }
}

//! The files and folders of a machine, and the operations on them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use super::super::vfs::Kind;
use super::node::{Change, FileNode, FolderNode, NameChange, Node, NodeId};

/// The root folder.
pub(super) const ROOT: NodeId = 0;

#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    /// The maximum total bytes of all files.
    capacity: u64,
    full: bool,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Folder(FolderNode::default()))]),
            // Unlimited, but without overflow when file sizes are added.
            capacity: u64::MAX / 2,
            full: false,
        }
    }
}

/// Lookup.
impl Tree {
    pub(super) fn find(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = ROOT;
        for component in path.components() {
            match component {
                Component::RootDir | Component::Prefix(_) => (),
                Component::Normal(name) => {
                    node = *self.folder(node)?.seen.get(name).ok_or(ErrorKind::NotFound)?;
                }
                Component::CurDir | Component::ParentDir => return Err(ErrorKind::InvalidInput.into()),
            }
        }
        Ok(node)
    }

    /// All files and folders that ever existed, in order of creation.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    pub(super) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[&node]
    }

    pub(super) fn file(&self, node: NodeId) -> io::Result<&FileNode> {
        match self.node(node) {
            Node::File(file) => Ok(file),
            Node::Folder(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn folder(&self, node: NodeId) -> io::Result<&FolderNode> {
        match self.node(node) {
            Node::File(_) => Err(ErrorKind::NotADirectory.into()),
            Node::Folder(folder) => Ok(folder),
        }
    }

    fn file_mut(&mut self, node: NodeId) -> io::Result<&mut FileNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::File(file)) => Ok(file),
            _ => Err(ErrorKind::IsADirectory.into()),
        }
    }

    fn folder_mut(&mut self, node: NodeId) -> io::Result<&mut FolderNode> {
        match self.nodes.get_mut(&node) {
            Some(Node::Folder(folder)) => Ok(folder),
            _ => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// The parent folder of a path, and the last name of the path, which may not exist.
    fn place<'p>(&self, path: &'p Path) -> io::Result<(NodeId, &'p OsStr)> {
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let folder = self.find(path.parent().ok_or(ErrorKind::InvalidInput)?)?;
        self.folder(folder).map(|_| (folder, name))
    }

    pub(super) fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match self.find(path) {
            Ok(node) => Ok(Some(match self.node(node) {
                Node::File(_) => Kind::File,
                Node::Folder(_) => Kind::Folder,
            })),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deterministic, but in no useful order.
    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let mut names: Vec<_> = self.folder(self.find(path)?)?.seen.keys().cloned().collect();
        names.sort_by_key(|name| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            hasher.finish()
        });
        Ok(names)
    }
}

/// Space.
impl Tree {
    pub(super) fn set_free_space(&mut self, bytes: u64) {
        self.capacity = self.used(ROOT) + bytes;
    }

    /// Removing files does not free space while this is set.
    pub(super) fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    pub(super) fn free_space(&self) -> u64 {
        if self.full {
            0
        } else {
            self.capacity.saturating_sub(self.used(ROOT))
        }
    }

    fn used(&self, node: NodeId) -> u64 {
        match self.node(node) {
            Node::File(file) => file.seen.len() as u64,
            Node::Folder(folder) => folder.seen.values().map(|node| self.used(*node)).sum(),
        }
    }

    fn needs_space(&self) -> io::Result<()> {
        if self.free_space() == 0 {
            Err(ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }
}

/// Changes.
impl Tree {
    /// Creates a durable folder and its parents.
    pub(super) fn plant(&mut self, path: &Path) {
        let mut folder = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                folder = self.add_durable(folder, name, Node::Folder(FolderNode::default()));
            }
        }
    }

    /// Adds a node with a durable name. `folder` must be a folder without that name.
    pub(super) fn add_durable(&mut self, folder: NodeId, name: &OsStr, node: Node) -> NodeId {
        let id = self.add(node);
        if let Ok(folder) = self.folder_mut(folder) {
            folder.seen.insert(name.into(), id);
            folder.durable.insert(name.into(), id);
        }
        id
    }

    pub(super) fn make_file(&mut self, path: &Path) -> io::Result<NodeId> {
        self.make(path, Node::File(FileNode::default()))
    }

    pub(super) fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.make(path, Node::Folder(FolderNode::default())).map(|_| ())
    }

    pub(super) fn find_or_make_file(&mut self, path: &Path) -> io::Result<NodeId> {
        match self.find(path) {
            Ok(node) => self.file(node).map(|_| node),
            Err(error) if error.kind() == ErrorKind::NotFound => self.make_file(path),
            Err(error) => Err(error),
        }
    }

    pub(super) fn make_or_empty(&mut self, path: &Path) -> io::Result<NodeId> {
        let node = self.find_or_make_file(path)?;
        self.file_mut(node)?.empty();
        Ok(node)
    }

    /// Writes as many bytes as there is space for, and returns their number.
    pub(super) fn put(&mut self, node: NodeId, at: usize, bytes: &[u8]) -> io::Result<usize> {
        self.needs_space()?;
        let room = usize::try_from(self.free_space())
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        self.file_mut(node)?.change(Change::Put {
            at,
            bytes: bytes[..room].into(),
        });
        Ok(room)
    }

    /// Writes these bytes at the end of a file and returns its size. On a full disk it writes what there is space for.
    pub(super) fn append(&mut self, node: NodeId, bytes: &[u8]) -> io::Result<u64> {
        let at = self.file(node)?.seen.len();
        let written = self.put(node, at, bytes)?;
        if written < bytes.len() {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok((at + written) as u64)
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (old_folder, old_name) = self.place(from)?;
        let (new_folder, new_name) = self.place(to)?;
        let node = self.find(from)?;
        if to == from {
            return Ok(());
        }
        if to.starts_with(from) {
            return Err(ErrorKind::InvalidInput.into());
        }
        if let Ok(replaced) = self.find(to) {
            self.may_replace(node, replaced)?;
        }
        let gone = NameChange::removed(old_name);
        let here = NameChange::set(new_name, node);
        if old_folder == new_folder {
            // A rename within one folder is atomic.
            let renamed = NameChange {
                removed: gone.removed,
                set: here.set,
            };
            self.folder_mut(old_folder)?.change(renamed);
            return Ok(());
        }
        self.folder_mut(new_folder)?.change(here);
        self.folder_mut(old_folder)?.change(gone);
        Ok(())
    }

    fn may_replace(&self, node: NodeId, replaced: NodeId) -> io::Result<()> {
        match (self.node(node), self.node(replaced)) {
            (Node::File(_), Node::File(_)) => Ok(()),
            (Node::File(_), Node::Folder(_)) => Err(ErrorKind::IsADirectory.into()),
            (Node::Folder(_), Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            (Node::Folder(_), Node::Folder(folder)) if folder.seen.is_empty() => Ok(()),
            (Node::Folder(_), Node::Folder(_)) => Err(ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    /// Removes a file or an empty folder.
    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (folder, name) = self.place(path)?;
        if self
            .folder(self.find(path)?)
            .is_ok_and(|folder| !folder.seen.is_empty())
        {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        self.folder_mut(folder)?.change(NameChange::removed(name));
        Ok(())
    }

    fn make(&mut self, path: &Path, node: Node) -> io::Result<NodeId> {
        let (folder, name) = self.place(path)?;
        if self.folder(folder)?.seen.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        self.needs_space()?;
        let id = self.add(node);
        self.folder_mut(folder)?.change(NameChange::set(name, id));
        Ok(id)
    }

    fn add(&mut self, node: Node) -> NodeId {
        // Nodes are never removed: an open file remains usable, and a power loss may restore its name.
        let id = self.nodes.len() as NodeId;
        self.nodes.insert(id, node);
        id
    }
}

/// Durability.
impl Tree {
    pub(super) fn sync_file(&mut self, path: &Path) -> io::Result<()> {
        self.sync_node(self.find(path)?)
    }

    pub(super) fn sync_node(&mut self, node: NodeId) -> io::Result<()> {
        self.file_mut(node).map(FileNode::sync)
    }

    pub(super) fn lose_file(&mut self, path: &Path) -> io::Result<()> {
        self.lose_node(self.find(path)?)
    }

    pub(super) fn lose_node(&mut self, node: NodeId) -> io::Result<()> {
        self.file_mut(node).map(FileNode::lose)
    }

    pub(super) fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        let node = self.find(path)?;
        self.folder_mut(node).map(FolderNode::sync)
    }

    pub(super) fn sync_tree(&mut self, path: &Path) -> io::Result<()> {
        self.under(self.find(path)?, FolderNode::sync, FileNode::sync)
    }

    pub(super) fn lose_tree(&mut self, path: &Path) -> io::Result<()> {
        self.under(self.find(path)?, |_| (), FileNode::lose)
    }

    fn under(&mut self, node: NodeId, folders: fn(&mut FolderNode), files: fn(&mut FileNode)) -> io::Result<()> {
        let folder = self.folder_mut(node)?;
        folders(folder);
        for inner in folder.seen.clone().into_values() {
            match self.file_mut(inner) {
                Ok(file) => files(file),
                Err(_) => self.under(inner, folders, files)?,
            }
        }
        Ok(())
    }
}

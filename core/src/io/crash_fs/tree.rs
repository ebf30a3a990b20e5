//! The files and folders of a machine, and all that can be done to them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use super::super::vfs::Kind;
use super::node::{Change, FileNode, FolderNode, NameChange, Node, NodeId};

/// The folder that every path starts from.
pub(super) const ROOT: NodeId = 0;

#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<NodeId, Node>,
    /// The bytes that all files together may have.
    capacity: u64,
    full: bool,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Folder(FolderNode::default()))]),
            // An 'unlimited' that sums with file sizes.
            capacity: u64::MAX / 2,
            full: false,
        }
    }
}

/// Finding.
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

    /// Every file and folder there ever was, in the order in which they were made.
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

    /// The folder that holds, or would hold, the last name of a path.
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

    /// Always the same, but no order that anyone could rely on.
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

    /// A full disk stays full whatever is removed.
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

/// Changing.
impl Tree {
    /// Makes a durable folder and those above it.
    pub(super) fn plant(&mut self, path: &Path) {
        let mut folder = ROOT;
        for component in path.components() {
            if let Component::Normal(name) = component {
                folder = self.add_durable(folder, name, Node::Folder(FolderNode::default()));
            }
        }
    }

    /// Adds a node under a name that is durable from the start. The folder must be one, and without that name.
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

    /// Writes what there is room for, and says how much that was.
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
            // Within one folder a rename happens as a whole or not at all.
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
        // Nodes are never taken out: a file goes on while it is open, and a power cut may bring its name back.
        let id = self.nodes.len() as NodeId;
        self.nodes.insert(id, node);
        id
    }
}

/// Making durable, and failing to.
impl Tree {
    pub(super) fn sync_file(&mut self, path: &Path) -> io::Result<()> {
        let node = self.find(path)?;
        self.file_mut(node).map(FileNode::sync)
    }

    pub(super) fn lose_file(&mut self, path: &Path) -> io::Result<()> {
        let node = self.find(path)?;
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

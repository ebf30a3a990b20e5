//! The contents of the disk after a power loss.

use std::collections::BTreeMap;

use super::node::{Change, FileNode, FolderNode, Names, Node, NodeId};
use super::tree::{ROOT, Tree};

/// Which changes that were not durable survive a power loss. Durable ones always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// None.
    Nothing,
    /// All.
    Everything,
    /// All names but no bytes: the result of a rename without a sync of the file on many systems.
    NamesOnly,
    /// All names, and the last write of each file in part: truncated, or zeros from some position on.
    Torn,
    /// A random part for each folder and file, by this seed. Within one folder or file, earlier changes reach the disk
    /// earlier.
    Random(u64),
}

pub(super) fn after_power_loss(tree: &Tree, found: Found) -> Tree {
    let mut fate = Fate {
        found,
        dice: Dice(if let Found::Random(seed) = found { seed } else { 0 }),
    };
    // In order of creation, which is the same in every run; names may be random.
    let found = tree.nodes().map(|(id, node)| (id, fate.of(node))).collect();
    let mut after = Tree::default();
    carry_over(&found, ROOT, &mut after, ROOT);
    after
}

enum FoundNode {
    File(Vec<u8>),
    Folder(Names),
}

/// A node with two names becomes two nodes: a folder cannot have two names, and the two files of an unfinished rename
/// must be independent of each other.
fn carry_over(found: &BTreeMap<NodeId, FoundNode>, folder: NodeId, after: &mut Tree, to: NodeId) {
    let Some(FoundNode::Folder(names)) = found.get(&folder) else {
        return;
    };
    for (name, node) in names {
        if let Some(FoundNode::File(bytes)) = found.get(node) {
            after.add_durable(to, name, Node::File(FileNode::durable(bytes.clone())));
        } else {
            let copy = after.add_durable(to, name, Node::Folder(FolderNode::default()));
            carry_over(found, *node, after, copy);
        }
    }
}

struct Fate {
    found: Found,
    dice: Dice,
}

impl Fate {
    fn of(&mut self, node: &Node) -> FoundNode {
        match node {
            Node::File(file) => FoundNode::File(self.bytes(file)),
            Node::Folder(folder) => FoundNode::Folder(self.names(folder)),
        }
    }

    fn names(&mut self, folder: &FolderNode) -> Names {
        let kept = match self.found {
            Found::Nothing => 0,
            Found::Everything | Found::NamesOnly | Found::Torn => folder.pending.len(),
            Found::Random(_) => self.dice.up_to(folder.pending.len()),
        };
        let mut names = folder.durable.clone();
        folder.pending[..kept]
            .iter()
            .for_each(|change| change.apply(&mut names));
        names
    }

    fn bytes(&mut self, file: &FileNode) -> Vec<u8> {
        let kept = match self.found {
            Found::Nothing | Found::NamesOnly => 0,
            Found::Everything => file.pending.len(),
            Found::Torn => file.pending.len().saturating_sub(1),
            Found::Random(_) => self.dice.up_to(file.pending.len()),
        };
        let mut bytes = file.durable.clone();
        file.pending[..kept].iter().for_each(|change| change.apply(&mut bytes));
        match file.pending.get(kept) {
            Some(change) if matches!(self.found, Found::Torn | Found::Random(_)) => self.tear(change, &mut bytes),
            _ => (),
        }
        bytes
    }

    /// Applies a change in part.
    fn tear(&mut self, change: &Change, content: &mut Vec<u8>) {
        let Change::Put { at, bytes } = change else { return };
        let mut part = bytes[..self.dice.up_to(bytes.len())].to_vec();
        if self.dice.up_to(1) == 1 {
            // The length reached the disk, the remaining blocks did not.
            part.resize(bytes.len(), 0);
        }
        Change::Put { at: *at, bytes: part }.apply(content);
    }
}

/// Random numbers that are the same for a seed on every machine (`SplitMix64`).
struct Dice(u64);

impl Dice {
    /// A number from 0 to `most`, inclusive.
    fn up_to(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (most as u64 + 1)).unwrap_or(0)
    }
}

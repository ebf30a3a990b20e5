//! Installing a bundle from files that are on the device and from what is fetched of the rest.

use super::archive::BLOCK;
use super::publish::Installing;
use crate::error::{Error, ErrorKind, Result};
use crate::io::vfs::Lock;
use crate::native::NativeVersion;
use crate::progress::{Control, Phase};
use crate::release::{ListedFile, VerifiedFiles};
use crate::store::assemble::{AssemblyTree, AtHand, Delivery, DeliveryWay, Way, is_assemblable};
use crate::store::open::Store;
use crate::store::records::BundleRecord;

impl Store {
    /// Installs a bundle whose files are assembled. `None` if nothing is cheaper than the whole archive, which has
    /// `archive_bytes`, or nothing else is left. Adds the received bytes to `received`.
    ///
    /// The files are collected in the downloads folder, which must exist. What is there stays if the process ends or an
    /// error is returned: the next call for the same files continues. Of a file only a complete one stays.
    pub(in crate::store) fn install_assembled(
        &self,
        installing: &Installing<'_>,
        files: &VerifiedFiles,
        (ways, archive_bytes): (&[&dyn Way], u64),
        received: &mut u64,
        control: &Control,
    ) -> Result<Option<(BundleRecord, Delivery)>> {
        let (list, content_digest) = (files.list().files(), files.content_digest());
        if !is_assemblable(list, &self.options.limits) {
            return Ok(None);
        }
        let lock = self.lock_tree(files, control)?;
        let mut tree = AssemblyTree::new(&self.storage, self.storage.layout.tree(&content_digest), list, control);
        let assembled = self.assemble(&mut tree, (ways, archive_bytes), received, control);
        let assembled = assembled.and_then(|delivery| match delivery {
            Some(delivery) => Ok(Some((tree.finish()?, delivery))),
            None => Ok(None),
        });
        let installed = match assembled {
            Ok(Some((written, delivery))) => self.publish(installing, tree.root(), &written).map(|record| {
                // If another call installed the same files first, they are still here.
                self.warn_of(self.storage.remove_if_there(tree.root()));
                Some((record, delivery))
            }),
            Ok(None) => Ok(None),
            Err(error) if is_final(&error) => Err(error),
            // A folder that this device cannot use must not keep it from the update.
            Err(error) => {
                self.warn(error);
                Ok(None)
            }
        };
        // Removed while locked: a process that is about to lock it then sees that it is gone.
        self.warn_of((self.storage).remove_file_if_there(&self.storage.layout.tree_lock(&content_digest)));
        drop(lock);
        installed
    }

    /// Collects the files. `None` if the rest comes with the whole archive.
    fn assemble(
        &self,
        tree: &mut AssemblyTree<'_>,
        (ways, archive_bytes): (&[&dyn Way], u64),
        received: &mut u64,
        control: &Control,
    ) -> Result<Option<Delivery>> {
        let is_continued = self.storage.kind(tree.root())?.is_some();
        if is_continued {
            tree.open()?;
        }
        let state = self.state()?;
        let ids = state.bundles.values().map(|record| &record.id);
        let mut at_hand = AtHand::of_bundles(tree, ids);
        let mut missing = missing_beside(&at_hand, tree);
        if let Some(source) = &self.options.built_in_files
            && !missing.is_empty()
        {
            let version = state.native_version.as_ref().map_or("", NativeVersion::as_str);
            let native = format!("{version}\n{}", state.native_build.as_deref().unwrap_or_default());
            match self.storage.built_in_files(&**source, &native, control) {
                Ok(files) => at_hand.add_built_in(tree, files, &**source),
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => self.warn(error),
            }
            missing = missing_beside(&at_hand, tree);
        }
        let mut ways: Vec<(u64, &dyn Way)> = ways.iter().map(|way| (way.bytes(&missing), *way)).collect();
        ways.retain(|(bytes, _)| *bytes < archive_bytes);
        ways.sort_by_key(|(bytes, _)| *bytes);
        if !missing.is_empty() && ways.is_empty() {
            return Ok(None);
        }
        if !is_continued {
            tree.open()?;
        }
        let clones = at_hand.can_clone(tree)?;
        let way = ways.first().filter(|_| !missing.is_empty());
        let scratch = way.map_or(0, |(_, way)| way.scratch(&missing));
        let shared = if clones { at_hand.clonable_bytes(tree) } else { 0 };
        let blocks = (tree.files().len() as u64).saturating_mul(BLOCK);
        let written = tree.needs().bytes.saturating_sub(shared).saturating_add(scratch);
        self.require_space(written.saturating_add(blocks).saturating_add(self.options.space_margin))?;
        at_hand.copy_into(tree, clones)?;
        let mut delivery = Delivery {
            way: DeliveryWay::AtHand,
            received: 0,
            copied: tree.bytes_there(),
        };
        for (_, way) in ways {
            if tree.needs().files.is_empty() {
                break;
            }
            delivery.way = way.kind();
            match way.fetch(tree, received, control) {
                Ok(()) => {}
                Err(error) if tree.disk_failed() || is_final(&error) => return Err(error),
                Err(error) => self.warn(error),
            }
        }
        if !tree.needs().files.is_empty() {
            return Ok(None);
        }
        delivery.received = *received;
        let bytes = tree.files().iter().map(|file| file.size).sum();
        control.report(Phase::Unpack, bytes, bytes);
        Ok(Some(delivery))
    }

    /// Removes the files that were collected of a bundle, which takes their space from the whole archive.
    pub(in crate::store) fn remove_tree(&self, files: &VerifiedFiles, control: &Control) -> Result<()> {
        let (layout, content_digest) = (&self.storage.layout, files.content_digest());
        let tree = layout.tree(&content_digest);
        if self.storage.kind(&tree)?.is_none() {
            return Ok(());
        }
        let lock = self.lock_tree(files, control)?;
        let removed = self.storage.remove_if_there(&tree);
        let unlocked = self.storage.remove_file_if_there(&layout.tree_lock(&content_digest));
        drop(lock);
        removed.and(unlocked)
    }

    /// Moves the files of wanted bundles back to where they are collected, if their installation was interrupted after
    /// they were moved into the bundle folder. A sweep would remove them.
    pub(in crate::store) fn take_back_trees(&self, wanted: &[&str]) -> Result<()> {
        let (storage, layout) = (&self.storage, &self.storage.layout);
        let known = self.state()?.bundles;
        let is_orphan = |record: &&BundleRecord| !known.contains_key(&record.id);
        let records = storage.records()?;
        for record in records.iter().filter(is_orphan) {
            let Some(content_digest) = record.content_digest else {
                continue;
            };
            if !wanted.contains(&content_digest.to_string().as_str()) {
                continue;
            }
            let _lock = self.lock(self.options.lock_timeout)?;
            let (folder, tree) = (layout.bundle(&record.id), layout.tree(&content_digest));
            let is_installed = self.storage.load()?.state.bundles.contains_key(&record.id);
            if !is_installed && storage.kind(&folder)?.is_some() && storage.kind(&tree)?.is_none() {
                self.move_back(&record.id, &tree)?;
            }
        }
        Ok(())
    }

    fn lock_tree(&self, files: &VerifiedFiles, control: &Control) -> Result<Box<dyn Lock>> {
        let path = self.storage.layout.tree_lock(&files.content_digest());
        self.retry_while_busy(control, || match self.storage.try_lock(&path)? {
            // A call that ended in the meantime removed the file.
            Some(lock) if self.storage.kind(&path)?.is_some() => Ok(lock),
            _ => Err(Error::Busy {
                path: path.clone(),
                waited: std::time::Duration::ZERO,
            }),
        })
    }
}

/// Whether every other way would fail for the same reason.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Cancelled | ErrorKind::NoSpace | ErrorKind::Busy
    )
}

/// The missing files that are nowhere on the device.
fn missing_beside<'a>(at_hand: &AtHand<'_>, tree: &AssemblyTree<'a>) -> Vec<&'a ListedFile> {
    let files = tree.needs().files.into_iter();
    files.filter(|file| !at_hand.has(tree, file)).collect()
}

//! Making complete files an installed bundle, in one step that is atomic even after a power cut.

use std::path::Path;

use super::request::{Acceptance, NewBundle};
use crate::bundle::WrittenFile;
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::io::atomic_file::folder_of;
use crate::release::{ArchiveIdentity, FileList};
use crate::store::bundle_id::BundleId;
use crate::store::open::Store;
use crate::store::records::{BundleRecord, Identity, RecordedProof, Superseded};
use crate::store::state::{Loaded, StoreState};
use crate::time::Timestamp;
use crate::verified::Proof;

/// A bundle that is being installed.
pub(in crate::store) struct Installing<'a> {
    pub(in crate::store) new: &'a NewBundle,
    /// The release that it is installed for, if any.
    pub(in crate::store) acceptance: Option<&'a Acceptance<'a>>,
    /// Its plain archive.
    pub(in crate::store) archive: ArchiveIdentity,
    pub(in crate::store) proof: &'a Proof,
}

impl Store {
    /// The installed bundle with this digest, if any. An error if it failed; without a digest, if a bundle of its
    /// version did.
    pub(in crate::store) fn known(
        &self,
        digest: Option<&Sha256Digest>,
        new: &NewBundle,
    ) -> Result<Option<BundleRecord>> {
        let loaded = self.settled()?;
        self.installed_or_refused(&loaded, new.identity(digest, None), new, None)
    }

    /// An error if the bundle failed on this device, pauses, or is not newer than the built-in one.
    fn require_not_refused(&self, state: &StoreState, bundle: Identity<'_>, new: &NewBundle) -> Result<()> {
        self.require_newer_than_built_in(new.sequence)?;
        if let Some(failed) = state.failure_of(bundle) {
            let problem = format!(
                "version {} failed on this device before ({}); forget its failure to try again",
                new.version,
                failed.cause.as_str()
            );
            return Err(Error::not_trusted("bundle", problem));
        }
        let now = (self.clock)();
        if let Some(aside) = state.set_aside_of(bundle, new.sequence, now) {
            let problem = format!(
                "version {} was proven on this device and then lost a trial; it is offered again at {} \
                 (seconds since 1970), or by a new release",
                new.version,
                aside.until().0
            );
            return Err(Error::not_trusted("bundle", problem));
        }
        Ok(())
    }

    /// The installed bundle with either of these digests, if any. For a release it must have the files of the list.
    /// A migrated bundle does not count, since its files were never verified.
    pub(in crate::store) fn installed_or_refused(
        &self,
        loaded: &Loaded,
        bundle: Identity<'_>,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
    ) -> Result<Option<BundleRecord>> {
        let state = &loaded.state;
        self.require_not_refused(state, bundle, new)?;
        // A bundle with missing files does not count; a later one may.
        let is_it = |record: &&BundleRecord| {
            record.identity().has_same_files(&bundle) == Some(true)
                && !record.is_assumed()
                && self.storage.is_there(&record.id)
        };
        for installed in state.bundles.values().filter(is_it) {
            let fits = match acceptance {
                Some(acceptance) => self.has_files(&installed.id, acceptance.files.list())?,
                None => true,
            };
            if fits {
                self.settle(loaded)?;
                return Ok(Some(installed.clone()));
            }
        }
        Ok(None)
    }

    /// Makes the complete and durable files in `folder` an installed bundle: renames the folder and adds it to the
    /// state, under the lock. If that fails, the folder is moved back.
    pub(in crate::store) fn publish(
        &self,
        installing: &Installing<'_>,
        folder: &Path,
        written: &[WrittenFile],
    ) -> Result<BundleRecord> {
        let &Installing { new, acceptance, .. } = installing;
        let record = self.record(installing, written)?;
        let _lock = self.lock(self.options.lock_timeout)?;
        let loaded = self.storage.load()?;
        // Another process may have installed or failed it since.
        if let Some(installed) = self.installed_or_refused(&loaded, record.identity(), new, acceptance)? {
            return match acceptance {
                Some(acceptance) => self.accept_again(&loaded, &installed, installing, acceptance),
                None => Ok(installed),
            };
        }
        // Before anything is renamed: another release may have been accepted since.
        let mut state = loaded.state.clone();
        match acceptance {
            Some(acceptance) => state
                .accept(record.clone(), &acceptance.release)
                .map_err(Superseded::into_error)?,
            None => state.add(record.clone()),
        }
        let published = self.publish_locked(&loaded, &state, &record, folder, written);
        if let Err(error) = published {
            // The new state may be in place although making it durable failed: then it references the folder, which
            // stays, and the next attempt finds it installed.
            let now = self.storage.load()?;
            if now.recovered.is_none() && now.state.bundles.contains_key(&record.id) {
                return Err(error);
            }
            self.move_back(&record.id, folder)?;
            return Err(error);
        }
        Ok(record)
    }

    /// Accepts a release whose bundle is installed already. Under the lock. The record is written first, as for a
    /// confirmation: a lost state is recovered from it, and must know this release.
    pub(in crate::store) fn accept_again(
        &self,
        loaded: &Loaded,
        installed: &BundleRecord,
        installing: &Installing<'_>,
        acceptance: &Acceptance<'_>,
    ) -> Result<BundleRecord> {
        let new = installing.new.clone();
        let record = BundleRecord {
            version: new.version,
            digest: Some(installing.archive.digest),
            content_digest: Some(acceptance.files.content_digest()),
            proof: Some(RecordedProof::from(installing.proof)),
            archive_size: installing.archive.size,
            native: new.native,
            link: new.link,
            comment: new.comment,
            sequence: new.sequence,
            release: Some(acceptance.release.clone()),
            ..installed.clone()
        };
        let mut state = loaded.state.clone();
        state
            .accept(record.clone(), &acceptance.release)
            .map_err(Superseded::into_error)?;
        if record != *installed {
            self.storage.save_record(&record)?;
        }
        self.save(loaded, &state)?;
        Ok(record)
    }

    /// Moves the folder back, where it is removed or completed later, and then removes the record, by which a sweep
    /// would find it.
    pub(super) fn move_back(&self, id: &BundleId, to: &Path) -> Result<()> {
        let (files, folder) = (&self.storage.files, self.folder(id));
        if self.storage.kind(&folder)?.is_some() {
            files.rename(&folder, to).with_path("move back", &folder)?;
            let bundles = self.storage.layout.bundles();
            files.sync_folder(bundles).with_path("sync the folder", bundles)?;
        }
        self.remove_record(id)
    }

    fn publish_locked(
        &self,
        loaded: &Loaded,
        state: &StoreState,
        record: &BundleRecord,
        from: &Path,
        written: &[WrittenFile],
    ) -> Result<()> {
        let (storage, layout) = (&self.storage, &self.storage.layout);
        // The list first, then the record: a process that finds the record finds both, and the sweep goes by records.
        storage.save_file_list(&record.id, written)?;
        storage.save_record(record)?;
        let folder = layout.bundle(&record.id);
        storage.files.rename(from, &folder).with_path("rename", &folder)?;
        // Both folders of the rename are synced before the state relies on it.
        storage.sync_bundles()?;
        let left = folder_of(from);
        storage.files.sync_folder(left).with_path("sync the folder", left)?;
        self.save(loaded, state)
    }

    fn record(&self, installing: &Installing<'_>, written: &[WrittenFile]) -> Result<BundleRecord> {
        let now: Timestamp = (self.clock)();
        let &Installing {
            new,
            acceptance,
            archive,
            proof,
        } = installing;
        let content_digest = match acceptance {
            Some(acceptance) => acceptance.files.content_digest(),
            None => Sha256Digest::of(&FileList::of_written(written).to_bytes()?),
        };
        Ok(BundleRecord {
            id: new.id.clone().map_or_else(BundleId::random, Ok)?,
            version: new.version.clone(),
            digest: Some(archive.digest),
            content_digest: Some(content_digest),
            proof: Some(RecordedProof::from(proof)),
            archive_size: archive.size,
            unpacked_size: written.iter().map(|file| file.size).sum(),
            files: written.len() as u64,
            installed_at: now,
            proven_at: None,
            proven_build: None,
            proven_version: None,
            native: new.native.clone(),
            link: new.link.clone(),
            comment: new.comment.clone(),
            sequence: new.sequence,
            release: acceptance.map(|acceptance| acceptance.release.clone()),
        })
    }

    pub(in crate::store) fn require_space(&self, needed: u64) -> Result<()> {
        self.missing_space(needed).map_or(Ok(()), Err)
    }

    /// The error with the missing bytes, if any are missing. If the system cannot report free space, writing fails
    /// instead.
    pub(in crate::store) fn missing_space(&self, needed: u64) -> Option<Error> {
        let path = self.storage.layout.bundles();
        let available = self.storage.files.free_space(path).ok()?;
        (available < needed).then(|| {
            let operation = "install the bundle";
            Error::NotEnoughSpace {
                operation,
                path: path.to_path_buf(),
                needed,
                available,
            }
        })
    }
}

//! Installing a verified archive, in one step that is atomic even after a power cut.

use super::request::{Acceptance, NewBundle};
use crate::bundle::{TargetTree, UnpackOptions, WrittenFile, read_bundle, write_tree};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::progress::Control;
use crate::store::bundle_id::BundleId;
use crate::store::open::Store;
use crate::store::records::{BundleRecord, Superseded};
use crate::store::state::{Loaded, StoreState};
use crate::store::storage::Staged;
use crate::time::Timestamp;
use crate::verified::{Proof, VerifiedArchive};

/// File systems allocate blocks: a file takes half a block more on average, a folder one block.
const BLOCK: u64 = 4 << 10;

/// An unpacked bundle that is complete and durable, and not yet installed.
struct Unpacked<'a> {
    record: BundleRecord,
    staged: &'a Staged,
    written: &'a [WrittenFile],
}

impl Store {
    /// Installs a verified archive. It is served only after [`set_next`](Self::set_next) or
    /// [`set_current`](Self::set_current).
    ///
    /// The archive is unpacked into the staging folder and made durable; then the folder is renamed and the state
    /// changed, under the lock. After a crash the bundle is installed, or its files are garbage that the next sweep
    /// removes. An archive that is already installed is not unpacked again: its record is returned.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if the proof is weaker than
    /// [`StoreOptions::required_proof`](crate::store::StoreOptions), the bundle failed on this device before, or its
    /// sequence is not above [`StoreOptions::built_in_sequence`](crate::store::StoreOptions);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for the archive of a release, which
    /// [`install_release`](Self::install_release) installs; [`NoSpace`](crate::ErrorKind::NoSpace) with the missing
    /// bytes, before anything is written where that can be foreseen; the errors of [`unpack`](crate::bundle::unpack);
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn install(&self, archive: &VerifiedArchive, new: &NewBundle, control: &Control) -> Result<BundleRecord> {
        self.options.required_proof.check(archive.proof())?;
        if matches!(archive.proof(), Proof::Release { .. }) {
            let problem = "the archive was verified by a release; use install_release";
            return Err(Error::invalid_input("archive", problem));
        }
        if let Some(installed) = self.known(Some(&archive.digest()), new)? {
            return Ok(installed);
        }
        self.install_archive(archive, new, None, control)
    }

    /// Installs an archive that is known to be wanted.
    pub(in crate::store) fn install_archive(
        &self,
        archive: &VerifiedArchive,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
        control: &Control,
    ) -> Result<BundleRecord> {
        self.sweep_for_space()?;
        let contents = read_bundle(archive, &self.options.limits)?;
        let entries = (contents.files.len() + contents.folders.len()) as u64;
        let needed = (contents.declared_size)
            .saturating_add(entries.saturating_mul(BLOCK))
            .saturating_add(self.options.space_margin);
        self.require_space(needed)?;

        let staged = self.storage.stage()?;
        let options = UnpackOptions {
            limits: self.options.limits.clone(),
            threads: self.options.unpack_threads,
        };
        let files = &*self.storage.files;
        let written = files
            .create_folder(&staged.path)
            .with_path("create the folder", &staged.path);
        let written = written.and_then(|()| {
            let tree = TargetTree {
                root: &staged.path,
                files,
                with_digests: true,
            };
            let written = write_tree(&contents, archive, &tree, &options, control)?;
            files.sync_tree(&staged.path).with_path("make durable", &staged.path)?;
            Ok(written)
        });
        let result = written.and_then(|written| {
            if let Some(acceptance) = acceptance {
                acceptance.files.require_same(&written)?;
            }
            let unpacked = Unpacked {
                record: self.record(archive, new, acceptance, &written)?,
                staged: &staged,
                written: &written,
            };
            self.publish(archive, new, acceptance, &unpacked)
        });
        let unstaged = self.storage.unstage(staged);
        match result {
            Ok(record) => unstaged.map(|()| record),
            Err(error @ Error::NoSpace { .. }) => unstaged.and(Err(self.missing_space(needed).unwrap_or(error))),
            Err(error) => unstaged.and(Err(error)),
        }
    }

    /// The installed bundle with this digest, if any. An error if it failed; without a digest, if a bundle of its
    /// version did.
    pub(in crate::store) fn known(
        &self,
        digest: Option<&Sha256Digest>,
        new: &NewBundle,
    ) -> Result<Option<BundleRecord>> {
        let loaded = self.settled()?;
        match digest {
            Some(digest) => self.installed_or_refused(&loaded, digest, new, None),
            None => self.require_not_refused(&loaded.state, None, new).map(|()| None),
        }
    }

    /// An error if the bundle failed on this device, pauses, or is not newer than the built-in one.
    fn require_not_refused(&self, state: &StoreState, digest: Option<&Sha256Digest>, new: &NewBundle) -> Result<()> {
        self.require_newer_than_built_in(new.sequence)?;
        if let Some(failed) = state.failure_of(&new.version, digest) {
            let problem = format!(
                "version {} failed on this device before ({}); forget its failure to try again",
                new.version,
                failed.cause.as_str()
            );
            return Err(Error::not_trusted("bundle", problem));
        }
        let now = (self.clock)();
        if let Some(aside) = state.set_aside_of(&new.version, digest, new.sequence, now) {
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

    /// The installed bundle with this digest, if any. For a release it must have the files of the list: the recorded
    /// digest of a migrated bundle is not verified.
    pub(in crate::store) fn installed_or_refused(
        &self,
        loaded: &Loaded,
        digest: &Sha256Digest,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
    ) -> Result<Option<BundleRecord>> {
        let state = &loaded.state;
        self.require_not_refused(state, Some(digest), new)?;
        // A bundle with missing files does not count; a later one may.
        let is_it = |record: &&BundleRecord| record.digest == Some(*digest) && self.storage.is_there(&record.id);
        for installed in state.bundles.values().filter(is_it) {
            let fits = match acceptance {
                Some(acceptance) => self.has_files(&installed.id, acceptance.files)?,
                None => true,
            };
            if fits {
                self.settle(loaded)?;
                return Ok(Some(installed.clone()));
            }
        }
        Ok(None)
    }

    /// Renames the unpacked folder and adds it to the state, under the lock.
    fn publish(
        &self,
        archive: &VerifiedArchive,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
        unpacked: &Unpacked<'_>,
    ) -> Result<BundleRecord> {
        let Unpacked { record, staged, .. } = unpacked;
        let _lock = self.lock(self.options.lock_timeout)?;
        let loaded = self.storage.load()?;
        // Another process may have installed or failed it since.
        if let Some(installed) = self.installed_or_refused(&loaded, &archive.digest(), new, acceptance)? {
            return match acceptance {
                Some(acceptance) => self.accept_again(&loaded, &installed, new, acceptance),
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
        let published = self.publish_locked(&loaded, &state, unpacked);
        if let Err(error) = published {
            // The new state may be in place although making it durable failed: then it references the folder, which
            // stays, and the next attempt finds it installed.
            let now = self.storage.load()?;
            if now.recovered.is_none() && now.state.bundles.contains_key(&record.id) {
                return Err(error);
            }
            self.move_back(&record.id, staged)?;
            return Err(error);
        }
        Ok(record.clone())
    }

    /// Accepts a release whose bundle is installed already. Under the lock. The record is written first, as for a
    /// confirmation: a lost state is recovered from it, and must know this release.
    pub(in crate::store) fn accept_again(
        &self,
        loaded: &Loaded,
        installed: &BundleRecord,
        new: &NewBundle,
        acceptance: &Acceptance<'_>,
    ) -> Result<BundleRecord> {
        let new = new.clone();
        let record = BundleRecord {
            version: new.version,
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

    /// Moves the folder back to staging, where it is removed, and then removes the record, by which a sweep would find
    /// it.
    fn move_back(&self, id: &BundleId, staged: &Staged) -> Result<()> {
        let (files, folder) = (&self.storage.files, self.folder(id));
        if self.storage.kind(&folder)?.is_some() {
            files.rename(&folder, &staged.path).with_path("move back", &folder)?;
            let bundles = self.storage.layout.bundles();
            files.sync_folder(bundles).with_path("sync the folder", bundles)?;
        }
        self.remove_record(id)
    }

    fn publish_locked(&self, loaded: &Loaded, state: &StoreState, unpacked: &Unpacked<'_>) -> Result<()> {
        let Unpacked {
            record,
            staged,
            written,
        } = unpacked;
        let (storage, layout) = (&self.storage, &self.storage.layout);
        // The list first, then the record: a process that finds the record finds both, and the sweep goes by records.
        storage.save_file_list(&record.id, written)?;
        storage.save_record(record)?;
        let folder = layout.bundle(&record.id);
        storage
            .files
            .rename(&staged.path, &folder)
            .with_path("rename", &folder)?;
        // Both folders of the rename are synced before the state relies on it.
        storage.sync_bundles()?;
        let staging = layout.staging();
        storage
            .files
            .sync_folder(&staging)
            .with_path("sync the folder", &staging)?;
        self.save(loaded, state)
    }

    fn record(
        &self,
        archive: &VerifiedArchive,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
        written: &[WrittenFile],
    ) -> Result<BundleRecord> {
        let now: Timestamp = (self.clock)();
        Ok(BundleRecord {
            id: new.id.clone().map_or_else(BundleId::random, Ok)?,
            version: new.version.clone(),
            digest: Some(archive.digest()),
            archive_size: archive.size(),
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

    fn require_space(&self, needed: u64) -> Result<()> {
        self.missing_space(needed).map_or(Ok(()), Err)
    }

    /// The error with the missing bytes, if any are missing. If the system cannot report free space, writing fails
    /// instead.
    fn missing_space(&self, needed: u64) -> Option<Error> {
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

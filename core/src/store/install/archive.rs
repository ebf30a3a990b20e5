//! From a proved archive to an installed bundle, in one step that a power cut cannot halve.

use super::request::{Acceptance, NewBundle};
use crate::bundle::{Tree, UnpackOptions, WrittenFile, read_bundle, write_tree};
use crate::digest::Sha256Digest;
use crate::error::{Error, IoContext, Result};
use crate::progress::Control;
use crate::store::bundle_id::BundleId;
use crate::store::open::Store;
use crate::store::records::{BundleRecord, Superseded};
use crate::store::state::{Loaded, State};
use crate::store::storage::Staged;
use crate::time::Timestamp;
use crate::verified::{Proof, VerifiedArchive};

/// File systems give space in blocks; a file takes half of one more on average, and a folder one.
const BLOCK: u64 = 4 << 10;

/// A bundle that is whole and durable, and has no name yet.
struct Unpacked<'a> {
    record: BundleRecord,
    staged: &'a Staged,
    written: &'a [WrittenFile],
}

impl Store {
    /// Installs a proved archive. It is served only after [`set_next`](Self::set_next) or
    /// [`set_current`](Self::set_current).
    ///
    /// The archive is unpacked into the staging folder and made durable; then it gets its name and the state changes,
    /// under the lock. A crash leaves it installed, or rubbish that the next start removes. An archive that is installed
    /// already is not unpacked again: its record is returned.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) if the proof is less than
    /// [`StoreOptions::required_proof`](crate::store::StoreOptions), the bundle failed on this device before, or its sequence is
    /// not above [`StoreOptions::built_in_sequence`](crate::store::StoreOptions);
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for the archive of a release, which
    /// [`install_release`](Self::install_release) takes;
    /// [`NoSpace`](crate::ErrorKind::NoSpace), before a byte is written where that can be foreseen, saying how much is
    /// missing; what [`unpack`](crate::bundle::unpack) refuses; [`Busy`](crate::ErrorKind::Busy),
    /// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn install(&self, archive: &VerifiedArchive, new: &NewBundle, control: &Control) -> Result<BundleRecord> {
        self.options.required_proof.check(archive.proof())?;
        if matches!(archive.proof(), Proof::Release { .. }) {
            let problem = "it was proved by a release, which only install_release remembers as accepted";
            return Err(Error::invalid_input("archive", problem));
        }
        if let Some(installed) = self.known(&archive.digest(), new)? {
            return Ok(installed);
        }
        self.install_archive(archive, new, None, control)
    }

    /// Installs an archive of which it is known that it is wanted.
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

    /// The bundle with this digest, if it is installed. Refused if it failed.
    pub(in crate::store) fn known(&self, digest: &Sha256Digest, new: &NewBundle) -> Result<Option<BundleRecord>> {
        self.installed_or_refused(&self.settled()?, digest, new, None)
    }

    /// The bundle with this digest, if it is installed. One that is for a release must have the files that this lists: of a
    /// bundle that was taken over, nobody knows whether the digest is its own.
    pub(in crate::store) fn installed_or_refused(
        &self,
        loaded: &Loaded,
        digest: &Sha256Digest,
        new: &NewBundle,
        acceptance: Option<&Acceptance<'_>>,
    ) -> Result<Option<BundleRecord>> {
        self.require_newer_than_built_in(new.sequence)?;
        let state = &loaded.state;
        if let Some(failed) = state.failure_of(&new.version, Some(digest)) {
            let problem = format!(
                "version {} failed on this device before ({}); forget its failure to try again",
                new.version,
                failed.cause.as_str()
            );
            return Err(Error::not_trusted("bundle", problem));
        }
        let now = (self.clock)();
        if let Some(aside) = state.set_aside_of(&new.version, Some(digest), new.sequence, now) {
            let problem = format!(
                "version {} worked on this device before and does not confirm its starts now; it is offered again at {} \
                 (seconds since 1970), or by a new release",
                new.version,
                aside.until().0
            );
            return Err(Error::not_trusted("bundle", problem));
        }
        // One whose files are gone is not it; a later one may be.
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

    /// Names the unpacked folder and adds it to the state, all under the lock.
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
        // Another process may have installed or failed it meanwhile.
        if let Some(installed) = self.installed_or_refused(&loaded, &archive.digest(), new, acceptance)? {
            return match acceptance {
                Some(acceptance) => self.accept_again(&loaded, &installed, new, acceptance),
                None => Ok(installed),
            };
        }
        // Before anything has a name: another release may have been accepted meanwhile.
        let mut state = loaded.state.clone();
        match acceptance {
            Some(acceptance) => state
                .accept(record.clone(), &acceptance.release)
                .map_err(Superseded::into_error)?,
            None => state.add(record.clone()),
        }
        let published = self.publish_locked(&loaded, &state, unpacked);
        if let Err(error) = published {
            // The new state may be in place though making it durable failed: then it names the folder, which stays, and
            // the next try finds it installed.
            let now = self.storage.load()?;
            if now.recovered.is_none() && now.state.bundles.contains_key(&record.id) {
                return Err(error);
            }
            self.move_back(&record.id, staged)?;
            return Err(error);
        }
        Ok(record.clone())
    }

    /// Accepts a release whose bundle was installed before. Under the lock. The record goes first, as with a confirmation:
    /// a lost state is made anew from it, and knows of no older release then.
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

    /// The folder goes back to where it is removed, and only then the record, by which a sweep would find it.
    fn move_back(&self, id: &BundleId, staged: &Staged) -> Result<()> {
        let (files, folder) = (&self.storage.files, self.folder(id));
        if self.storage.kind(&folder)?.is_some() {
            files.rename(&folder, &staged.path).with_path("move back", &folder)?;
            let bundles = self.storage.layout.bundles();
            files.sync_folder(bundles).with_path("sync the folder", bundles)?;
        }
        self.remove_record(id)
    }

    fn publish_locked(&self, loaded: &Loaded, state: &State, unpacked: &Unpacked<'_>) -> Result<()> {
        let Unpacked {
            record,
            staged,
            written,
        } = unpacked;
        let (storage, layout) = (&self.storage, &self.storage.layout);
        // First the list, then the record: whoever finds the record finds both, and the sweep goes by records.
        storage.save_file_list(&record.id, written)?;
        storage.save_record(record)?;
        let folder = layout.bundle(&record.id);
        storage
            .files
            .rename(&staged.path, &folder)
            .with_path("rename", &folder)?;
        // Both ends of the rename, before the state relies on it.
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
            id: BundleId::random()?,
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

    /// The error that says how much is missing, if something is. Where the system cannot tell, writing will.
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

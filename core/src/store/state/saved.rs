//! Loading and saving the state so that a power cut at any moment leaves one good generation.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::machine::StoreState;
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::io::vfs::Kind;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::records::{BundleRecord, FailedBundle, Identity};
use crate::store::storage::{FileContent, Storage, temporary_of};

const STATE: &str = "state";
const FAILURE: &str = "failure";
/// Maximum size of a copy. No state is nearly as long, and the start of garbage is enough.
const MAX_COPY: u64 = 1 << 20;

/// The state of a store and its generation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct Loaded {
    pub(in crate::store) state: StoreState,
    pub(in crate::store) generation: u64,
    /// Why the newest generation could not be used.
    pub(in crate::store) recovered: Option<StateLoss>,
}

/// Why the newest generation could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum StateLoss {
    /// A save was interrupted. Its changes were never reported as done.
    Unfinished,
    /// The file existed, and is missing or undecodable.
    Corrupt(#[allow(dead_code, reason = "for debugging a device")] String),
}

impl Storage {
    /// Loads the newest good generation. Changes nothing.
    ///
    /// # Errors
    /// If a state exists and cannot be read: its content is unknown, so nothing may be written.
    pub(in crate::store) fn load(&self) -> Result<Loaded> {
        let newest = self.find(STATE, &self.layout.state())?;
        let problem = match newest {
            FileContent::Good(generation, state) => {
                return Ok(Loaded {
                    state,
                    generation,
                    recovered: None,
                });
            }
            FileContent::Corrupt(problem) => Some(problem),
            // A crash while a folder at its path was replaced.
            FileContent::Missing if self.kind(&self.layout.damaged_state())?.is_some() => {
                Some("found a folder".to_owned())
            }
            FileContent::Missing => None,
        };
        match (self.find(STATE, &self.layout.previous_state())?, problem) {
            // A crash between the two renames of a save.
            (FileContent::Good(generation, state), None) => self.recover(state, generation, StateLoss::Unfinished),
            (FileContent::Good(generation, state), Some(problem)) => {
                self.recover(state, generation, StateLoss::Corrupt(problem))
            }
            (FileContent::Missing, None) => self.recover_or_start(),
            (FileContent::Missing, Some(problem)) | (FileContent::Corrupt(problem), _) => {
                self.recover(StoreState::default(), 0, StateLoss::Corrupt(problem))
            }
        }
    }

    /// Saves `state` as the generation after `before`, which is kept. Durable when it returns.
    pub(in crate::store) fn save(&self, before: &Loaded, state: &StoreState) -> Result<()> {
        let (path, previous) = (self.layout.state(), self.layout.previous_state());
        let temporary = temporary_of(&path);
        self.write_encoded(&temporary, STATE, before.generation + 1, state)?;
        match before.recovered {
            // The newest state is missing or corrupt, and must not replace a good one. A corrupt one stays until it is
            // replaced: a crash in between must still find that it existed, and not only an older generation.
            Some(_) => self.keep_copies_of_corrupt_states()?,
            None => self.keep_as_previous(&path, &previous)?,
        }
        self.files.rename(&temporary, &path).with_path("rename", &path)?;
        if before.recovered.is_some() {
            self.set_aside_damaged_state()?;
        }
        self.files
            .sync_folder(self.layout.root())
            .with_path("sync the folder", self.layout.root())
    }

    fn keep_as_previous(&self, path: &Path, previous: &Path) -> Result<()> {
        let renamed = match self.files.rename(path, previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound && self.kind(previous)? == Some(Kind::Folder) => {
                self.set_aside(previous)?;
                self.files.rename(path, previous)
            }
            renamed => renamed,
        };
        match renamed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("rename", path, error)),
            _ => Ok(()),
        }
    }

    pub(in crate::store) fn is_corrupt_state(&self, path: &Path) -> Result<bool> {
        Ok(matches!(self.find::<StoreState>(STATE, path)?, FileContent::Corrupt(_)))
    }

    /// Sets aside unusable states for debugging.
    pub(in crate::store) fn keep_copies_of_corrupt_states(&self) -> Result<()> {
        for path in [self.layout.state(), self.layout.previous_state()] {
            if !self.is_corrupt_state(&path)? {
                continue;
            }
            match self.kind(&path)? {
                // A file cannot replace a folder in one step. Until the new state is in place, the moved folder shows
                // that there was a state, not only an older generation.
                Some(Kind::Folder) if path == self.layout.state() => {
                    self.set_aside_damaged_state()?;
                    let damaged = self.layout.damaged_state();
                    self.files.rename(&path, &damaged).with_path("set aside", &path)?;
                }
                Some(Kind::Folder) => self.set_aside(&path)?,
                Some(Kind::File) => self.keep_copy(&path, &self.place_for_corrupt_state()?)?,
                // A link, or another entry that cannot be copied: the new state replaces it.
                Some(Kind::Other) | None => {}
            }
        }
        Ok(())
    }

    /// Sets aside the folder that was at the path of a state, after the state was written.
    pub(in crate::store) fn set_aside_damaged_state(&self) -> Result<()> {
        let damaged = self.layout.damaged_state();
        match self.kind(&damaged)? {
            None => Ok(()),
            Some(_) => self.set_aside(&damaged),
        }
    }

    pub(in crate::store) fn keep_copy(&self, path: &Path, copy: &Path) -> Result<()> {
        let mut bytes = Vec::new();
        let original = self.files.open(path).with_path("open", path)?;
        original
            .take(MAX_COPY)
            .read_to_end(&mut bytes)
            .with_path("read", path)?;
        match self.write_durably(copy, &bytes) {
            // A copy for debugging must not make a recovery fail.
            Err(error) if error.kind() == ErrorKind::NoSpace => Ok(()),
            result => result,
        }
    }

    /// Marks a bundle as failed beside the state, durable when it returns.
    pub(in crate::store) fn mark_failed(&self, failed: &FailedBundle) -> Result<()> {
        self.replace_durably(&self.marker(failed.identity()), FAILURE, failed)
    }

    /// Removes the mark of a bundle that works, durably. Its state could not be written then.
    pub(in crate::store) fn withdraw_mark(&self, record: &BundleRecord) -> Result<()> {
        let path = self.marker(record.identity());
        if self.kind(&path)?.is_none() {
            return Ok(());
        }
        self.remove_file_if_there(&path)?;
        let folder = self.layout.failed();
        self.files.sync_folder(&folder).with_path("sync the folder", &folder)
    }

    /// Removes the mark of a failure.
    pub(in crate::store) fn unmark_failed(&self, failed: &FailedBundle) -> Result<()> {
        let path = self.marker(failed.identity());
        self.remove_file_if_there(&path)
    }

    /// Removes the marks of failures that the state no longer contains.
    pub(in crate::store) fn sweep_marks(&self, state: &StoreState) -> Result<()> {
        let (folder, mut kept) = (self.layout.failed(), Vec::new());
        kept.extend((state.failed.iter()).map(|failed| self.marker(failed.identity())));
        kept.sort_unstable();
        for name in self.list(&folder)? {
            let path = folder.join(name);
            let is_mark = path.extension().is_some_and(|extension| extension == "json");
            if is_mark && kept.binary_search(&path).is_err() {
                self.remove_file_if_there(&path)?;
            }
        }
        Ok(())
    }

    /// Distinguishes an empty store from one that lost its state, by the files beside it.
    fn recover_or_start(&self) -> Result<Loaded> {
        let (records, failed) = (self.records_or_none()?, self.failures()?);
        if records.is_empty() && failed.is_empty() && self.built_in_releases()?.is_empty() {
            return Ok(Loaded::default());
        }
        self.recover(StoreState::default(), 0, StateLoss::Corrupt("missing".to_owned()))
    }

    /// Completes an old or empty state from the files beside it: failed bundles stay failed, installed ones stay
    /// installed, and the one that confirmed last is the fallback.
    fn recover(&self, mut state: StoreState, generation: u64, lost: StateLoss) -> Result<Loaded> {
        state.recall_failures(self.failures()?);
        for record in self.records_or_none()? {
            let is_there = self.kind(&self.layout.bundle(&record.id))? == Some(Kind::Folder);
            let release = record.release.clone();
            let is_news = is_there && take_record(&mut state, record, &lost);
            // Releases accepted by a lost state stay accepted, whatever happened to their bundles; a release whose
            // acceptance could not be written counts only with its bundle.
            if let Some(release) = release.filter(|_| is_news || matches!(lost, StateLoss::Corrupt(_))) {
                state.trust.recall(&release);
            }
        }
        let forbidden: Vec<BundleId> = state
            .bundles
            .values()
            .filter(|record| state.failure_of(record.identity()).is_some())
            .map(|record| record.id.clone())
            .collect();
        state.remove_bundles(&forbidden);
        if generation == 0 {
            let proven = state.bundles.values().filter(|record| record.proven_at.is_some());
            if let Some(last) = proven.max_by_key(|record| record.proven_at) {
                state.native_build.clone_from(&last.proven_build);
                state.native_version.clone_from(&last.proven_version);
                state.fallback = BundleRef::Bundle(last.id.clone());
                state.current = state.fallback.clone();
            }
        }
        if matches!(lost, StateLoss::Corrupt(_)) {
            for release in self.built_in_releases()?.iter() {
                // After the records: this release must not withdraw the bundle of a later one.
                if state.trust.recall(release) {
                    state.make_built_in_next();
                }
            }
        }
        Ok(Loaded {
            state,
            generation,
            recovered: Some(lost),
        })
    }

    fn records_or_none(&self) -> Result<Vec<BundleRecord>> {
        match self.kind(&self.layout.records())? {
            Some(_) => self.records(),
            None => Ok(Vec::new()),
        }
    }

    fn failures(&self) -> Result<Vec<FailedBundle>> {
        match self.kind(&self.layout.failed())? {
            Some(_) => self.read_all(&self.layout.failed(), FAILURE, "json"),
            None => Ok(Vec::new()),
        }
    }

    /// One name for each failure: the digest, or the version of a bundle without one.
    fn marker(&self, bundle: Identity<'_>) -> PathBuf {
        let name = match bundle.any_digest() {
            Some(digest) => digest.to_string(),
            None => format!("version-{}", Sha256Digest::of(bundle.version.as_bytes())),
        };
        self.layout.failed().join(format!("{name}.json"))
    }
}

/// Adds a record to a recovered state. A record is written before the state that follows from it, so it contains a
/// confirmation that a lost state contained. Returns whether the state lacked it.
fn take_record(state: &mut StoreState, record: BundleRecord, lost: &StateLoss) -> bool {
    let known = state.bundles.get(&record.id).map(|known| known.proven_at);
    if known.is_some_and(|proven_at| proven_at >= record.proven_at) {
        return false;
    }
    if known.is_some() && *lost == StateLoss::Unfinished {
        return false;
    }
    if known.is_some() && state.current.is(&record.id) {
        state.trial = None;
        state.silent = None;
        state.replace_fallback(&record.id);
    }
    state.bundles.insert(record);
    true
}

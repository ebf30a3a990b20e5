//! Loading and saving the state so that a power cut at any moment leaves one good generation.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::codec;
use super::denylist::RefusedReleases;
use super::json::FromJson;
use super::layout::Layout;
use super::ring::FollowedRing;
use super::rollback_guard::BuiltInReleases;
use super::state::State;
use super::types::{BundleId, BundleRecord, BundleRef, FailedBundle};
use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, IoContext, Result};
use crate::io::vfs::{Files, Kind, is_not_a_file};

const STATE: &str = "state";
const RECORD: &str = "record";
const FAILURE: &str = "failure";
const RING: &str = "ring";
const REFUSED: &str = "refused";
const BUILT_IN: &str = "built_in";
/// No state is nearly as long; of garbage that is, the start will do.
const MAX_COPY: u64 = 1 << 20;

/// The state of a store and its number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) generation: u64,
    /// Why the newest generation could not be used, if it could not.
    pub(super) recovered: Option<Lost>,
}

/// Why the newest generation could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lost {
    /// A save did not come to its end. What it would have changed was never reported as done.
    Unfinished,
    /// It was there, and is gone or does not decode.
    Corrupt(#[allow(dead_code, reason = "for whoever debugs a device")] String),
}

/// Reads and writes the small files of a store.
#[derive(Debug, Clone)]
pub(super) struct Persistence {
    pub(super) files: Arc<dyn Files>,
    pub(super) layout: Layout,
}

/// A file that was looked for.
enum Found<T> {
    Good(u64, T),
    Corrupt(String),
    Missing,
}

impl Persistence {
    /// The newest good generation. Changes nothing.
    ///
    /// # Errors
    /// When a state is there and cannot be read: nobody knows then what is in it, and nothing may be written.
    pub(super) fn load(&self) -> Result<Loaded> {
        let newest = self.find(STATE, &self.layout.state())?;
        let problem = match newest {
            Found::Good(generation, state) => {
                return Ok(Loaded {
                    state,
                    generation,
                    recovered: None,
                });
            }
            Found::Corrupt(problem) => Some(problem),
            // A crash while a folder in its place was replaced.
            Found::Missing if self.kind(&self.layout.damaged_state())?.is_some() => Some("it was a folder".to_owned()),
            Found::Missing => None,
        };
        match (self.find(STATE, &self.layout.previous_state())?, problem) {
            // A crash between the two renames of a save.
            (Found::Good(generation, state), None) => self.recover(state, generation, Lost::Unfinished),
            (Found::Good(generation, state), Some(problem)) => self.recover(state, generation, Lost::Corrupt(problem)),
            (Found::Missing, None) => self.recover_or_start(),
            (Found::Missing, Some(problem)) | (Found::Corrupt(problem), _) => {
                self.recover(State::default(), 0, Lost::Corrupt(problem))
            }
        }
    }

    /// Makes `state` the generation after `before`, which is kept. Durable when it returns.
    pub(super) fn save(&self, before: &Loaded, state: &State) -> Result<()> {
        let (path, previous) = (self.layout.state(), self.layout.previous_state());
        let temporary = temporary_of(&path);
        self.write_encoded(&temporary, STATE, before.generation + 1, state)?;
        match before.recovered {
            // It is gone or corrupt, and must not take the place of a good one. A corrupt one stays until this one takes its
            // place: a crash in between must find that there was one, and not only an older generation.
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

    pub(super) fn is_corrupt_state(&self, path: &Path) -> Result<bool> {
        Ok(matches!(self.find::<State>(STATE, path)?, Found::Corrupt(_)))
    }

    pub(super) fn keep_copy(&self, path: &Path, copy: &Path) -> Result<()> {
        let mut bytes = Vec::new();
        let original = self.files.open(path).with_path("open", path)?;
        original
            .take(MAX_COPY)
            .read_to_end(&mut bytes)
            .with_path("read", path)?;
        match self.write_durably(copy, &bytes) {
            // What nobody needs is not what a recovery fails for.
            Err(error) if error.kind() == ErrorKind::NoSpace => Ok(()),
            result => result,
        }
    }

    /// Writes a bundle's record, durable when it returns.
    pub(super) fn save_record(&self, record: &BundleRecord) -> Result<()> {
        self.replace_durably(&self.layout.record(&record.id), RECORD, record)
    }

    /// Writes the last ring that was followed, durable when it returns.
    pub(super) fn save_ring(&self, ring: &FollowedRing) -> Result<()> {
        self.replace_durably(&self.layout.ring(), RING, ring)
    }

    /// Writes the releases whose archives are refused, durable when it returns.
    pub(super) fn save_refused_releases(&self, refused: &RefusedReleases) -> Result<()> {
        self.replace_durably(&self.layout.refused(), REFUSED, refused)
    }

    /// The releases whose archives are refused. A file that does not decode counts as none: each is downloaded once more.
    pub(super) fn refused_releases(&self) -> Result<Option<RefusedReleases>> {
        match self.find(REFUSED, &self.layout.refused())? {
            Found::Good(_, refused) => Ok(Some(refused)),
            Found::Corrupt(_) | Found::Missing => Ok(None),
        }
    }

    /// Writes the releases that went to the built-in bundle, durable when it returns.
    pub(super) fn save_built_in_releases(&self, releases: &BuiltInReleases) -> Result<()> {
        self.replace_durably(&self.layout.built_in(), BUILT_IN, releases)
    }

    /// The releases that went to the built-in bundle. A file that does not decode counts as none: the state, which is intact
    /// mostly, knows them as well.
    pub(super) fn built_in_releases(&self) -> Result<BuiltInReleases> {
        match self.find(BUILT_IN, &self.layout.built_in())? {
            Found::Good(_, releases) => Ok(releases),
            Found::Corrupt(_) | Found::Missing => Ok(BuiltInReleases::default()),
        }
    }

    /// Removes what a crash left of files beside the state that were being written.
    pub(super) fn sweep_beside_the_state(&self) -> Result<()> {
        self.remove_file_if_there(&temporary_of(&self.layout.ring()))?;
        self.remove_file_if_there(&temporary_of(&self.layout.built_in()))?;
        self.remove_file_if_there(&temporary_of(&self.layout.refused()))
    }

    /// The last ring that was followed. One that was read in full and does not decode counts as none: the rings are walked
    /// anew then, from the one that the app brings.
    pub(super) fn followed_ring(&self) -> Result<Option<FollowedRing>> {
        match self.find(RING, &self.layout.ring())? {
            Found::Good(_, ring) => Ok(Some(ring)),
            Found::Corrupt(_) | Found::Missing => Ok(None),
        }
    }

    /// Marks a bundle as failed beside the state, durable when it returns.
    pub(super) fn mark_failed(&self, failed: &FailedBundle) -> Result<()> {
        self.replace_durably(&self.marker(&failed.version, failed.digest.as_ref()), FAILURE, failed)
    }

    /// Takes a mark away whose state could not be written, durably: the bundle works.
    pub(super) fn withdraw_mark(&self, record: &BundleRecord) -> Result<()> {
        let path = self.marker(&record.version, record.digest.as_ref());
        if self.kind(&path)?.is_none() {
            return Ok(());
        }
        self.remove_file_if_there(&path)?;
        let folder = self.layout.failed();
        self.files.sync_folder(&folder).with_path("sync the folder", &folder)
    }

    /// Takes the mark away again.
    pub(super) fn unmark_failed(&self, failed: &FailedBundle) -> Result<()> {
        let path = self.marker(&failed.version, failed.digest.as_ref());
        self.remove_file_if_there(&path)
    }

    /// Removes the marks of failures that the state has forgotten.
    pub(super) fn sweep_marks(&self, state: &State) -> Result<()> {
        let (folder, mut kept) = (self.layout.failed(), Vec::new());
        kept.extend((state.failed.iter()).map(|failed| self.marker(&failed.version, failed.digest.as_ref())));
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

    /// Every record that can be read.
    pub(super) fn records(&self) -> Result<Vec<BundleRecord>> {
        self.read_all(&self.layout.records(), RECORD, "json")
    }

    pub(super) fn kind(&self, path: &Path) -> Result<Option<Kind>> {
        self.files.kind(path).with_path("look at", path)
    }

    pub(super) fn list(&self, folder: &Path) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in self.files.list(folder).with_path("list", folder)? {
            // Names that are not text were not made by the store.
            names.extend(name.into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// An empty store, or one that lost its state: the files beside it tell them apart.
    fn recover_or_start(&self) -> Result<Loaded> {
        let (records, failed) = (self.records_or_none()?, self.failures()?);
        if records.is_empty() && failed.is_empty() && self.built_in_releases()?.is_empty() {
            return Ok(Loaded::default());
        }
        self.recover(State::default(), 0, Lost::Corrupt("it is gone".to_owned()))
    }

    /// Completes an old or empty state from what lies beside it: failed bundles stay failed, installed ones installed,
    /// and the one that confirmed last is the fallback.
    fn recover(&self, mut state: State, generation: u64, lost: Lost) -> Result<Loaded> {
        state.recall_failures(self.failures()?);
        for record in self.records_or_none()? {
            let is_there = self.kind(&self.layout.bundle(&record.id))? == Some(Kind::Folder);
            let release = record.release.clone();
            let is_news = is_there && take_record(&mut state, record, &lost);
            // What a lost state accepted must not be forgotten, whatever became of the bundle; what one would have accepted
            // that could not be written counts with its bundle alone.
            if let Some(release) = release.filter(|_| is_news || matches!(lost, Lost::Corrupt(_))) {
                state.trust.recall(&release);
            }
        }
        let forbidden: Vec<BundleId> = state
            .bundles
            .values()
            .filter(|record| state.failure_of(&record.version, record.digest.as_ref()).is_some())
            .map(|record| record.id.clone())
            .collect();
        state.forget_bundles(&forbidden);
        if generation == 0 {
            let proven = state.bundles.values().filter(|record| record.proven_at.is_some());
            if let Some(last) = proven.max_by_key(|record| record.proven_at) {
                state.native_build.clone_from(&last.proven_build);
                state.native_version.clone_from(&last.proven_version);
                state.fallback = BundleRef::Bundle(last.id.clone());
                state.current = state.fallback.clone();
            }
        }
        if matches!(lost, Lost::Corrupt(_)) {
            for release in self.built_in_releases()?.iter() {
                // Behind the records: a bundle of a later release is not withdrawn by this one.
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

    /// Corrupt files among many are passed over: each stands for one bundle, and the others count all the same.
    fn read_all<T: FromJson>(&self, folder: &Path, what: &str, extension: &str) -> Result<Vec<T>> {
        let mut all = Vec::new();
        for name in self.list(folder)? {
            let path = folder.join(&name);
            if path.extension().is_some_and(|found| found == extension)
                && let Found::Good(_, contents) = self.find(what, &path)?
            {
                all.push(contents);
            }
        }
        Ok(all)
    }

    fn find<T: FromJson>(&self, what: &str, path: &Path) -> Result<Found<T>> {
        let bytes = match self.files.read(path, codec::MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
            Err(error) if is_not_a_file(&error) => return Ok(Found::Corrupt(error.to_string())),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        Ok(match codec::decode(what, &bytes) {
            Ok((generation, contents)) => Found::Good(generation, contents),
            Err(problem) => Found::Corrupt(problem),
        })
    }

    fn replace_durably<T: Serialize>(&self, path: &Path, what: &str, contents: &T) -> Result<()> {
        let temporary = temporary_of(path);
        self.write_encoded(&temporary, what, 0, contents)?;
        self.replace(&temporary, path)?;
        let folder = crate::io::atomic_file::folder_of(path);
        self.files.sync_folder(folder).with_path("sync the folder", folder)
    }

    fn write_encoded<T: Serialize>(&self, path: &Path, what: &str, generation: u64, contents: &T) -> Result<()> {
        let bytes = codec::encode(what, generation, contents).map_err(|error| Error::Corrupt {
            path: path.to_path_buf(),
            problem: format!("the {what} cannot be written as JSON: {error}"),
        })?;
        self.write_durably(path, &bytes)
    }

    /// Writes a file that nobody relies on yet; one that cannot be written is removed, since the disk is probably full.
    pub(super) fn write_durably(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let written = self.write(path, bytes);
        let written = written.and_then(|()| self.files.sync_file(path).with_path("write", path));
        written.map_err(|problem| match self.files.remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Error::LeftBehind {
                folder: path.to_path_buf(),
                problem: Box::new(problem),
                source,
            },
            _ => problem,
        })
    }

    /// One name for each thing that can fail: a digest, or a version without one.
    fn marker(&self, version: &str, digest: Option<&Sha256Digest>) -> PathBuf {
        let name = match digest {
            Some(digest) => digest.to_string(),
            None => format!("version-{}", Sha256Digest::of(version.as_bytes())),
        };
        self.layout.failed().join(format!("{name}.json"))
    }
}

/// A record is written before the state that follows from it, and so knows of a confirmation that a lost state knew.
/// Says whether the state did not know of it.
fn take_record(state: &mut State, record: BundleRecord, lost: &Lost) -> bool {
    let known = state.bundles.get(&record.id).map(|known| known.proven_at);
    if known.is_some_and(|proven_at| proven_at >= record.proven_at) {
        return false;
    }
    if known.is_some() && *lost == Lost::Unfinished {
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

fn temporary_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    path.with_file_name(name)
}

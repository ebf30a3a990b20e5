//! Freeing space.

use std::io;
use std::time::Duration;

use super::bundle_id::{BundleId, BundleRef};
use super::open::Store;
use super::records::BundleRecord;
use crate::error::{Error, IoContext, Result};
use crate::setters::setters;

/// The bundles that [`Store::clean`] keeps. A bundle must satisfy every rule that is set; bundles in use always stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KeepRules {
    /// At most this many, the newest by time of installation.
    pub newest: Option<usize>,
    /// Bundles installed at most this long ago.
    pub max_age: Option<Duration>,
    /// As many of the newest as fit into this many bytes, unpacked.
    pub max_total: Option<u64>,
}

impl KeepRules {
    setters! {
        with_newest(newest: impl Into<Option<usize>>);
        with_max_age(max_age: impl Into<Option<Duration>>);
        with_max_total(max_total: impl Into<Option<u64>>);
    }
}

/// The result of [`Store::clean`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// The removed bundles.
    pub removed: Vec<BundleRecord>,
    /// Size of their files in bytes.
    pub freed: u64,
}

/// The disk space used by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DiskUsage {
    /// Number of installed bundles.
    pub bundles: usize,
    /// Size of their files in bytes.
    pub bundle_bytes: u64,
    /// Free bytes.
    pub free: u64,
}

impl Store {
    /// The space used by the bundles, and the free space.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) if the state or the free space cannot be read.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let state = self.state()?;
        let path = self.storage.layout.bundles();
        Ok(DiskUsage {
            bundles: state.bundles.len(),
            bundle_bytes: state.bundles.values().map(|record| record.unpacked_size).sum(),
            free: self
                .storage
                .files
                .free_space(path)
                .with_path("read the free space of", path)?,
        })
    }

    /// Removes a bundle. Its folder is only renamed, so that the caller does not wait; the next [`sweep`](Self::sweep),
    /// [`clean`](Self::clean) or installation removes the files and frees their space.
    ///
    /// # Errors
    /// [`InUse`](crate::ErrorKind::InUse) if it is current, next, fallback or served by a running session;
    /// [`NotFound`](crate::ErrorKind::NotFound); otherwise as [`set_next`](Self::set_next).
    pub fn delete(&self, id: &BundleId) -> Result<()> {
        let served = self.serves(id);
        let kept_failure = self.change_from_reserve(|state| {
            // Under the lock, so that no session starts to serve it meanwhile.
            if served || self.is_served_elsewhere(id)? {
                return Err(Error::InUse {
                    id: id.to_string(),
                    role: "served by a running session",
                });
            }
            if state.failed.iter().any(|failed| failed.id == *id) && !state.bundles.contains_key(id) {
                return Ok(true);
            }
            state
                .delete(id)
                .map_err(|refusal| refusal.into_error(&BundleRef::Bundle(id.clone())))?;
            Ok(false)
        })?;
        if kept_failure && self.storage.kind(&self.folder(id))?.is_none() {
            return Err(id.unknown());
        }
        self.set_aside(id)
    }

    /// Removes the bundles that the rules do not keep, then sweeps as [`sweep`](Self::sweep). For a background thread.
    ///
    /// The current, next and fallback bundles stay, and bundles that a running session serves. So does the predecessor
    /// of the fallback, until the fallback has confirmed [`silent_starts`](crate::store::StoreOptions::silent_starts)
    /// later starts.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io). Bundles removed before an error stay removed.
    pub fn clean(&self, keep: &KeepRules) -> Result<Cleaned> {
        let mut cleaned = Cleaned::default();
        for record in self.not_kept(keep)? {
            let id = &record.id;
            let served = self.serves(id);
            // Its role may have changed since it was selected, or a session may serve it by now: then it stays.
            let deleted = self.change_from_reserve(|state| match state.role(id) {
                Some(_) => Ok(None),
                None if state.is_predecessor(id) => Ok(None),
                None if !state.bundles.contains_key(id) => Ok(None),
                None if served || self.is_served_elsewhere(id)? => Ok(None),
                None => state
                    .delete(id)
                    .map(Some)
                    .map_err(|refusal| refusal.into_error(&id.clone().into())),
            })?;
            if let Some(record) = deleted {
                self.set_aside(&record.id)?;
                cleaned.freed += record.unpacked_size;
                cleaned.removed.push(record);
            }
        }
        self.sweep()?;
        Ok(cleaned)
    }

    /// Removes the files of deleted and failed bundles, and leftovers of crashes. For a background thread: removing
    /// thousands of files takes seconds.
    ///
    /// [`confirm`](Self::confirm), [`trial_expired`](Self::trial_expired), [`mark_failed`](Self::mark_failed) and
    /// [`delete`](Self::delete) only rename the folder of a bundle, so that the caller does not wait. An installation
    /// sweeps first, since it needs the space, so without this call at most one update's leftovers accumulate. This
    /// call frees the space earlier.
    ///
    /// After a crash the next sweep continues. A sweep continues after an error.
    ///
    /// # Errors
    /// The first error: [`Busy`](crate::ErrorKind::Busy), [`Io`](crate::ErrorKind::Io).
    pub fn sweep(&self) -> Result<()> {
        // The renamed folders first: on a full disk there is no space for another name before.
        let removed = self.storage.sweep_staging();
        let (aside, sessions) = (self.set_aside_orphans(), self.sweep_sessions());
        removed.and(aside).and(sessions).and(self.storage.sweep_staging())
    }

    /// As [`sweep`](Self::sweep), for an operation that needs the space. Files that cannot be removed are a
    /// [warning](Self::take_warnings), since they must not keep a device from its update.
    pub(super) fn sweep_for_space(&self) -> Result<()> {
        let removed = self.storage.sweep_staging();
        self.set_aside_orphans()?;
        if let Err(error) = removed.and(self.storage.sweep_staging()) {
            self.warn(error);
        }
        Ok(())
    }

    fn not_kept(&self, keep: &KeepRules) -> Result<Vec<BundleRecord>> {
        let (state, now) = (self.state()?, (self.clock)());
        let mut newest_first: Vec<_> = state.bundles.values().collect();
        newest_first.sort_by(|a, b| (b.installed_at, &b.id).cmp(&(a.installed_at, &a.id)));
        let mut total = 0_u64;
        let mut not_kept = Vec::new();
        for (rank, record) in newest_first.into_iter().enumerate() {
            total = total.saturating_add(record.unpacked_size);
            let keeps = keep.newest.is_none_or(|newest| rank < newest)
                && keep.max_age.is_none_or(|age| now.since(record.installed_at) <= age)
                && keep.max_total.is_none_or(|most| total <= most);
            if !keeps && state.role(&record.id).is_none() && !state.is_predecessor(&record.id) {
                not_kept.push(record.clone());
            }
        }
        Ok(not_kept)
    }

    /// Moves the folders of bundles that the state does not reference into the staging folder: leftovers of failures
    /// and crashes. Only bundles that the store installed (they have a record) are moved, since the folder of a host
    /// may contain others.
    pub(super) fn set_aside_orphans(&self) -> Result<()> {
        let used = self.used_bundles();
        let _lock = self.lock(self.options.lock_timeout)?;
        let loaded = self.storage.load()?;
        // A bundle that only the visible state no longer references may still be referenced by a durable one after a
        // power cut.
        self.settle(&loaded)?;
        let state = loaded.state;
        self.sweep_temporaries()?;
        self.storage.sweep_marks(&state)?;
        // During a recovery this folder shows that there was a state.
        if loaded.recovered.is_none() {
            self.storage.set_aside_damaged_state()?;
        }
        let names = self.storage.list(&self.storage.layout.records())?;
        // A crash may leave a list without its record.
        let mut ids: Vec<BundleId> = names
            .iter()
            .filter_map(|name| name.split('.').next()?.parse().ok())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let is_kept = |id: &BundleId| {
            let kept_failure = !self.options.auto_delete_failed && state.failed.iter().any(|failed| failed.id == *id);
            state.bundles.contains_key(id) || kept_failure || used.iter().any(|bundle| bundle.is(id))
        };
        ids.retain(|id| !is_kept(id));
        if ids.is_empty() {
            return Ok(());
        }
        let served_elsewhere = self.served_elsewhere()?;
        ids.retain(|id| !served_elsewhere.contains(id));
        self.set_all_aside(&ids)
    }

    /// Removes the temporary files of records, marks, rings and denylists that crashes left. All are written under the
    /// lock, so none is being written now.
    fn sweep_temporaries(&self) -> Result<()> {
        for folder in [self.storage.layout.records(), self.storage.layout.failed()] {
            for name in self.storage.list(&folder)? {
                let path = folder.join(name);
                if path.extension().is_some_and(|extension| extension == "tmp") {
                    self.storage.remove_file_if_there(&path)?;
                }
            }
        }
        self.storage.sweep_temporaries_in_root()
    }

    /// Moves the folder of a bundle that the state no longer references into the staging folder, where the next sweep
    /// removes it, and removes its record.
    pub(super) fn set_aside(&self, id: &BundleId) -> Result<()> {
        self.set_all_aside(std::slice::from_ref(id))
    }

    /// As [`set_aside`](Self::set_aside), for several bundles with one sync: callers wait for it.
    fn set_all_aside(&self, ids: &[BundleId]) -> Result<()> {
        for id in ids {
            self.move_to_staging(id)?;
        }
        // Also if a folder is missing already: that may not be durable yet, and the record must not be removed first.
        let bundles = self.storage.layout.bundles();
        self.storage
            .files
            .sync_folder(bundles)
            .with_path("sync the folder", bundles)?;
        ids.iter().try_for_each(|id| self.remove_record(id))
    }

    fn move_to_staging(&self, id: &BundleId) -> Result<()> {
        let folder = self.folder(id);
        if self.storage.kind(&folder)?.is_none() {
            return Ok(());
        }
        let staged = self.storage.stage()?;
        match self.storage.files.rename(&folder, &staged.path) {
            Ok(()) => Ok(()),
            // Another sweep removed it first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.storage.unstage(staged),
            Err(error) => {
                let error = Error::io("move away", &folder, error);
                self.storage.unstage(staged).and(Err(error))
            }
        }
    }

    pub(super) fn remove_record(&self, id: &BundleId) -> Result<()> {
        let layout = &self.storage.layout;
        self.storage.remove_file_if_there(&layout.record(id))?;
        self.storage.remove_file_if_there(&layout.file_list(id))
    }
}

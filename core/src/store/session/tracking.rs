//! The sessions of a store: which bundles they serve, and how they started.

use std::io;
use std::sync::{MutexGuard, PoisonError};

use super::handle::MAX_PIN;
use super::served::{Launch, LaunchReason};
use super::start::{Page, Place, SessionStart};
use crate::error::{Error, IoContext, Result};
use crate::io::vfs::is_not_a_file;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::open::Store;
use crate::store::storage::START;

impl Store {
    /// Records which bundle this session serves, for other processes. Not durable, since it means nothing after a
    /// crash.
    pub(in crate::store) fn pin(&self, slot: &BundleRef) -> Result<()> {
        self.write_pin(&slot.to_string())
    }

    /// As [`pin`](Self::pin), with the preview that is served instead.
    pub(in crate::store) fn pin_preview(&self, slot: &BundleRef, preview: &BundleRef) -> Result<()> {
        self.write_pin(&format!("{slot} {preview}"))
    }

    fn write_pin(&self, text: &str) -> Result<()> {
        if self.session.registration_error().is_some() {
            return Ok(());
        }
        let path = self.storage.layout.session(&self.session.name);
        let written = self.storage.files.write(&path, text.as_bytes());
        written.with_path("write", &path)
    }

    /// The bundle that this session recorded before its store was closed; `None` if it had not launched.
    pub(in crate::store) fn served_before(&self) -> Result<Option<Launch>> {
        let path = self.storage.layout.session(&self.session.name);
        let bytes = self.storage.files.read(&path, MAX_PIN).with_path("read", &path)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        // A preview, which follows, ended with its process.
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let slot = text.split(' ').next().and_then(|text| text.parse().ok());
        let bundle: BundleRef = slot.ok_or_else(|| Error::Corrupt {
            path,
            problem: "expected the id of the served bundle".to_owned(),
        })?;
        let state = self.state()?;
        let record = bundle.bundle().and_then(|id| state.bundles.get(id));
        Ok(Some(Launch {
            // Even if it has failed since: its files stay until the session ends.
            folder: bundle.bundle().map(|id| self.folder(id)),
            version: record.map(|record| record.version.clone()),
            on_trial: state.trial.is_some() && state.current == bundle,
            bundle,
            reason: LaunchReason::Resumed,
            failed: None,
        }))
    }

    /// Whether this session serves the bundle, or a preview instead of it. Must not be called under the store's lock: a
    /// launch holds the served bundle while it waits for that lock.
    pub(in crate::store) fn serves(&self, id: &BundleId) -> bool {
        self.used_bundles().iter().any(|bundle| bundle.is(id))
    }

    /// What this session serves, and what its preview replaced. As [`serves`](Self::serves), not under the store's lock.
    pub(in crate::store) fn used_bundles(&self) -> [BundleRef; 2] {
        let bundle = |launch: &Option<Launch>| launch.as_ref().map(|launch| launch.bundle.clone()).unwrap_or_default();
        let under = bundle(&self.session.under_preview());
        [bundle(&self.session.served()), under]
    }

    /// Whether another running session serves the bundle. A caller that removes it calls this under the store's lock.
    pub(in crate::store) fn is_served_elsewhere(&self, id: &BundleId) -> Result<bool> {
        Ok(self.served_elsewhere()?.contains(id))
    }

    /// The bundles that other running sessions serve.
    pub(in crate::store) fn served_elsewhere(&self) -> Result<Vec<BundleId>> {
        let sessions = self.storage.layout.sessions();
        let mut served_by_others = Vec::new();
        for name in self.storage.list(&sessions)? {
            if name == self.session.name || name.ends_with(START) || !self.is_alive(&name) {
                continue;
            }
            let path = sessions.join(&name);
            let served = match self.storage.files.read(&path, MAX_PIN) {
                Ok(served) => served,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("read", &path, error)),
            };
            // A session that has not launched serves nothing.
            let served = std::str::from_utf8(&served).unwrap_or_default();
            served_by_others.extend(served.split(' ').filter_map(|id| id.parse().ok()));
        }
        Ok(served_by_others)
    }

    /// Whether a session still runs. If that is unknown it counts as running, so that nothing is removed or counted
    /// against a bundle.
    pub(in crate::store) fn is_alive(&self, session: &str) -> bool {
        if session == self.session.name {
            return true;
        }
        // Shared, so that two concurrent checks do not take each other for the session.
        match self
            .storage
            .files
            .try_lock_shared(&self.storage.layout.session(session))
        {
            Ok(lock) => lock.is_none(),
            Err(error) => error.kind() != io::ErrorKind::NotFound && !is_not_a_file(&error),
        }
    }

    /// Removes the files of ended sessions. The record of a silent start stays until a launch has counted it.
    pub(in crate::store) fn sweep_sessions(&self) -> Result<()> {
        let starts = self.past_starts().into_iter();
        let said_nothing = starts.filter(|(_, start)| start.as_ref().and_then(SessionStart::silent).is_none());
        let said_nothing: Vec<String> = said_nothing.map(|(session, _)| session).collect();
        self.storage.remove_starts(&said_nothing)?;
        let sessions = self.storage.layout.sessions();
        for name in self.storage.list(&sessions)? {
            if name.ends_with(START) {
                continue;
            }
            let path = sessions.join(name);
            match self.storage.files.try_lock_shared(&path) {
                // Removed while locked: a session that is just starting sees that and takes another name.
                Ok(Some(_lock)) => self.storage.remove_file_if_there(&path)?,
                Ok(None) => {}
                // Another sweep removed it first, or it is a dangling link.
                Err(error) if error.kind() == io::ErrorKind::NotFound || is_not_a_file(&error) => {
                    self.storage.remove_file_if_there(&path)?;
                }
                Err(error) => return Err(Error::io("lock", &path, error)),
            }
        }
        Ok(())
    }

    /// The recorded starts of ended sessions.
    pub(in crate::store) fn past_starts(&self) -> Vec<(String, Option<SessionStart>)> {
        let mut starts = self.storage.starts();
        starts.retain(|(session, _)| !self.is_alive(session));
        starts
    }

    pub(in crate::store) fn start(&self) -> MutexGuard<'_, SessionStart> {
        self.session.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the page of a proven bundle started.
    pub(in crate::store) fn note_page(&self, id: &BundleId) {
        self.note_start(|start| {
            if start.page != Page::Confirmed {
                start.page = Page::Started(id.clone());
            }
        });
    }

    pub(in crate::store) fn note_confirmed(&self) {
        self.note_start(|start| start.page = Page::Confirmed);
    }

    /// Records that a preview replaced the page: it ends, but not silently.
    pub(in crate::store) fn note_replaced(&self) {
        self.note_suspended(true);
        self.note_start(|start| {
            if start.page != Page::Confirmed {
                start.page = Page::None;
            }
        });
    }

    pub(in crate::store) fn note_suspended(&self, suspended: bool) {
        self.start().suspended = suspended;
    }

    pub(in crate::store) fn note_background(&self) {
        self.note_start(|start| start.place = Place::Background);
    }

    pub(in crate::store) fn note_foreground(&self) {
        self.note_start(|start| {
            start.suspended = false;
            if start.place == Place::Background {
                start.place = Place::Returned;
            }
        });
    }

    /// A start that cannot be recorded still applies to this process, and is a warning.
    fn note_start(&self, change: impl FnOnce(&mut SessionStart)) {
        let mut start = self.start();
        let before = start.to_text();
        change(&mut start);
        let text = start.to_text();
        // Other processes do not see this session, and would find no process behind the file.
        if text == before || self.session.registration_error().is_some() {
            return;
        }
        let path = self.storage.layout.start(&self.session.name);
        if let Err(error) = self.storage.files.write(&path, text.as_bytes()) {
            // A stale record must not stay: it may count a confirmed start against the bundle.
            let removed = match self.storage.files.remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_path("remove", &path),
                _ => Ok(()),
            };
            drop(start);
            self.warn(removed.err().unwrap_or_else(|| Error::io("write", &path, error)));
        }
    }
}

// These tests pack the bundles that they install.
#[cfg(all(test, feature = "pack"))]
mod tests;

//! Changing the state: one durable step under the lock.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::open::Store;
use super::state::{Loaded, MAX_FAILED, StoreState, missing_from};
use crate::error::{ErrorKind, Result};
use crate::io::vfs::Lock;

/// One change of the state, from loading it to making it durable. Made under the lock.
struct Transaction<'a> {
    store: &'a Store,
    before: Loaded,
    state: StoreState,
    caught_up: bool,
}

impl<'a> Transaction<'a> {
    fn begin(store: &'a Store) -> Result<Self> {
        let before = store.storage.load()?;
        let mut state = before.state.clone();
        let caught_up = store.catch_up(&mut state);
        Ok(Self {
            store,
            before,
            state,
            caught_up,
        })
    }

    fn save(&self) -> Result<()> {
        self.store.save(&self.before, &self.state)?;
        if self.caught_up {
            self.store.session.mark_native_recorded();
        }
        Ok(())
    }
}

impl Store {
    pub(super) fn state(&self) -> Result<StoreState> {
        let mut state = self.storage.load()?.state;
        self.catch_up(&mut state);
        Ok(state)
    }

    /// Applies the launch of this session to the state if it could not be written then. Otherwise the next launch would
    /// be the first to see the new native build, and would treat what is installed meanwhile as leftovers of the old
    /// one. Returns whether there was such a launch.
    fn catch_up(&self, state: &mut StoreState) -> bool {
        let unnoted = self.session.unrecorded_native();
        if let Some(native) = unnoted {
            state.take_native(&self.rules(), native);
        }
        unnoted.is_some()
    }

    /// The state. One that was recovered from records and marks, or that lacks an unwritten launch, is written first,
    /// so that it can be relied on.
    pub(super) fn settled(&self) -> Result<Loaded> {
        let loaded = self.storage.load()?;
        if loaded.recovered.is_none() && self.session.unrecorded_native().is_none() {
            return Ok(loaded);
        }
        self.change(|_| Ok(()))?;
        self.storage.load()
    }

    /// Changes the state under the lock, durable when it returns.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut StoreState) -> Result<T>) -> Result<T> {
        let _lock = self.lock(self.options.lock_timeout)?;
        self.change_locked(change)
    }

    /// As [`change`](Self::change), for a caller that holds the lock.
    ///
    /// Only this part is generic: nearly every operation of the store instantiates it.
    pub(super) fn change_locked<T>(&self, make: impl FnOnce(&mut StoreState) -> Result<T>) -> Result<T> {
        let mut transaction = Transaction::begin(self)?;
        let result = make(&mut transaction.state)?;
        transaction.save()?;
        Ok(result)
    }

    /// As [`change`](Self::change), also on a full disk. For changes that end or excuse an attempt, and for those that
    /// free space.
    pub(super) fn change_from_reserve<T>(&self, mut change: impl FnMut(&mut StoreState) -> Result<T>) -> Result<T> {
        let _lock = self.lock(self.options.lock_timeout)?;
        self.change_locked_from_reserve(&mut change)
    }

    /// As [`change_from_reserve`](Self::change_from_reserve), for a caller that holds the lock.
    pub(super) fn change_locked_from_reserve<T>(
        &self,
        change: &mut dyn FnMut(&mut StoreState) -> Result<T>,
    ) -> Result<T> {
        match self.change_locked(&mut *change) {
            Err(error) if error.kind() == ErrorKind::NoSpace => {
                if !self.storage.release_reserve()? {
                    return Err(error);
                }
            }
            result => return result,
        }
        // The removal that follows needs some space as well. The next trial or start creates the reserve again.
        self.change_locked(change)
    }

    /// Creates the reserve if it is missing and no other process is changing the store.
    pub(super) fn try_keep_reserve(&self) -> Result<()> {
        if self.storage.has_reserve()? {
            return Ok(());
        }
        let lock = self.storage.layout.lock();
        match self.storage.try_lock(&lock)? {
            Some(_lock) => self.storage.keep_reserve(),
            None => Ok(()),
        }
    }

    /// Writes a changed state, and the marks of failed bundles around it: a mark is written before the state that
    /// relies on it, and removed after the state that no longer does.
    pub(super) fn save(&self, before: &Loaded, state: &StoreState) -> Result<()> {
        if before.state == *state && before.recovered.is_none() {
            return self.settle(before);
        }
        // A trial may begin only if its outcome can be written.
        if state.attempt().is_some() && state.attempt() != before.state.attempt() {
            self.storage.keep_reserve()?;
        }
        for failed in missing_from(&state.failed, &before.state.failed) {
            self.storage.mark_failed(failed)?;
        }
        self.storage.save(before, state)?;
        self.durable.store(before.generation + 1, Ordering::Relaxed);
        // An earlier version kept more; the sweep removes those, since a launch may wait for this.
        let gone = missing_from(&before.state.failed, &state.failed);
        for failed in gone.into_iter().take(MAX_FAILED) {
            // The state no longer relies on it; a remaining mark matters only if the state is lost.
            self.warn_of(self.storage.unmark_failed(failed));
        }
        Ok(())
    }

    /// Makes the loaded state durable unless that is known. For results that rely on it without changing it.
    pub(super) fn settle(&self, loaded: &Loaded) -> Result<()> {
        if self.durable.load(Ordering::Relaxed) != loaded.generation {
            self.storage.sync_root()?;
            self.durable.store(loaded.generation, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(super) fn lock(&self, patience: Duration) -> Result<Box<dyn Lock>> {
        self.storage.lock(&self.storage.layout.lock(), patience)
    }
}

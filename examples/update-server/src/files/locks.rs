//! Locks for single archives, so that none is removed while it is registered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// While this is held, no other task stores, registers or removes the archive.
pub(crate) type ArchiveLock = OwnedMutexGuard<()>;

/// The locks of all archives in use. Separate from the database's writer, because a bucket may be slow and must delay only
/// requests for the same archive.
#[derive(Debug, Default)]
pub(crate) struct ArchiveLocks(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl ArchiveLocks {
    /// Locks the archive `path`; waits while another task holds it.
    pub(crate) async fn lock(&self, path: &str) -> ArchiveLock {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| lock.strong_count() > 0);
            if let Some(lock) = locks.get(path).and_then(Weak::upgrade) {
                lock
            } else {
                let lock = Arc::new(AsyncMutex::default());
                locks.insert(path.to_owned(), Arc::downgrade(&lock));
                lock
            }
        };
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_a_lock_of_the_same_archive_waits() {
        let locks = ArchiveLocks::default();
        let first = locks.lock("app/a.zip").await;
        let _other = locks.lock("app/b.zip").await;
        let second = tokio::time::timeout(Duration::from_millis(50), locks.lock("app/a.zip"));
        assert!(second.await.is_err());
        drop(first);
        let _second = locks.lock("app/a.zip").await;
        assert_eq!(locks.0.lock().unwrap().len(), 2);
    }
}

//! Who works with an archive: one at a time, so that none is removed while it is registered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// An archive that nobody else keeps, registers or removes while this lives.
pub(crate) type Claim = OwnedMutexGuard<()>;

/// The turns of all archives that somebody works with. Not the lock of writers: a bucket may take its time, and only whoever
/// wants the very same archive has to wait for it.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<String, Weak<Turn<()>>>>);

impl Claims {
    /// Waits for the turn at the archive of this path.
    pub(crate) async fn claim(&self, path: &str) -> Claim {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            if let Some(turn) = turns.get(path).and_then(Weak::upgrade) {
                turn
            } else {
                let turn = Arc::new(Turn::default());
                turns.insert(path.to_owned(), Arc::downgrade(&turn));
                turn
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_the_same_archive_waits() {
        let claims = Claims::default();
        let first = claims.claim("app/a.zip").await;
        let _other = claims.claim("app/b.zip").await;
        let second = tokio::time::timeout(Duration::from_millis(50), claims.claim("app/a.zip"));
        assert!(second.await.is_err());
        drop(first);
        let _second = claims.claim("app/a.zip").await;
        assert_eq!(claims.0.lock().unwrap().len(), 2);
    }
}

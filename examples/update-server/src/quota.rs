//! Limits what each client may hold at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

type Counts<K> = Arc<Mutex<HashMap<K, usize>>>;

/// Counts what each client holds, up to a maximum per client.
#[derive(Debug)]
pub(crate) struct Quota<K> {
    max: usize,
    held: Counts<K>,
}

/// One unit of a client's quota, released on drop.
#[derive(Debug)]
pub(crate) struct QuotaGuard<K: Eq + Hash> {
    client: K,
    held: Counts<K>,
}

impl<K: Eq + Hash + Clone> Quota<K> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            held: Arc::default(),
        }
    }

    /// Takes a unit for `client`; `None` if the client already holds the maximum.
    pub(crate) fn take(&self, client: &K) -> Option<QuotaGuard<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client.clone()).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(QuotaGuard {
            client: client.clone(),
            held: Arc::clone(&self.held),
        })
    }
}

impl<K: Eq + Hash> Drop for QuotaGuard<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_quota_and_releases_it_on_drop() {
        let quota = Quota::new(2);
        let first = quota.take(&"a");
        let second = quota.take(&"a");
        assert!(first.is_some() && second.is_some() && quota.take(&"a").is_none());
        assert!(quota.take(&"b").is_some());
        drop(first);
        assert!(quota.take(&"a").is_some());
        drop(second);
        assert!(quota.held.lock().is_ok_and(|held| held.is_empty()));
    }
}

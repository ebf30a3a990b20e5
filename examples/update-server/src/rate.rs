//! How often one client may ask.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Clients remembered at once. Past it those that have not asked for a minute are forgotten.
const MAX_CLIENTS: usize = 50_000;

/// A bucket of tokens for each client: a minute's worth, filled again evenly.
#[derive(Debug)]
pub(crate) struct Rate<K> {
    per_minute: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Rate<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: f64::from(per_minute),
            buckets: Mutex::default(),
        }
    }

    /// Takes a token of `client`, or says in how many seconds there will be one.
    pub(crate) fn take(&self, client: K, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_CLIENTS {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < Duration::from_secs(60));
        }
        if buckets.len() >= MAX_CLIENTS && !buckets.contains_key(&client) {
            return Err(60);
        }
        let bucket = buckets.entry(client).or_insert(Bucket {
            tokens: self.per_minute,
            at: now,
        });
        let passed = now.duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * self.per_minute / 60.0).min(self.per_minute);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - bucket.tokens) * 60.0 / self.per_minute.max(f64::MIN_POSITIVE);
        Err(Duration::try_from_secs_f64(wait.ceil()).map_or(60, |wait| wait.as_secs().clamp(1, 60)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minutes_worth_is_free_then_they_come_evenly() {
        let (rate, start) = (Rate::new(60), Instant::now());
        for _ in 0..60 {
            assert_eq!(rate.take("a", start), Ok(()));
        }
        assert_eq!(rate.take("a", start), Err(1));
        assert_eq!(rate.take("b", start), Ok(()), "another client has a bucket of its own");
        let later = start + Duration::from_secs(2);
        assert_eq!(rate.take("a", later), Ok(()));
        assert_eq!(rate.take("a", later), Ok(()));
        assert_eq!(rate.take("a", later), Err(1));
    }

    #[test]
    fn a_slow_rate_says_how_long_to_wait() {
        let (rate, start) = (Rate::new(2), Instant::now());
        assert_eq!((rate.take((), start), rate.take((), start)), (Ok(()), Ok(())));
        assert_eq!(rate.take((), start), Err(30));
    }

    #[test]
    fn idle_clients_are_forgotten_before_new_ones_are_turned_away() {
        let (rate, start) = (Rate::new(60), Instant::now());
        for client in 0..MAX_CLIENTS {
            rate.take(client, start).unwrap_or_default();
        }
        assert_eq!(rate.take(MAX_CLIENTS, start), Err(60));
        assert_eq!(rate.take(MAX_CLIENTS, start + Duration::from_secs(61)), Ok(()));
    }
}

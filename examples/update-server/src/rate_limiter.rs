//! Rate limits of clients.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::network;

/// Clients in the table at most, in two halves.
const MAX_CLIENTS: usize = 50_000;
/// All networks of an IPv6 site together have the rate of this many clients. This is more than an office needs, and far less than
/// the 65,536 networks of a /48 would have.
const CLIENTS_PER_SITE: u32 = 16;

/// A token bucket for each client. It holds one minute's tokens and refills evenly.
#[derive(Debug)]
pub(crate) struct RateLimiter<K> {
    per_minute: f64,
    buckets: Mutex<Generations<K>>,
}

#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    tokens: f64,
    at: Instant,
}

/// Two generations of clients. When the recent one is full, it replaces the older one. This bounds the table, rejects no client
/// because the table is full, and inserts in constant time.
#[derive(Debug)]
struct Generations<K> {
    recent: HashMap<K, TokenBucket>,
    older: HashMap<K, TokenBucket>,
}

impl<K: Eq + Hash> Generations<K> {
    /// The client's bucket, or `new` if the client is not in the table.
    fn bucket(&mut self, client: K, new: TokenBucket) -> &mut TokenBucket {
        let known = self.older.remove(&client);
        if self.recent.len() >= MAX_CLIENTS / 2 && !self.recent.contains_key(&client) {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.entry(client).or_insert(known.unwrap_or(new))
    }
}

impl<K: Eq + Hash> RateLimiter<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        let buckets = Generations {
            recent: HashMap::new(),
            older: HashMap::new(),
        };
        Self {
            per_minute: f64::from(per_minute),
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes a token of `client`, or returns the seconds until the next one.
    pub(crate) fn take(&self, client: K, now: Instant) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let full = TokenBucket {
            tokens: self.per_minute,
            at: now,
        };
        let bucket = buckets.bucket(client, full);
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

/// Rate limits by address: one for each client, and a common one for all networks of an IPv6 site.
#[derive(Debug)]
pub(crate) struct AddressRateLimiter {
    clients: RateLimiter<IpAddr>,
    sites: RateLimiter<IpAddr>,
}

impl AddressRateLimiter {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            clients: RateLimiter::new(per_minute),
            sites: RateLimiter::new(per_minute.saturating_mul(CLIENTS_PER_SITE)),
        }
    }

    /// Takes a token of the client at `address`, or returns the seconds until the next one.
    pub(crate) fn take(&self, address: IpAddr, now: Instant) -> Result<(), u64> {
        let client = network::of_client(address);
        // The site comes first, so that a site over its rate cannot fill the table of clients.
        if client.is_ipv6() {
            self.sites.take(network::of_site(address), now)?;
        }
        self.clients.take(client, now)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn a_burst_of_one_minute_is_allowed_and_then_an_even_rate() {
        let (rate, start) = (RateLimiter::new(60), Instant::now());
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
    fn a_rejection_says_how_long_to_wait() {
        let (rate, start) = (RateLimiter::new(2), Instant::now());
        assert_eq!((rate.take((), start), rate.take((), start)), (Ok(()), Ok(())));
        assert_eq!(rate.take((), start), Err(30));
    }

    #[test]
    fn a_full_table_rejects_no_client_and_keeps_recent_ones() {
        let (rate, start) = (RateLimiter::new(1), Instant::now());
        for client in 0..3 * MAX_CLIENTS {
            assert_eq!(rate.take(client, start), Ok(()));
        }
        assert!(
            rate.take(3 * MAX_CLIENTS - 1, start).is_err(),
            "a recent client stays in the table"
        );
        let buckets = rate.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(buckets.recent.len() + buckets.older.len() <= MAX_CLIENTS);
    }

    #[test]
    fn one_ipv6_site_does_not_fill_the_table() {
        let (rate, start) = (AddressRateLimiter::new(10), Instant::now());
        let site = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));
        let took = (0..65_536u128).filter(|network| {
            let address = Ipv6Addr::from(site | (network << 64));
            rate.take(address.into(), start).is_ok()
        });
        assert_eq!(took.count(), 160);
        let clients = rate.clients.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(clients.recent.len(), 160);
        drop(clients);
        let other = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1);
        assert_eq!(rate.take(other.into(), start), Ok(()), "another site is not affected");
    }
}

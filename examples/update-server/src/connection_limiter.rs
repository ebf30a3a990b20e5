//! Limits open connections, and closes idle ones to accept new ones.
//!
//! A connection is *idle* while the server waits for its client to send the head of a request or a JSON body. At the limit, the
//! connection that has been idle longest is closed, of the network that has the most idle connections. A busy connection is
//! never closed for another one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::network;

/// One in this many connections is reserved for networks with few connections.
const RESERVED_SHARE: usize = 8;
/// A network has few connections while it has fewer than one in this many of the maximum.
const FEW_SHARE: usize = 64;

/// The open connections of a server.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    max: usize,
    max_idle: usize,
    /// Whether to limit each client. Behind a proxy all connections are the proxy's, which limits its clients itself.
    limit_clients: bool,
    started: Instant,
    table: Mutex<Table>,
    /// Notified when a connection ends or becomes idle.
    changed: Notify,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<ConnectionState>>,
}

/// The current state of a connection.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    client: IpAddr,
    site: IpAddr,
    idle: AtomicBool,
    /// Whether bytes of a response are not sent yet.
    write_pending: AtomicBool,
    /// When it became idle, in milliseconds since the start of the server.
    idle_since: AtomicU64,
    evict: Notify,
}

/// Counts one open connection until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    id: u64,
    limiter: Arc<ConnectionLimiter>,
    state: Arc<ConnectionState>,
}

impl ConnectionLimiter {
    pub(crate) fn new(max: usize, max_idle: usize, limit_clients: bool) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_idle,
            limit_clients,
            started: Instant::now(),
            table: Mutex::default(),
            changed: Notify::new(),
            evicted: AtomicU64::new(0),
        })
    }

    /// The number of open connections.
    pub(crate) fn open(&self) -> usize {
        self.table().open.len()
    }

    /// The number of idle connections that were closed for new ones.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Admits a connection from `address`. Waits while all connections are busy. Returns `None` if only the connections remain
    /// that are reserved for networks with fewer connections.
    pub(crate) async fn admit(self: &Arc<Self>, address: IpAddr) -> Option<ConnectionPermit> {
        loop {
            match self.try_admit(address) {
                Admission::Granted(connection) => return Some(connection),
                Admission::Rejected => return None,
                Admission::Full => self.changed.notified().await,
            }
        }
    }

    fn try_admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let (client, site) = (network::of_client(address), network::of_site(address));
        let mut table = self.table();
        let of_client = |state: &ConnectionState| state.client == client;
        if self.limit_clients && table.count(|state| of_client(state) && state.is_evictable()) >= self.max_idle {
            self.evict(&mut table, of_client);
        }
        let reserved = self.max / RESERVED_SHARE;
        let few = (self.max / FEW_SHARE).max(1);
        let open = table.open.len();
        if open >= self.max {
            let Some(site_to_evict) = table.site_with_most_idle() else {
                return Admission::Full;
            };
            self.evict(&mut table, |state| state.site == site_to_evict);
        } else if self.limit_clients
            && open >= self.max - reserved
            && table.count(|state| state.site == site) >= few
            && !self.evict(&mut table, |state| state.site == site)
        {
            return Admission::Rejected;
        }
        table.next += 1;
        let id = table.next;
        let state = Arc::new(ConnectionState {
            client,
            site,
            idle: AtomicBool::new(true),
            write_pending: AtomicBool::new(false),
            idle_since: AtomicU64::new(self.now()),
            evict: Notify::new(),
        });
        table.open.insert(id, Arc::clone(&state));
        Admission::Granted(ConnectionPermit {
            id,
            limiter: Arc::clone(self),
            state,
        })
    }

    /// Closes the connection that has been idle longest among those that match. Returns whether there was one.
    fn evict(&self, table: &mut Table, matches: impl Fn(&ConnectionState) -> bool) -> bool {
        let candidates = table.open.iter();
        let oldest = candidates
            .filter(|(_, state)| state.is_evictable() && matches(state))
            .min_by_key(|(id, state)| (state.idle_since.load(Ordering::Relaxed), **id))
            .map(|(id, _)| *id);
        let Some(state) = oldest.and_then(|id| table.open.remove(&id)) else {
            return false;
        };
        state.evict.notify_one();
        self.evicted.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

enum Admission {
    Granted(ConnectionPermit),
    Rejected,
    Full,
}

impl Table {
    fn count(&self, matches: impl Fn(&ConnectionState) -> bool) -> usize {
        self.open.values().filter(|state| matches(state)).count()
    }

    /// The site with the most idle connections.
    fn site_with_most_idle(&self) -> Option<IpAddr> {
        let mut idle: HashMap<IpAddr, usize> = HashMap::new();
        for state in self.open.values().filter(|state| state.is_evictable()) {
            *idle.entry(state.site).or_default() += 1;
        }
        idle.into_iter().max_by_key(|(_, count)| *count).map(|(site, _)| site)
    }
}

impl ConnectionState {
    fn is_evictable(&self) -> bool {
        self.idle.load(Ordering::Relaxed) && !self.write_pending.load(Ordering::Relaxed)
    }

    /// Marks the connection as busy: its request is complete.
    pub(crate) fn mark_busy(&self) {
        self.idle.store(false, Ordering::Relaxed);
    }

    /// Sets whether bytes of a response are not sent yet.
    pub(crate) fn set_write_pending(&self, write_pending: bool) {
        self.write_pending.store(write_pending, Ordering::Relaxed);
    }

    /// Returns when the connection must be closed.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl ConnectionPermit {
    pub(crate) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// Marks the connection as idle: the response is sent.
    pub(crate) fn mark_idle(&self) {
        self.state.idle_since.store(self.limiter.now(), Ordering::Relaxed);
        self.state.idle.store(true, Ordering::Relaxed);
        self.limiter.changed.notify_one();
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limiter.table().open.remove(&self.id);
        self.limiter.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    fn granted(limiter: &Arc<ConnectionLimiter>, address: &str) -> ConnectionPermit {
        match limiter.try_admit(address.parse().unwrap()) {
            Admission::Granted(connection) => connection,
            Admission::Rejected => panic!("rejected {address}"),
            Admission::Full => panic!("full for {address}"),
        }
    }

    fn is_open(connection: &ConnectionPermit) -> bool {
        connection.limiter.table().open.contains_key(&connection.id)
    }

    #[test]
    fn a_client_with_too_many_idle_connections_loses_its_oldest() {
        let limiter = ConnectionLimiter::new(100, 2, true);
        let other = granted(&limiter, "192.0.2.9");
        let mine: Vec<ConnectionPermit> = (0..3).map(|_| granted(&limiter, "192.0.2.1")).collect();
        assert_eq!(mine.iter().map(is_open).collect::<Vec<_>>(), [false, true, true]);
        assert!(is_open(&other));
        // A busy connection does not count and stays open.
        mine[1].state().mark_busy();
        let _fourth = granted(&limiter, "192.0.2.1");
        assert!(is_open(&mine[1]) && is_open(&mine[2]));
    }

    #[test]
    fn a_full_server_closes_an_idle_connection_of_the_site_with_the_most() {
        let limiter = ConnectionLimiter::new(4, 100, true);
        let quiet = granted(&limiter, "192.0.2.9");
        // The networks of one site count together.
        let site: Vec<ConnectionPermit> = (1..=3)
            .map(|network| granted(&limiter, &format!("2001:db8:1:{network}::1")))
            .collect();
        let newcomer = granted(&limiter, "192.0.2.10");
        assert_eq!(site.iter().map(is_open).collect::<Vec<_>>(), [false, true, true]);
        assert!(is_open(&quiet) && is_open(&newcomer));
        assert_eq!((limiter.open(), limiter.evicted()), (4, 1));
    }

    #[test]
    fn busy_connections_are_never_closed_and_the_last_connections_are_reserved_for_others() {
        let limiter = ConnectionLimiter::new(16, 100, true);
        let busy: Vec<ConnectionPermit> = (0..14).map(|_| granted(&limiter, "192.0.2.1")).collect();
        for connection in &busy {
            connection.state().mark_busy();
        }
        assert!(matches!(
            limiter.try_admit("192.0.2.1".parse().unwrap()),
            Admission::Rejected
        ));
        let others = [granted(&limiter, "192.0.2.2"), granted(&limiter, "192.0.2.3")];
        for connection in &others {
            connection.state().mark_busy();
        }
        assert!(matches!(
            limiter.try_admit("192.0.2.4".parse().unwrap()),
            Admission::Full
        ));
        assert!(busy.iter().chain(&others).all(is_open));
        busy[3].mark_idle();
        granted(&limiter, "192.0.2.4");
        assert!(!is_open(&busy[3]));
    }

    #[test]
    fn behind_a_proxy_only_the_total_number_of_connections_is_limited() {
        let limiter = ConnectionLimiter::new(16, 1, false);
        let proxy: Vec<ConnectionPermit> = (0..16).map(|_| granted(&limiter, "127.0.0.1")).collect();
        assert!(proxy.iter().all(is_open));
        granted(&limiter, "127.0.0.1");
        assert!(!is_open(&proxy[0]));
    }

    #[test]
    fn a_connection_with_an_unsent_response_stays_open() {
        let limiter = ConnectionLimiter::new(1, 100, true);
        let connection = granted(&limiter, "192.0.2.1");
        connection.state().set_write_pending(true);
        assert!(matches!(
            limiter.try_admit("192.0.2.4".parse().unwrap()),
            Admission::Full
        ));
    }
}

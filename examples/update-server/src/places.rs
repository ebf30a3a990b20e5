//! Which connections are open, and which one is closed when there are too many.
//!
//! A connection *waits* while its client owes something: the head of a request, or a JSON body. Such connections are closed to
//! make room, the oldest one of the network that has most of them first. A connection that is served is never closed for
//! another one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use crate::network;

/// Of all places, this share is kept for networks that have few connections.
const RESERVED_SHARE: usize = 8;
/// A network has few connections while it has less than this share of the places.
const FEW_SHARE: usize = 64;

/// All places of a server.
#[derive(Debug)]
pub(crate) struct Places {
    max: usize,
    max_waiting: usize,
    /// Whether the other ends are clients. Behind a proxy all connections are the proxy's, which has limits of its own.
    count_networks: bool,
    started: Instant,
    table: Mutex<Table>,
    /// A connection ended, or began to wait.
    changed: Notify,
    evicted: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Arc<Activity>>,
}

/// What a connection does at the moment.
#[derive(Debug)]
pub(crate) struct Activity {
    client: IpAddr,
    site: IpAddr,
    waits: AtomicBool,
    /// Whether the client has yet to take bytes of an answer.
    unsent: AtomicBool,
    /// Milliseconds from the start of the server until it began to wait.
    since: AtomicU64,
    evict: Notify,
}

/// One open connection; its place is free when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    id: u64,
    places: Arc<Places>,
    activity: Arc<Activity>,
}

impl Places {
    pub(crate) fn new(max: usize, max_waiting: usize, count_networks: bool) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_waiting,
            count_networks,
            started: Instant::now(),
            table: Mutex::default(),
            changed: Notify::new(),
            evicted: AtomicU64::new(0),
        })
    }

    /// Open connections.
    pub(crate) fn open(&self) -> usize {
        self.table().open.len()
    }

    /// Connections closed to make room, since the start.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// A place for a connection from `address`. Waits while every connection is served; `None` if the last places are for
    /// networks that have fewer connections.
    pub(crate) async fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        loop {
            match self.try_admit(address) {
                Admission::Granted(place) => return Some(place),
                Admission::Refused => return None,
                Admission::Full => self.changed.notified().await,
            }
        }
    }

    fn try_admit(self: &Arc<Self>, address: IpAddr) -> Admission {
        let (client, site) = (network::of_client(address), network::of_site(address));
        let mut table = self.table();
        let of_client = |activity: &Activity| activity.client == client;
        if self.count_networks && table.count(|activity| of_client(activity) && activity.may_go()) >= self.max_waiting {
            self.evict(&mut table, of_client);
        }
        let reserved = self.max / RESERVED_SHARE;
        let few = (self.max / FEW_SHARE).max(1);
        let open = table.open.len();
        if open >= self.max {
            let Some(heaviest) = table.heaviest_site() else {
                return Admission::Full;
            };
            self.evict(&mut table, |activity| activity.site == heaviest);
        } else if self.count_networks
            && open >= self.max - reserved
            && table.count(|activity| activity.site == site) >= few
            && !self.evict(&mut table, |activity| activity.site == site)
        {
            return Admission::Refused;
        }
        table.next += 1;
        let id = table.next;
        let activity = Arc::new(Activity {
            client,
            site,
            waits: AtomicBool::new(true),
            unsent: AtomicBool::new(false),
            since: AtomicU64::new(self.now()),
            evict: Notify::new(),
        });
        table.open.insert(id, Arc::clone(&activity));
        Admission::Granted(Place {
            id,
            places: Arc::clone(self),
            activity,
        })
    }

    /// Closes the connection that waits longest, of those that are `meant`; whether there was one.
    fn evict(&self, table: &mut Table, meant: impl Fn(&Activity) -> bool) -> bool {
        let candidates = table.open.iter();
        let oldest = candidates
            .filter(|(_, activity)| activity.may_go() && meant(activity))
            .min_by_key(|(id, activity)| (activity.since.load(Ordering::Relaxed), **id))
            .map(|(id, _)| *id);
        let Some(activity) = oldest.and_then(|id| table.open.remove(&id)) else {
            return false;
        };
        activity.evict.notify_one();
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
    Granted(Place),
    Refused,
    Full,
}

impl Table {
    fn count(&self, meant: impl Fn(&Activity) -> bool) -> usize {
        self.open.values().filter(|activity| meant(activity)).count()
    }

    /// The site with most waiting connections.
    fn heaviest_site(&self) -> Option<IpAddr> {
        let mut waiting: HashMap<IpAddr, usize> = HashMap::new();
        for activity in self.open.values().filter(|activity| activity.may_go()) {
            *waiting.entry(activity.site).or_default() += 1;
        }
        waiting
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(site, _)| site)
    }
}

impl Activity {
    fn may_go(&self) -> bool {
        self.waits.load(Ordering::Relaxed) && !self.unsent.load(Ordering::Relaxed)
    }

    /// Its request is complete, and served.
    pub(crate) fn is_served(&self) {
        self.waits.store(false, Ordering::Relaxed);
    }

    /// Whether the client has yet to take bytes of an answer.
    pub(crate) fn set_unsent(&self, unsent: bool) {
        self.unsent.store(unsent, Ordering::Relaxed);
    }

    /// Returns when the connection is to be closed.
    pub(crate) async fn evicted(&self) {
        self.evict.notified().await;
    }
}

impl Place {
    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// The answer is written: the client may ask again.
    pub(crate) fn waits(&self) {
        self.activity.since.store(self.places.now(), Ordering::Relaxed);
        self.activity.waits.store(true, Ordering::Relaxed);
        self.places.changed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.table().open.remove(&self.id);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;

    fn granted(places: &Arc<Places>, address: &str) -> Place {
        match places.try_admit(address.parse().unwrap()) {
            Admission::Granted(place) => place,
            Admission::Refused => panic!("refused {address}"),
            Admission::Full => panic!("full for {address}"),
        }
    }

    fn is_open(place: &Place) -> bool {
        place.places.table().open.contains_key(&place.id)
    }

    #[test]
    fn a_client_that_idles_too_much_loses_its_own_oldest_connection() {
        let places = Places::new(100, 2, true);
        let other = granted(&places, "192.0.2.9");
        let mine: Vec<Place> = (0..3).map(|_| granted(&places, "192.0.2.1")).collect();
        assert_eq!(mine.iter().map(is_open).collect::<Vec<_>>(), [false, true, true]);
        assert!(is_open(&other));
        // What is served does not count, and stays.
        mine[1].activity().is_served();
        let _fourth = granted(&places, "192.0.2.1");
        assert!(is_open(&mine[1]) && is_open(&mine[2]));
    }

    #[test]
    fn a_full_server_closes_a_waiting_connection_of_the_heaviest_site() {
        let places = Places::new(4, 100, true);
        let quiet = granted(&places, "192.0.2.9");
        // Networks of one site count together.
        let site: Vec<Place> = (1..=3)
            .map(|network| granted(&places, &format!("2001:db8:1:{network}::1")))
            .collect();
        let newcomer = granted(&places, "192.0.2.10");
        assert_eq!(site.iter().map(is_open).collect::<Vec<_>>(), [false, true, true]);
        assert!(is_open(&quiet) && is_open(&newcomer));
        assert_eq!((places.open(), places.evicted()), (4, 1));
    }

    #[test]
    fn served_connections_are_never_closed_and_the_last_places_are_for_others() {
        let places = Places::new(16, 100, true);
        let busy: Vec<Place> = (0..14).map(|_| granted(&places, "192.0.2.1")).collect();
        for place in &busy {
            place.activity().is_served();
        }
        assert!(matches!(
            places.try_admit("192.0.2.1".parse().unwrap()),
            Admission::Refused
        ));
        let others = [granted(&places, "192.0.2.2"), granted(&places, "192.0.2.3")];
        for place in &others {
            place.activity().is_served();
        }
        assert!(matches!(
            places.try_admit("192.0.2.4".parse().unwrap()),
            Admission::Full
        ));
        assert!(busy.iter().chain(&others).all(is_open));
        busy[3].waits();
        granted(&places, "192.0.2.4");
        assert!(!is_open(&busy[3]));
    }

    #[test]
    fn behind_a_proxy_its_connections_have_no_limit_but_the_common_one() {
        let places = Places::new(16, 1, false);
        let proxy: Vec<Place> = (0..16).map(|_| granted(&places, "127.0.0.1")).collect();
        assert!(proxy.iter().all(is_open));
        granted(&places, "127.0.0.1");
        assert!(!is_open(&proxy[0]));
    }

    #[test]
    fn an_answer_that_is_not_sent_yet_keeps_its_connection() {
        let places = Places::new(1, 100, true);
        let place = granted(&places, "192.0.2.1");
        place.activity().set_unsent(true);
        assert!(matches!(
            places.try_admit("192.0.2.4".parse().unwrap()),
            Admission::Full
        ));
    }
}

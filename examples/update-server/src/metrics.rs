//! Numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::database::bundles::Usage;
use crate::outcomes::{Devices, MAX_APPS, OTHER};

/// What the server counts. Labels come from fixed sets and bounded tables only, so that no client makes them grow.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Instant,
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    updates: Mutex<BTreeMap<String, u64>>,
    devices: Mutex<Devices>,
    nanoseconds: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) turned_away: AtomicU64,
    pub(crate) uploaded_bytes: AtomicU64,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: Mutex::default(),
            updates: Mutex::default(),
            devices: Mutex::default(),
            nanoseconds: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            turned_away: AtomicU64::new(0),
            uploaded_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests
            .entry((method.to_owned(), route.to_owned(), status))
            .or_default() += 1;
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(took, Ordering::Relaxed);
    }

    /// A device was answered with this code, or with `update`.
    pub(crate) fn update(&self, outcome: &str) {
        let mut updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        *updates.entry(outcome.to_owned()).or_default() += 1;
    }

    /// A device with this version reported this action.
    pub(crate) fn report(&self, app: &str, version: &str, action: &str) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.count(app, version, action);
    }

    /// All of it in Prometheus' text format. Of apps, only what the caller may read.
    #[allow(clippy::cast_precision_loss, reason = "seconds for people")]
    pub(crate) fn text(&self, now: &Now<'_>, may_read: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, about: &str, lines: &[(String, String)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
            for (labels, value) in lines {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let plain = |value: String| [(String::new(), value)];
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines: Vec<_> = requests
            .iter()
            .map(|((method, route, status), count)| {
                let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
                (labels, count.to_string())
            })
            .collect();
        family("capbundle_requests_total", "counter", "Requests answered.", &lines);
        let seconds = self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        let about = "Time until the heads of answers, summed.";
        family(
            "capbundle_request_seconds_total",
            "counter",
            about,
            &plain(seconds.to_string()),
        );
        let updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lines: Vec<_> = updates
            .iter()
            .map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count.to_string()))
            .collect();
        family(
            "capbundle_updates_total",
            "counter",
            "What devices that asked were told.",
            &lines,
        );
        let in_flight = self.in_flight.load(Ordering::Relaxed).to_string();
        family(
            "capbundle_requests_in_flight",
            "gauge",
            "Requests worked on now.",
            &plain(in_flight),
        );
        let turned_away = self.turned_away.load(Ordering::Relaxed).to_string();
        let about = "Requests turned away: too many, or too often.";
        family(
            "capbundle_requests_turned_away_total",
            "counter",
            about,
            &plain(turned_away),
        );
        let uploaded = self.uploaded_bytes.load(Ordering::Relaxed).to_string();
        family(
            "capbundle_uploaded_bytes_total",
            "counter",
            "Bytes of archives taken.",
            &plain(uploaded),
        );
        let about = "Reports of devices, by app, version and what became of the update.";
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = devices.lines(&may_read);
        drop(devices);
        family("capbundle_device_reports_total", "counter", about, &lines);
        for (name, about, lines) in usage_lines(now.usage, &may_read) {
            family(name, "gauge", about, &lines);
        }
        let about = "Connections that are open.";
        family(
            "capbundle_connections",
            "gauge",
            about,
            &plain(now.connections.to_string()),
        );
        let about = "Idle connections closed to make room.";
        family(
            "capbundle_connections_evicted_total",
            "counter",
            about,
            &plain(now.evicted.to_string()),
        );
        let uptime = self.started.elapsed().as_secs_f64().to_string();
        family(
            "capbundle_uptime_seconds",
            "gauge",
            "Time since the start.",
            &plain(uptime),
        );
        text
    }
}

/// What is not counted but looked up.
#[derive(Debug)]
pub(crate) struct Now<'a> {
    pub(crate) usage: &'a [Usage],
    pub(crate) connections: usize,
    pub(crate) evicted: u64,
}

/// Labels and values.
type Lines = Vec<(String, String)>;

/// Name, description and lines of each family about bundles and their archives.
fn usage_lines(usage: &[Usage], may_read: impl Fn(&str) -> bool) -> [(&'static str, &'static str, Lines); 3] {
    let largest = largest(usage);
    let lines = |number: fn(&Usage) -> i64| -> Vec<_> {
        let readable = largest.iter().filter(|usage| may_read(&usage.app_id));
        readable
            .map(|usage| (format!("{{app=\"{}\"}}", usage.app_id), number(usage).to_string()))
            .collect()
    };
    [
        (
            "capbundle_bundles",
            "Bundles that are registered.",
            lines(|usage| usage.bundles),
        ),
        (
            "capbundle_stored_archives",
            "Archives that this server keeps.",
            lines(|usage| usage.archives),
        ),
        (
            "capbundle_stored_bytes",
            "Bytes of the archives that this server keeps.",
            lines(|usage| usage.bytes),
        ),
    ]
}

/// The apps that take most, and the sum of all others.
fn largest(usage: &[Usage]) -> Vec<Usage> {
    let mut sorted = usage.to_vec();
    sorted.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.app_id.cmp(&other.app_id)));
    let rest = sorted.split_off(sorted.len().min(MAX_APPS));
    if !rest.is_empty() {
        let sum = |number: fn(&Usage) -> i64| rest.iter().map(number).sum();
        sorted.push(Usage {
            app_id: OTHER.to_owned(),
            bundles: sum(|usage| usage.bundles),
            archives: sum(|usage| usage.archives),
            bytes: sum(|usage| usage.bytes),
        });
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn storage_of_many_apps_is_summed() {
        let app = |number: i64| Usage {
            app_id: format!("com.example.app{number}"),
            bundles: 1,
            archives: 1,
            bytes: number,
        };
        let usage: Vec<Usage> = (1..=103).map(app).collect();
        let largest = largest(&usage);
        assert_eq!((largest.len(), largest[0].bytes), (101, 103));
        assert_eq!(
            largest.last().map(|usage| (usage.app_id.as_str(), usage.bytes)),
            Some((OTHER, 6))
        );
    }
}

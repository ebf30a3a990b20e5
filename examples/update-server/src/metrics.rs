//! Metrics for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::database::bundles::Usage;
use crate::device_metrics::{DeviceMetrics, MAX_APPS, OTHER};

/// The counters. All labels come from fixed sets or bounded tables, so that no client can add series without bound.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Instant,
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    updates: Mutex<BTreeMap<String, u64>>,
    devices: Mutex<DeviceMetrics>,
    nanoseconds: AtomicU64,
    pub(crate) in_flight: AtomicI64,
    pub(crate) rejected: AtomicU64,
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
            rejected: AtomicU64::new(0),
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

    /// Counts a response to a device by its code, or as `update`.
    pub(crate) fn update(&self, outcome: &str) {
        let mut updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner);
        *updates.entry(outcome.to_owned()).or_default() += 1;
    }

    /// Counts an action that a device with this version reported.
    pub(crate) fn report(&self, app: &str, version: &str, action: &str) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.count(app, version, action);
    }

    /// All metrics in the text format of Prometheus. Those of an app are included if the caller may read the app.
    #[allow(clippy::cast_precision_loss, reason = "nanoseconds do not matter here")]
    pub(crate) fn text(&self, gauges: &Gauges<'_>, may_read: impl Fn(&str) -> bool) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, about: &str, samples: &[(String, String)]| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{labels} {value}");
            }
        };
        let plain = |value: String| [(String::new(), value)];
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let samples: Vec<_> = requests
            .iter()
            .map(|((method, route, status), count)| {
                let labels = format!("{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}");
                (labels, count.to_string())
            })
            .collect();
        family(
            "capbundle_requests_total",
            "counter",
            "Requests that were answered.",
            &samples,
        );
        let seconds = self.nanoseconds.load(Ordering::Relaxed) as f64 / 1e9;
        let about = "Total time from request to response head.";
        family(
            "capbundle_request_seconds_total",
            "counter",
            about,
            &plain(seconds.to_string()),
        );
        let updates = self.updates.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let samples: Vec<_> = updates
            .iter()
            .map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count.to_string()))
            .collect();
        family(
            "capbundle_updates_total",
            "counter",
            "Responses to update requests of devices.",
            &samples,
        );
        let in_flight = self.in_flight.load(Ordering::Relaxed).to_string();
        family(
            "capbundle_requests_in_flight",
            "gauge",
            "Requests in progress.",
            &plain(in_flight),
        );
        let rejected = self.rejected.load(Ordering::Relaxed).to_string();
        let about = "Requests rejected because of a limit.";
        family(
            "capbundle_requests_turned_away_total",
            "counter",
            about,
            &plain(rejected),
        );
        let uploaded = self.uploaded_bytes.load(Ordering::Relaxed).to_string();
        family(
            "capbundle_uploaded_bytes_total",
            "counter",
            "Bytes of uploaded archives.",
            &plain(uploaded),
        );
        let about = "Events that devices reported, by app, version and outcome.";
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = devices.samples(&may_read);
        drop(devices);
        family("capbundle_device_reports_total", "counter", about, &samples);
        for (name, about, samples) in usage_families(gauges.usage, &may_read) {
            family(name, "gauge", about, &samples);
        }
        let about = "Open connections.";
        family(
            "capbundle_connections",
            "gauge",
            about,
            &plain(gauges.connections.to_string()),
        );
        let about = "Idle connections that were closed for new ones.";
        family(
            "capbundle_connections_evicted_total",
            "counter",
            about,
            &plain(gauges.evicted.to_string()),
        );
        let uptime = self.started.elapsed().as_secs_f64().to_string();
        family(
            "capbundle_uptime_seconds",
            "gauge",
            "Time since the server started.",
            &plain(uptime),
        );
        text
    }
}

/// The current values of the gauges.
#[derive(Debug)]
pub(crate) struct Gauges<'a> {
    pub(crate) usage: &'a [Usage],
    pub(crate) connections: usize,
    pub(crate) evicted: u64,
}

/// Labels and values.
type Samples = Vec<(String, String)>;

/// Name, help and samples of each family about bundles and archives.
fn usage_families(usage: &[Usage], may_read: impl Fn(&str) -> bool) -> [(&'static str, &'static str, Samples); 3] {
    let largest = largest(usage);
    let samples = |number: fn(&Usage) -> i64| -> Vec<_> {
        let readable = largest.iter().filter(|usage| may_read(&usage.app_id));
        readable
            .map(|usage| (format!("{{app=\"{}\"}}", usage.app_id), number(usage).to_string()))
            .collect()
    };
    [
        (
            "capbundle_bundles",
            "Registered bundles.",
            samples(|usage| usage.bundles),
        ),
        (
            "capbundle_stored_archives",
            "Archives that this server stores.",
            samples(|usage| usage.archives),
        ),
        (
            "capbundle_stored_bytes",
            "Bytes of the archives that this server stores.",
            samples(|usage| usage.bytes),
        ),
    ]
}

/// The apps that use the most storage, and the sum of all others.
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
    fn the_storage_of_the_smallest_apps_is_summed() {
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

//! Numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What the server counts. Labels come from fixed sets only, so that no client makes them grow.
#[derive(Debug)]
pub(crate) struct Metrics {
    started: Instant,
    requests: Mutex<BTreeMap<(String, String, u16), u64>>,
    updates: Mutex<BTreeMap<String, u64>>,
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

    /// All of it in Prometheus' text format.
    #[allow(clippy::cast_precision_loss, reason = "seconds for people")]
    pub(crate) fn text(&self) -> String {
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

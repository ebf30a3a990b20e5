//! The outcomes of updates on devices, counted for Prometheus since the server started.

use std::collections::BTreeMap;

/// Apps that have their own series.
pub(crate) const MAX_APPS: usize = 100;
/// Versions of an app that have their own series: those reported last.
const MAX_VERSIONS: usize = 20;
/// The label for all apps beyond [`MAX_APPS`].
pub(crate) const OTHER: &str = "other";

/// The outcomes, and the reported actions that mean them.
const OUTCOMES: [(&str, &[&str]); 5] = [
    ("downloaded", &["download_complete"]),
    ("installed", &["set"]),
    ("download_failed", &["download_fail"]),
    ("update_failed", &["set_fail", "update_fail"]),
    ("rolled_back", &["reset"]),
];

/// The counts of one version of an app.
#[derive(Debug, Default)]
struct VersionCounts {
    /// In the order of [`OUTCOMES`].
    by_outcome: [u64; OUTCOMES.len()],
    /// The sequence number of the last report.
    last: u64,
}

/// The counts of all apps. Their number is bounded: each app keeps the versions that were reported last.
#[derive(Debug, Default)]
pub(crate) struct DeviceMetrics {
    sequence: u64,
    apps: BTreeMap<String, BTreeMap<String, VersionCounts>>,
}

impl DeviceMetrics {
    /// Counts an action that a device with this version reported.
    pub(crate) fn count(&mut self, app: &str, version: &str, action: &str) {
        self.sequence += 1;
        let known = self.apps.contains_key(app);
        let app = if known || self.apps.len() < MAX_APPS {
            app
        } else {
            OTHER
        };
        let versions = self.apps.entry(app.to_owned()).or_default();
        if versions.len() >= MAX_VERSIONS && !versions.contains_key(version) {
            let oldest = versions.iter().min_by_key(|(_, counts)| counts.last);
            if let Some(oldest) = oldest.map(|(version, _)| version.clone()) {
                versions.remove(&oldest);
            }
        }
        // The first report of a version creates all its outcomes, so that Prometheus sees the first failure as an increase.
        let counts = versions.entry(version.to_owned()).or_default();
        counts.last = self.sequence;
        let outcome = OUTCOMES.iter().position(|(_, actions)| actions.contains(&action));
        if let Some(outcome) = outcome {
            counts.by_outcome[outcome] += 1;
        }
    }

    /// Labels and counts of the apps that the caller may read.
    pub(crate) fn samples(&self, may_read: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut samples = Vec::new();
        for (app, versions) in self.apps.iter().filter(|(app, _)| may_read(app)) {
            for (version, counts) in versions {
                for ((outcome, _), count) in OUTCOMES.iter().zip(counts.by_outcome) {
                    let labels = format!("{{app=\"{app}\",outcome=\"{outcome}\",version=\"{version}\"}}");
                    samples.push((labels, count.to_string()));
                }
            }
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_series_is_bounded_and_the_newest_version_has_its_own() {
        let mut devices = DeviceMetrics::default();
        for app in 0..2 * MAX_APPS {
            for version in 0..2 * MAX_VERSIONS {
                devices.count(
                    &format!("com.example.app{app}"),
                    &format!("1.0.{version}"),
                    "update_fail",
                );
            }
        }
        assert_eq!(devices.apps.len(), MAX_APPS + 1);
        assert!(devices.apps.values().all(|versions| versions.len() == MAX_VERSIONS));
        let newest = &devices.apps["com.example.app0"][&format!("1.0.{}", 2 * MAX_VERSIONS - 1)];
        assert_eq!(newest.by_outcome, [0, 0, 0, 1, 0]);
    }
}

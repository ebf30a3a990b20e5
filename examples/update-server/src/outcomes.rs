//! What became of updates on devices, counted since the start for Prometheus.

use std::collections::BTreeMap;

/// Apps whose devices and storage are told one by one.
pub(crate) const MAX_APPS: usize = 100;
/// Versions of one app whose devices are told one by one: those reported last.
const MAX_VERSIONS: usize = 20;
/// Apps beyond [`MAX_APPS`] together.
pub(crate) const OTHER: &str = "other";

/// What became of an update on devices, and the reports that say so.
const OUTCOMES: [(&str, &[&str]); 5] = [
    ("downloaded", &["download_complete"]),
    ("installed", &["set"]),
    ("download_failed", &["download_fail"]),
    ("update_failed", &["set_fail", "update_fail"]),
    ("rolled_back", &["reset"]),
];

/// Reports of devices that have one version of one app.
#[derive(Debug, Default)]
struct Reports {
    /// In the order of [`OUTCOMES`].
    counts: [u64; OUTCOMES.len()],
    /// When one came last, as a running number.
    last: u64,
}

/// What devices reported since the start. Its size is bounded: of each app the versions that were reported last are kept.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    turn: u64,
    apps: BTreeMap<String, BTreeMap<String, Reports>>,
}

impl Devices {
    /// Counts a report of a device that has this version.
    pub(crate) fn count(&mut self, app: &str, version: &str, action: &str) {
        self.turn += 1;
        let known = self.apps.contains_key(app);
        let app = if known || self.apps.len() < MAX_APPS {
            app
        } else {
            OTHER
        };
        let versions = self.apps.entry(app.to_owned()).or_default();
        if versions.len() >= MAX_VERSIONS && !versions.contains_key(version) {
            let oldest = versions.iter().min_by_key(|(_, reports)| reports.last);
            if let Some(oldest) = oldest.map(|(version, _)| version.clone()) {
                versions.remove(&oldest);
            }
        }
        // Every outcome is there from the first report of a version on, so that the first failure is an increase.
        let reports = versions.entry(version.to_owned()).or_default();
        reports.last = self.turn;
        let outcome = OUTCOMES.iter().position(|(_, actions)| actions.contains(&action));
        if let Some(outcome) = outcome {
            reports.counts[outcome] += 1;
        }
    }

    /// Labels and counts, of the apps that the caller may read.
    pub(crate) fn lines(&self, may_read: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        for (app, versions) in self.apps.iter().filter(|(app, _)| may_read(app)) {
            for (version, reports) in versions {
                for ((outcome, _), count) in OUTCOMES.iter().zip(reports.counts) {
                    let labels = format!("{{app=\"{app}\",outcome=\"{outcome}\",version=\"{version}\"}}");
                    lines.push((labels, count.to_string()));
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_of_devices_are_bounded_and_the_newest_version_has_its_own() {
        let mut devices = Devices::default();
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
        assert_eq!(newest.counts, [0, 0, 0, 1, 0]);
    }
}

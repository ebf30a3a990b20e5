//! From what the policy announces to what listeners and servers receive.

use super::bundle_info::BundleInfo;
use super::facade::Updater;
use super::plugin_event::PluginEvent;
use super::policy::{Announcement, CheckAnswer, CheckKind, Load, Report};
use super::reports;
use crate::store::{BundleId, BundleRef};
use crate::update::protocol::{BUILT_IN, ReportAction, StatusKind};

impl Updater {
    /// The events for an announcement. One about a bundle that is gone meanwhile tells nothing.
    pub(super) fn events_of(&self, announcement: &Announcement) -> Vec<PluginEvent> {
        let about = |bundle: &BundleRef, event: fn(BundleInfo) -> PluginEvent| {
            self.bundle_info(bundle).map(event).into_iter().collect()
        };
        match announcement {
            Announcement::AppReady { bundle, status } => {
                let status = status.as_str().to_owned();
                let bundle = self.bundle_info(bundle);
                bundle
                    .map(|bundle| PluginEvent::AppReady { bundle, status })
                    .into_iter()
                    .collect()
            }
            Announcement::AppReloaded => vec![PluginEvent::AppReloaded],
            Announcement::Set(bundle) => about(bundle, |bundle| PluginEvent::Set { bundle }),
            Announcement::SetNext(bundle) => about(bundle, |bundle| PluginEvent::SetNext { bundle }),
            Announcement::UpdateAvailable(bundle) => about(bundle, |bundle| PluginEvent::UpdateAvailable { bundle }),
            Announcement::NoNeedUpdate(bundle) => about(bundle, |bundle| PluginEvent::NoNeedUpdate { bundle }),
            Announcement::CheckResult { kind, answer, bundle } => {
                let bundle = self.bundle_info(bundle);
                bundle
                    .map(|bundle| check_result(*kind, answer, bundle))
                    .into_iter()
                    .collect()
            }
            Announcement::BreakingAvailable(version) => PluginEvent::breaking(version).into(),
            Announcement::DownloadFailed(version) => {
                let version = version.clone().unwrap_or_else(|| self.served_info().version);
                vec![PluginEvent::DownloadFailed { version, error: None }]
            }
            Announcement::UpdateFailed(id) => {
                let bundle = self.failed_info(id);
                bundle
                    .map(|bundle| PluginEvent::UpdateFailed { bundle })
                    .into_iter()
                    .collect()
            }
        }
    }

    /// A bundle in the words of the plugin.
    pub(super) fn bundle_info(&self, bundle: &BundleRef) -> Option<BundleInfo> {
        let Some(id) = bundle.bundle() else {
            return Some(self.built_in_info());
        };
        match self.store.list() {
            Ok(bundles) => {
                let found = bundles.into_iter().find(|(record, _)| record.id == *id);
                found.map(|(record, status)| BundleInfo::installed(&record, status))
            }
            Err(error) => {
                self.log_problem("list", &error);
                None
            }
        }
    }

    /// The bundle that is served; the built-in one if its record is gone.
    pub(super) fn served_info(&self) -> BundleInfo {
        self.bundle_info(&self.served_bundle())
            .unwrap_or_else(|| self.built_in_info())
    }

    pub(super) fn built_in_info(&self) -> BundleInfo {
        let native = self.native();
        BundleInfo::built_in(native.as_ref().map_or("", |native| native.version.as_str()))
    }

    fn failed_info(&self, id: &BundleId) -> Option<BundleInfo> {
        match self.store.failed() {
            Ok(failed) => failed.iter().find(|failed| failed.id == *id).map(BundleInfo::failed),
            Err(error) => {
                self.log_problem("failed", &error);
                None
            }
        }
    }

    /// Adds a report of the policy. Without a version it is about what is served.
    pub(super) fn queue_report(&self, report: &Report, shown: Option<&Load>) {
        let shown = || shown.and_then(|load| load.version.clone());
        let version = report.version.clone().or_else(shown);
        let version = version.as_deref().unwrap_or(BUILT_IN);
        self.add_report(report.action, version, report.previous.as_deref());
    }

    /// Adds a report. It survives the end of the process without waiting for the disk.
    pub(super) fn push_report(&self, action: ReportAction, version: &str) {
        self.add_report(action, version, None);
    }

    fn add_report(&self, action: ReportAction, version: &str, previous: Option<&str>) {
        let report = reports::Report::new(action.as_str(), version, self.now().wall);
        match report.map(|report| match previous {
            Some(previous) => report.with_old_version_name(previous),
            None => report,
        }) {
            // One that cannot be written stays in memory until the next.
            Ok(report) => drop(self.reports.push_without_sync(report)),
            Err(error) => self.log_problem("report", &error),
        }
    }
}

fn check_result(kind: CheckKind, answer: &CheckAnswer, bundle: BundleInfo) -> PluginEvent {
    PluginEvent::UpdateCheckResult {
        kind: match kind {
            CheckKind::UpToDate => StatusKind::UpToDate,
            CheckKind::Blocked => StatusKind::Blocked,
            CheckKind::Failed => StatusKind::Failed,
        },
        error: answer.code.clone(),
        message: answer.message.clone(),
        status_code: answer.status.unwrap_or_default(),
        version: answer.version.clone().unwrap_or_else(|| bundle.version.clone()),
        bundle,
    }
}

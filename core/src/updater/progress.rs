//! What listeners and servers learn of a download.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::bundle_info::BundleInfo;
use super::download_steps::{DownloadPhase, DownloadSteps};
use super::facade::Updater;
use super::log_entry::LogEvent;
use super::plugin_event::PluginEvent;
use crate::error::Result;
use crate::progress::{Control, Observer, Phase, Progress};
use crate::store::{BundleId, BundleRecord, Status};
use crate::time::Timestamp;

/// A download, from its first event to its last.
#[derive(Clone)]
pub(super) struct Downloading {
    updater: Arc<Updater>,
    /// Known when the download begins: of a static channel, its release says it.
    version: Arc<OnceLock<String>>,
    id: BundleId,
    since: Timestamp,
    steps: Arc<Mutex<DownloadSteps>>,
}

impl Downloading {
    /// A download that may begin.
    pub(super) fn new(updater: &Arc<Updater>) -> Result<Self> {
        Ok(Self {
            updater: Arc::clone(updater),
            version: Arc::default(),
            id: BundleId::random()?,
            since: updater.now().wall,
            steps: Arc::default(),
        })
    }

    /// This version will be downloaded, unless it is installed or refused before.
    pub(super) fn expect(&self, version: &str) {
        let _ = self.version.set(version.to_owned());
    }

    /// Announces the download when its first byte is requested.
    fn begin(&self, version: &str) {
        let has_begun = self.steps.lock().unwrap_or_else(PoisonError::into_inner).has_begun();
        if !has_begun {
            let entry = self.updater.log.entry(LogEvent::DownloadStarted);
            self.updater.log.write(&entry.with_version(version));
            self.reach(DownloadPhase::Accepted);
        }
    }

    /// The id that the bundle will have.
    pub(super) fn id(&self) -> BundleId {
        self.id.clone()
    }

    /// Passes the progress of `control` on, to listeners and servers as well.
    pub(super) fn observe(&self, control: &Control) -> Control {
        control.also_observed_by(Arc::new(self.clone()))
    }

    /// The bundle is installed. One that was installed before was not downloaded: that is no event.
    pub(super) fn end(&self, record: &BundleRecord) {
        if record.id != self.id {
            return;
        }
        self.reach(DownloadPhase::Installed);
        self.reach(DownloadPhase::Complete);
        let bundle = BundleInfo::installed(record, Status::Installed);
        self.updater.emit(PluginEvent::DownloadComplete { bundle });
        let entry = self
            .updater
            .log
            .entry(LogEvent::Installed)
            .with_bundle(record.id.clone());
        self.updater.log.write(&entry.with_version(&record.version));
    }

    fn reach(&self, phase: DownloadPhase) {
        let Some(version) = self.version.get() else { return };
        let step = self.steps.lock().unwrap_or_else(PoisonError::into_inner).reach(phase);
        let Some(step) = step else { return };
        let bundle = BundleInfo::downloading(&self.id, version, self.since);
        self.updater.emit(PluginEvent::Download {
            percent: step.percent,
            bundle,
        });
        if let Some(action) = step.report {
            self.updater.push_report(action, version);
        }
    }
}

impl Observer for Downloading {
    fn progress(&self, progress: Progress) {
        if let Some(version) = self.version.get() {
            self.begin(version);
        }
        let Progress { phase, done, total, .. } = progress;
        self.reach(match phase {
            Phase::Download if done == 0 => DownloadPhase::Started,
            Phase::Download => DownloadPhase::Received {
                bytes: done,
                total: Some(total),
            },
            Phase::Hash | Phase::Open => DownloadPhase::Verifying,
            Phase::Unpack => DownloadPhase::Unpacked { bytes: done, total },
            Phase::Check | Phase::Pack | Phase::Seal | Phase::Upload => return,
        });
    }
}

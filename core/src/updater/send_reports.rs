//! Sending reports to the server.

use super::facade::Updater;
use super::identity::Identity;
use super::reports::PendingReport;
use crate::error::{ErrorKind, Result};
use crate::http::Url;
use crate::progress::Control;
use crate::update::EventOutcome;
use crate::update::protocol::StatsEvent;

/// Events of one request. The queue holds 200.
const BATCH: usize = 50;

impl Updater {
    /// Sends the reports that wait. Those that do not arrive wait for the next time; no failure is one of the update.
    pub(super) fn send_reports(&self, control: &Control) {
        if let Err(error) = self.try_send_reports(control)
            && error.kind() != ErrorKind::Cancelled
        {
            self.log_problem("send_reports", &error);
        }
    }

    fn try_send_reports(&self, control: &Control) -> Result<()> {
        let identity = self.identity()?;
        let Some(url) = identity.stats_url.clone() else {
            return self.reports.clear();
        };
        loop {
            let waiting = self.reports.pending(BATCH);
            if waiting.is_empty() || !self.send_batch(&identity, &url, &waiting, control)? {
                return Ok(());
            }
        }
    }

    /// Whether all of them arrived, or never will.
    fn send_batch(&self, identity: &Identity, url: &Url, waiting: &[PendingReport], control: &Control) -> Result<bool> {
        let device = self.device_request(identity)?;
        let events: Vec<_> = waiting
            .iter()
            .map(|pending| {
                let mut device = device.clone();
                device.version_name.clone_from(&pending.report.version_name);
                StatsEvent {
                    device,
                    action: pending.report.action.clone(),
                    old_version_name: pending.report.old_version_name.clone(),
                }
            })
            .collect();
        let report = self.client(control).report(url, &events)?;
        // The server would refuse a refused report again.
        let ended = waiting
            .iter()
            .zip(&report.events)
            .filter(|(_, outcome)| **outcome != EventOutcome::Later);
        let ended: Vec<_> = ended.map(|(pending, _)| &pending.id).collect();
        let is_complete = ended.len() == waiting.len();
        self.reports.acknowledge(ended);
        Ok(is_complete)
    }
}

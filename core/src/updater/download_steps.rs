//! The percentages of a download.

use crate::update::protocol::ReportAction;

/// Percent that a download has when it begins.
const STARTED: u8 = 5;
/// The least and the most that received bytes amount to.
const RECEIVED: (u8, u8) = (10, 70);
/// The archive was received and is being verified.
const VERIFYING: u8 = 71;
/// The least and the most that unpacked bytes amount to.
const UNPACKED: (u8, u8) = (75, 90);
/// The files are in their place.
const INSTALLED: u8 = 91;
const COMPLETE: u8 = 100;

/// How far a download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadPhase {
    /// The download was accepted.
    Accepted,
    /// The first request is sent.
    Started,
    /// Bytes of the archive were received.
    Received {
        /// So many, with those of earlier attempts.
        bytes: u64,
        /// Of so many; `None` or 0 if the size is unknown.
        total: Option<u64>,
    },
    /// All bytes were received, and are verified now.
    Verifying,
    /// Bytes of the archive were unpacked.
    Unpacked {
        /// So many.
        bytes: u64,
        /// Of so many.
        total: u64,
    },
    /// The files are in their place.
    Installed,
    /// The bundle is installed and recorded.
    Complete,
}

/// What to emit: an event `download`, and possibly a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadStep {
    /// The percentage of the event. At 100, `downloadComplete` follows it.
    pub percent: u8,
    /// The report to send.
    pub report: Option<ReportAction>,
}

/// The steps of one download, in the percentages of Capgo's plugin for Android: when to emit an event, and when to send
/// a report.
///
/// | phase | percent of the event |
/// |---|---|
/// | accepted, started | 0, 5 |
/// | received | that of the bytes, in steps of ten from 10 to 70 |
/// | verifying | 71 |
/// | unpacked | 75 to 90, in steps of one |
/// | installed, complete | 91, 100 |
///
/// A report is sent once for each step of ten: `download_0` to `download_90`, then `download_complete`. A percentage
/// never repeats and never goes back, also if a download starts again from the first byte.
///
/// Differences between the plugin's platforms: iOS emits no event between 0 and 70, ends unpacking at 81, and sends
/// reports for multiples of ten alone. Android sends no `download_0`, and keeps the last step for the whole process, so
/// after the first complete download it reports no steps of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DownloadSteps {
    percent: Option<u8>,
    /// The last step of ten that was reported.
    reported: Option<u8>,
}

impl DownloadSteps {
    /// The steps of a new download.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether anything was emitted.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.percent.is_some()
    }

    /// What to emit when the download reaches `phase`; `None` if its percentage is not larger than before.
    pub fn reach(&mut self, phase: DownloadPhase) -> Option<DownloadStep> {
        let percent = percent_of(phase);
        if self.percent.is_some_and(|last| percent <= last) {
            return None;
        }
        self.percent = Some(percent);
        let step = percent / 10;
        let report = self
            .reported
            .is_none_or(|last| step > last)
            .then(|| ReportAction::of_download(percent));
        self.reported = Some(step);
        Some(DownloadStep { percent, report })
    }
}

fn percent_of(phase: DownloadPhase) -> u8 {
    match phase {
        DownloadPhase::Accepted => 0,
        DownloadPhase::Started => STARTED,
        DownloadPhase::Received { bytes, total } => match total {
            // Without a size there is no percentage.
            None | Some(0) => 0,
            Some(total) => {
                let percent = percentage(bytes, total) / 10 * 10;
                percent.clamp(RECEIVED.0, RECEIVED.1)
            }
        },
        DownloadPhase::Verifying => VERIFYING,
        DownloadPhase::Unpacked { bytes, total } => {
            let width = UNPACKED.1 - UNPACKED.0;
            UNPACKED.0 + scaled(percentage(bytes, total), width)
        }
        DownloadPhase::Installed => INSTALLED,
        DownloadPhase::Complete => COMPLETE,
    }
}

/// `bytes` of `total` in percent, rounded down, at most 100; 0 of 0 is 100.
fn percentage(bytes: u64, total: u64) -> u8 {
    if bytes >= total {
        return 100;
    }
    // Below 100, since `bytes` is less than `total`.
    u8::try_from(u128::from(bytes) * 100 / u128::from(total)).unwrap_or(100)
}

/// `percent` of `width`, rounded down.
fn scaled(percent: u8, width: u8) -> u8 {
    u8::try_from(u16::from(percent) * u16::from(width) / 100).unwrap_or(width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn received(bytes: u64, total: u64) -> DownloadPhase {
        let total = Some(total);
        DownloadPhase::Received { bytes, total }
    }

    /// The percentages and reports of a download.
    fn emitted(phases: impl IntoIterator<Item = DownloadPhase>) -> Vec<(u8, Option<&'static str>)> {
        let mut steps = DownloadSteps::new();
        let steps = phases.into_iter().filter_map(|phase| steps.reach(phase));
        steps
            .map(|step| (step.percent, step.report.map(ReportAction::as_str)))
            .collect()
    }

    #[test]
    fn a_download_emits_the_percentages_and_reports_of_the_plugin() {
        let mut phases = vec![DownloadPhase::Accepted, DownloadPhase::Started];
        phases.extend((0..=1000).map(|bytes| received(bytes, 1000)));
        phases.push(DownloadPhase::Verifying);
        phases.extend((0..=50).map(|bytes| DownloadPhase::Unpacked { bytes, total: 50 }));
        phases.extend([DownloadPhase::Installed, DownloadPhase::Complete]);

        assert_eq!(
            emitted(phases),
            [
                (0, Some("download_0")),
                (5, None),
                (10, Some("download_10")),
                (20, Some("download_20")),
                (30, Some("download_30")),
                (40, Some("download_40")),
                (50, Some("download_50")),
                (60, Some("download_60")),
                (70, Some("download_70")),
                (71, None),
                (75, None),
                (76, None),
                (77, None),
                (78, None),
                (79, None),
                (80, Some("download_80")),
                (81, None),
                (82, None),
                (83, None),
                (84, None),
                (85, None),
                (86, None),
                (87, None),
                (88, None),
                (89, None),
                (90, Some("download_90")),
                (91, None),
                (100, Some("download_complete")),
            ]
        );
    }

    #[test]
    fn received_bytes_count_in_steps_of_ten() {
        for (bytes, total, percent) in [
            (0, 1000, 10),
            (199, 1000, 10),
            (200, 1000, 20),
            (699, 1000, 60),
            (700, 1000, 70),
            (1000, 1000, 70),
            (2000, 1000, 70),
            (u64::MAX / 2, u64::MAX, 40),
            (u64::MAX, u64::MAX, 70),
        ] {
            let found = emitted([received(bytes, total)]);
            assert_eq!(found, [(percent, Some(ReportAction::of_download(percent).as_str()))]);
        }
    }

    #[test]
    fn a_download_of_unknown_size_emits_nothing_while_it_is_received() {
        let mut phases = vec![DownloadPhase::Accepted, DownloadPhase::Started];
        for total in [None, Some(0)] {
            phases.extend((0..10).map(|bytes| DownloadPhase::Received { bytes, total }));
        }
        phases.push(DownloadPhase::Verifying);
        let percents = emitted(phases).into_iter().map(|(percent, _)| percent);
        assert_eq!(percents.collect::<Vec<_>>(), [0, 5, 71]);
    }

    #[test]
    fn a_resumed_download_begins_with_the_bytes_that_it_has() {
        let phases = [DownloadPhase::Accepted, DownloadPhase::Started, received(650, 1000)];
        assert_eq!(
            emitted(phases),
            [(0, Some("download_0")), (5, None), (60, Some("download_60"))]
        );
    }

    #[test]
    fn a_download_that_starts_again_does_not_go_back() {
        let phases = [
            received(500, 1000),
            DownloadPhase::Started,
            received(0, 1000),
            received(600, 1000),
        ];
        assert_eq!(emitted(phases), [(50, Some("download_50")), (60, Some("download_60"))]);
    }

    #[test]
    fn an_empty_archive_is_unpacked_at_once() {
        let unpacked = DownloadPhase::Unpacked { bytes: 0, total: 0 };
        assert_eq!(emitted([unpacked]), [(90, Some("download_90"))]);
    }

    proptest! {
        #[test]
        fn percentages_only_grow(bytes in prop::collection::vec((any::<u64>(), any::<u64>()), 0..50)) {
            let phases = bytes.into_iter().flat_map(|(bytes, total)| {
                [received(bytes, total), DownloadPhase::Unpacked { bytes, total }]
            });
            let emitted = emitted(phases);
            prop_assert!(emitted.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert!(emitted.iter().all(|(percent, _)| *percent <= 90));
        }
    }
}

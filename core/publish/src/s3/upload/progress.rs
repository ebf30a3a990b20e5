//! Upload progress, reported by several threads.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use capbundle::http::client::UploadProgress;
use capbundle::http::download::Rate;
use capbundle::progress::{Control, Phase, Progress};

/// The sent bytes of a file, and their rate.
pub(super) struct Tally<'a> {
    control: &'a Control,
    total: u64,
    state: Mutex<TallyState>,
}

struct TallyState {
    sent: u64,
    /// Bytes that are sent again were already reported.
    reported: u64,
    rate: Rate,
}

impl<'a> Tally<'a> {
    /// A file of `total` bytes, `there` of which are already stored.
    pub(super) fn new(control: &'a Control, total: u64, there: u64) -> Self {
        let state = TallyState {
            sent: there,
            reported: there,
            rate: Rate::new(0, Instant::now()),
        };
        control.report(Phase::Upload, there, total);
        Self {
            control,
            total,
            state: Mutex::new(state),
        }
    }

    fn add(&self, count: u64) {
        let mut state = self.lock();
        state.sent = (state.sent + count).min(self.total);
        // Without a minimum, no rate is too low.
        let _ = state.rate.received(count, Instant::now());
        if state.sent > state.reported {
            state.reported = state.sent;
            self.control
                .report_progress(Progress::new(Phase::Upload, state.sent, self.total).with_rate(state.rate.current()));
        }
    }

    fn remove(&self, count: u64) {
        let mut state = self.lock();
        state.sent = state.sent.saturating_sub(count);
    }

    fn lock(&self) -> MutexGuard<'_, TallyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The share of one request.
pub(super) struct Share<'a> {
    tally: &'a Tally<'a>,
    sent: u64,
    /// Whether the request was sent more than once.
    pub(super) repeated: bool,
}

impl<'a> Share<'a> {
    pub(super) fn new(tally: &'a Tally<'a>) -> Self {
        Self {
            tally,
            sent: 0,
            repeated: false,
        }
    }

    /// The whole body arrived, even if the transport reported less.
    pub(super) fn done(&mut self, length: u64) {
        let missing = length.saturating_sub(self.sent);
        self.sent += missing;
        self.tally.add(missing);
    }
}

impl UploadProgress for Share<'_> {
    fn sent(&mut self, count: u64) {
        self.sent += count;
        self.tally.add(count);
    }

    fn restarted(&mut self) {
        self.repeated = true;
        self.tally.remove(std::mem::take(&mut self.sent));
    }
}

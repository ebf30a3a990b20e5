//! Progress and cancellation of long operations.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Bytes between two reports.
const REPORT_EVERY: u64 = 1 << 20;

/// The kind of work that an operation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Checking a folder and its scripts.
    Check,
    /// Compressing a folder into an archive.
    Pack,
    /// Computing the digest of a file.
    Hash,
    /// Encrypting an archive.
    Seal,
    /// Decrypting and verifying an archive.
    Open,
    /// Writing the files of an archive to disk.
    Unpack,
    /// Downloading a file.
    Download,
    /// Uploading a file.
    Upload,
}

impl Phase {
    /// The phase as one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Pack => "pack",
            Self::Hash => "hash",
            Self::Seal => "seal",
            Self::Open => "open",
            Self::Unpack => "unpack",
            Self::Download => "download",
            Self::Upload => "upload",
        }
    }
}

/// The progress of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// Bytes done. Never decreases within a phase.
    pub done: u64,
    /// Total bytes, as known when the phase starts.
    pub total: u64,
    /// Recent bytes per second, for downloads and uploads.
    pub rate: Option<u64>,
}

impl Progress {
    /// Progress with an unknown rate.
    #[must_use]
    pub fn new(phase: Phase, done: u64, total: u64) -> Self {
        let rate = None;
        Self {
            phase,
            done,
            total,
            rate,
        }
    }

    /// Sets the rate, in bytes per second.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<u64>) -> Self {
        self.rate = rate;
        self
    }
}

/// Receives [`Progress`] on the thread that does the work.
///
/// Called about once for each MiB of work. Return quickly.
pub trait Observer: Send + Sync {
    /// Receives the current progress.
    fn progress(&self, progress: Progress);
}

impl<F: Fn(Progress) + Send + Sync> Observer for F {
    fn progress(&self, progress: Progress) {
        self(progress);
    }
}

/// Cancels operations from another thread. Clones share one state. Cancellation is final.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every operation with this token soon, with [`ErrorKind::Cancelled`].
    ///
    /// [`ErrorKind::Cancelled`]: crate::ErrorKind::Cancelled
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The observer and the cancel tokens of a long operation. The default has neither.
#[derive(Clone, Default)]
pub struct Control {
    observer: Option<Arc<dyn Observer>>,
    cancel: Vec<CancelToken>,
    /// The last report.
    last: Arc<Mutex<Option<Progress>>>,
}

impl Control {
    /// No observer, never cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reports progress to `observer`.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Stops when `token` is cancelled. With several tokens, any of them stops the operation.
    #[must_use]
    pub fn with_cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel.push(token.clone());
        self
    }

    /// Reports progress. Only the start, the end and every MiB in between reach the observer, because each call into a host in
    /// another language is costly.
    pub fn report(&self, phase: Phase, done: u64, total: u64) {
        self.report_progress(Progress::new(phase, done, total));
    }

    /// As [`report`](Self::report), with a rate.
    pub fn report_progress(&self, progress: Progress) {
        let Some(observer) = &self.observer else { return };
        let Progress { phase, done, total, .. } = progress;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let continues = |last: &Progress| last.phase == phase && last.total == total && last.done <= done;
        match &*last {
            Some(last) if continues(last) && done < total && done - last.done < REPORT_EVERY => return,
            _ => *last = Some(progress),
        }
        drop(last);
        observer.progress(progress);
    }

    /// The same operation without its observer, for parts whose progress the caller counts.
    #[must_use]
    pub fn without_observer(&self) -> Self {
        Self {
            observer: None,
            cancel: self.cancel.clone(),
            last: Arc::default(),
        }
    }

    /// A control for an operation of several consecutive parts, and a handle that marks the end of each part. The observer sees
    /// one operation, whose progress never decreases within a phase.
    pub(crate) fn in_parts(&self) -> (Self, Parts) {
        let counted = self.observer.clone().map(|observer| {
            let phases = Mutex::default();
            Arc::new(Counted { observer, phases })
        });
        let control = Self {
            observer: counted.clone().map(|counted| counted as Arc<dyn Observer>),
            cancel: self.cancel.clone(),
            last: Arc::default(),
        };
        (control, Parts(counted))
    }

    /// The same operation, also observed by `second`.
    pub(crate) fn also_observed_by(&self, second: Arc<dyn Observer>) -> Self {
        let observer: Arc<dyn Observer> = match self.observer.clone() {
            Some(first) => Arc::new(Both { first, second }),
            None => second,
        };
        Self {
            observer: Some(observer),
            cancel: self.cancel.clone(),
            last: Arc::default(),
        }
    }

    /// Whether any token is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.iter().any(CancelToken::is_cancelled)
    }

    /// Fails if the operation is cancelled. Operations call this between pieces of work.
    ///
    /// # Errors
    /// [`Cancelled`](crate::ErrorKind::Cancelled) with the name of the operation.
    pub fn check(&self, operation: &'static str) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::Cancelled { operation })
        } else {
            Ok(())
        }
    }
}

struct Both {
    first: Arc<dyn Observer>,
    second: Arc<dyn Observer>,
}

impl Observer for Both {
    fn progress(&self, progress: Progress) {
        self.first.progress(progress);
        self.second.progress(progress);
    }
}

/// Marks the end of each part of an operation; see [`Control::in_parts`].
#[derive(Clone)]
pub(crate) struct Parts(Option<Arc<Counted>>);

impl Parts {
    /// Ends the current part.
    pub(crate) fn next(&self) {
        self.change(|phases| {
            for counted in phases {
                (counted.before, counted.expected) = (counted.done, 0);
            }
        });
    }

    /// Announces `bytes` of `phase` in later parts. Counted until the [`next`](Self::next) part starts.
    pub(crate) fn expect(&self, phase: Phase, bytes: u64) {
        self.change(|phases| PhaseCount::of(phases, phase).expected = bytes);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<PhaseCount>)) {
        if let Some(counted) = &self.0 {
            change(&mut counted.phases.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Adds up the progress of the parts of one operation.
struct Counted {
    observer: Arc<dyn Observer>,
    phases: Mutex<Vec<PhaseCount>>,
}

/// The bytes of one phase.
struct PhaseCount {
    phase: Phase,
    /// Done in finished parts.
    before: u64,
    /// Done in total, as reported.
    done: u64,
    /// Expected in later parts.
    expected: u64,
}

impl PhaseCount {
    fn of(phases: &mut Vec<Self>, phase: Phase) -> &mut Self {
        let place = phases.iter().position(|counted| counted.phase == phase);
        let place = place.unwrap_or_else(|| {
            phases.push(Self {
                phase,
                before: 0,
                done: 0,
                expected: 0,
            });
            phases.len() - 1
        });
        &mut phases[place]
    }
}

impl Observer for Counted {
    fn progress(&self, progress: Progress) {
        let mut phases = self.phases.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = PhaseCount::of(&mut phases, progress.phase);
        counted.done = counted.done.max(counted.before.saturating_add(progress.done));
        let total = counted
            .before
            .saturating_add(progress.total)
            .saturating_add(counted.expected);
        let (done, total) = (counted.done, total.max(counted.done));
        // Under the lock, so that reports of several threads stay in order.
        self.observer.progress(Progress {
            done,
            total,
            ..progress
        });
    }
}

/// The combined progress of several threads. A late report is dropped, so that progress never decreases.
pub(crate) struct SharedProgress<'a> {
    control: &'a Control,
    phase: Phase,
    total: u64,
    reported: Mutex<u64>,
}

impl<'a> SharedProgress<'a> {
    pub(crate) fn new(control: &'a Control, phase: Phase, total: u64) -> Self {
        Self {
            control,
            phase,
            total,
            reported: Mutex::new(0),
        }
    }

    /// Reports the bytes that all threads have done together.
    pub(crate) fn reach(&self, done: u64) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if done > *reported {
            *reported = done;
            self.control.report(self.phase, done, self.total);
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Control")
            .field("observed", &self.observer.is_some())
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

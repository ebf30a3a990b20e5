//! Watching a long operation, and stopping it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

/// Bytes between two reports.
const REPORT_EVERY: u64 = 1 << 20;

/// What an operation is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Looking through a folder and its scripts.
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
    /// Fetching a file over the network.
    Download,
    /// Sending a file over the network.
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

/// How far an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Bytes done. Never goes back within a phase.
    pub done: u64,
    /// Bytes in all, as far as is known when the phase starts.
    pub total: u64,
    /// Bytes a second lately, where the speed is not the machine's own: while downloading and uploading.
    pub rate: Option<u64>,
}

impl Progress {
    /// Progress of which the rate is not known.
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

    /// With the rate, in bytes a second.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<u64>) -> Self {
        self.rate = rate;
        self
    }
}

/// Receives [`Progress`], from whatever thread does the work.
///
/// Called about once for each MiB of work; it should return quickly.
pub trait Observer: Send + Sync {
    /// Called with the newest state.
    fn progress(&self, progress: Progress);
}

impl<F: Fn(Progress) + Send + Sync> Observer for F {
    fn progress(&self, progress: Progress) {
        self(progress);
    }
}

/// Stops operations from another thread. Clones share one state; once cancelled it stays so.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks every operation that holds this token to stop soon with [`ErrorKind::Cancelled`].
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

/// What a caller hands to a long operation: who watches it and who may stop it. The default is nobody.
#[derive(Clone, Default)]
pub struct Control {
    observer: Option<Arc<dyn Observer>>,
    cancel: Vec<CancelToken>,
    /// What was reported last.
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

    /// Stops when `token` is cancelled. Called again, any of the tokens stops it.
    #[must_use]
    pub fn with_cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel.push(token.clone());
        self
    }

    /// Reports at the start, at the end and for each MiB between: for a host in another language each report crosses a
    /// border.
    pub fn report(&self, phase: Phase, done: u64, total: u64) {
        self.report_progress(Progress::new(phase, done, total));
    }

    /// As [`report`](Self::report), with all that is known.
    pub fn report_progress(&self, progress: Progress) {
        let Some(observer) = &self.observer else { return };
        let Progress { phase, done, total, .. } = progress;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = |last: &Progress| last.phase == phase && last.total == total && last.done <= done;
        match &*last {
            Some(last) if goes_on(last) && done < total && done - last.done < REPORT_EVERY => return,
            _ => *last = Some(progress),
        }
        drop(last);
        observer.progress(progress);
    }

    /// A control for an operation that is made of several, one after another, and a handle that tells where one ends: the
    /// observer sees one operation, whose progress never goes back within a phase.
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

    /// Whether any of its tokens was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.iter().any(CancelToken::is_cancelled)
    }

    /// Whether to go on. Operations call this between pieces of work.
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

/// Tells where a part of an operation ends; see [`Control::in_parts`].
#[derive(Clone)]
pub(crate) struct Parts(Option<Arc<Counted>>);

impl Parts {
    /// What was done so far comes before what follows.
    pub(crate) fn next(&self) {
        self.change(|phases| {
            for counted in phases {
                (counted.before, counted.to_come) = (counted.done, 0);
            }
        });
    }

    /// So many bytes of this phase come in a later part. Counted until the [`next`](Self::next) begins.
    pub(crate) fn expect(&self, phase: Phase, bytes: u64) {
        self.change(|phases| PhaseCount::of(phases, phase).to_come = bytes);
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

/// Bytes of one phase.
struct PhaseCount {
    phase: Phase,
    /// Done in parts that ended.
    before: u64,
    /// Done in all, as it was reported.
    done: u64,
    /// To be done in parts that have not begun.
    to_come: u64,
}

impl PhaseCount {
    fn of(phases: &mut Vec<Self>, phase: Phase) -> &mut Self {
        let place = phases.iter().position(|counted| counted.phase == phase);
        let place = place.unwrap_or_else(|| {
            phases.push(Self {
                phase,
                before: 0,
                done: 0,
                to_come: 0,
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
            .saturating_add(counted.to_come);
        let (done, total) = (counted.done, total.max(counted.done));
        // Under the lock, so that no other thread's report comes before an older one.
        self.observer.progress(Progress {
            done,
            total,
            ..progress
        });
    }
}

/// The progress that several threads make together: whoever comes late reports nothing, so that it never goes back.
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

    /// All threads together have done this much.
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

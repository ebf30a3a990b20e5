//! Progress and cancellation of long operations.

use std::sync::{Arc, Mutex, PoisonError};

use capbundle_core::progress as core;

use crate::catch_panic::catch_panic;
use crate::convert::signed;
use crate::error::{CallbackError, CapBundleError, ErrorKind, Result};

/// The phase of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum Phase {
    /// Reading a folder and its scripts.
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
    /// A phase that this version of the bindings does not know.
    Other,
}

impl From<core::Phase> for Phase {
    fn from(phase: core::Phase) -> Self {
        match phase {
            core::Phase::Check => Self::Check,
            core::Phase::Pack => Self::Pack,
            core::Phase::Hash => Self::Hash,
            core::Phase::Seal => Self::Seal,
            core::Phase::Open => Self::Open,
            core::Phase::Unpack => Self::Unpack,
            core::Phase::Download => Self::Download,
            _ => Self::Other,
        }
    }
}

/// The progress of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct ProgressUpdate {
    /// The current phase.
    pub phase: Phase,
    /// Bytes done. Never decreases within a phase.
    pub done: i64,
    /// Total bytes, as known when the phase starts.
    pub total: i64,
    /// Current bytes per second, during a download.
    #[uniffi(default = None)]
    pub rate: Option<i64>,
}

/// Receives the progress of an operation about once per MiB, on whichever thread does the work.
///
/// It should return quickly, because the work waits for it. If it throws, the operation stops, fails with
/// `Callback` and leaves nothing behind.
#[uniffi::export(foreign)]
pub trait ProgressObserver: Send + Sync {
    /// Called with the current progress.
    fn on_progress(&self, progress: ProgressUpdate) -> Result<(), CallbackError>;
}

/// Stops operations from another thread. A cancelled token stays cancelled; create a new one for the next
/// operation.
#[derive(Debug, Default, uniffi::Object)]
pub struct CancelToken(core::CancelToken);

#[uniffi::export]
impl CancelToken {
    /// A token that is not cancelled.
    #[uniffi::constructor]
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks every operation that holds this token to stop soon with the error `Cancelled`. Returns immediately.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether `cancel` was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Runs a long operation that the host may observe and cancel.
pub(crate) fn with_control<T>(
    cancel: Option<Arc<CancelToken>>,
    observer: Option<Arc<dyn ProgressObserver>>,
    work: impl FnOnce(&core::Control) -> Result<T>,
) -> Result<T> {
    catch_panic(|| {
        let (control, forwarding) = controlled(cancel, observer);
        let result = work(&control);
        match forwarding.and_then(|forwarding| forwarding.failure()) {
            Some(error) => Err(error),
            None => result,
        }
    })
}

/// Separate from [`with_control`], which is instantiated for every operation.
#[inline(never)]
fn controlled(
    cancel: Option<Arc<CancelToken>>,
    observer: Option<Arc<dyn ProgressObserver>>,
) -> (core::Control, Option<Arc<ForwardingObserver>>) {
    let mut control = core::Control::new();
    if let Some(token) = cancel {
        control = control.with_cancel_token(&token.0);
    }
    let forwarding = observer.map(|observer| Arc::new(ForwardingObserver::new(observer)));
    if let Some(forwarding) = &forwarding {
        control = control
            .with_cancel_token(&forwarding.stop)
            .with_observer(Arc::clone(forwarding) as _);
    }
    (control, forwarding)
}

/// Forwards progress until the observer throws.
struct ForwardingObserver {
    observer: Arc<dyn ProgressObserver>,
    stop: core::CancelToken,
    failure: Mutex<Option<CallbackError>>,
}

impl ForwardingObserver {
    fn new(observer: Arc<dyn ProgressObserver>) -> Self {
        let (stop, failure) = (core::CancelToken::new(), Mutex::default());
        Self {
            observer,
            stop,
            failure,
        }
    }

    /// The error to report if the observer threw, even if the operation completed before it could stop.
    #[inline(never)]
    fn failure(&self) -> Option<CapBundleError> {
        let thrown = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        thrown.map(|CallbackError::Failed { reason }| {
            let message = format!("the progress observer threw: {reason}");
            CapBundleError::new(ErrorKind::Callback, message)
        })
    }
}

impl core::Observer for ForwardingObserver {
    fn progress(&self, progress: core::Progress) {
        if self.stop.is_cancelled() {
            return;
        }
        let update = ProgressUpdate {
            phase: progress.phase.into(),
            done: signed(progress.done),
            total: signed(progress.total),
            rate: progress.rate.map(signed),
        };
        if let Err(error) = self.observer.on_progress(update) {
            self.stop.cancel();
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert(error);
        }
    }
}

#[cfg(test)]
mod tests;

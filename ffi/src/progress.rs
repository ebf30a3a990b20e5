//! Watching a long operation from the other side, and stopping it.

use std::sync::{Arc, Mutex, PoisonError};

use capbundle_core::progress as core;

use crate::catch_panic::catch_panic;
use crate::convert::signed;
use crate::error::{CallbackError, CapBundleError, ErrorKind, Result};

/// What an operation is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
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
    /// Something that this version of the bindings has no word for.
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

/// How far an operation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct ProgressUpdate {
    /// What is being done.
    pub phase: Phase,
    /// Bytes done. Never goes back within a phase.
    pub done: i64,
    /// Bytes in all, as far as is known when the phase starts.
    pub total: i64,
    /// Bytes a second lately, while downloading.
    #[uniffi(default = None)]
    pub rate: Option<i64>,
}

/// Receives the progress of an operation, from whatever thread does the work, about once for each MiB.
///
/// It should return quickly: the work waits for it. It may throw, which stops the operation: it fails with the error
/// `Callback` and leaves nothing behind.
#[uniffi::export(foreign)]
pub trait ProgressObserver: Send + Sync {
    /// Called with the newest state.
    fn on_progress(&self, progress: ProgressUpdate) -> Result<(), CallbackError>;
}

/// Stops operations from another thread. Once cancelled it stays so; make a new one for the next operation.
#[derive(Debug, Default, uniffi::Object)]
pub struct CancelToken(core::CancelToken);

#[uniffi::export]
impl CancelToken {
    /// A token nobody has cancelled yet.
    #[uniffi::constructor]
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks every operation that holds this token to stop soon with the error `Cancelled`. Returns at once.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether `cancel` was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Runs a long operation that the other side may watch and stop.
pub(crate) fn with_control<T>(
    cancel: Option<Arc<CancelToken>>,
    observer: Option<Arc<dyn ProgressObserver>>,
    work: impl FnOnce(&core::Control) -> Result<T>,
) -> Result<T> {
    catch_panic(|| {
        let (control, watch) = controlled(cancel, observer);
        let result = work(&control);
        match watch.and_then(|watch| watch.failure()) {
            Some(error) => Err(error),
            None => result,
        }
    })
}

/// Apart from [`with_control`], of which there is a copy for every operation.
#[inline(never)]
fn controlled(
    cancel: Option<Arc<CancelToken>>,
    observer: Option<Arc<dyn ProgressObserver>>,
) -> (core::Control, Option<Arc<Watch>>) {
    let mut control = core::Control::new();
    if let Some(token) = cancel {
        control = control.with_cancel_token(&token.0);
    }
    let watch = observer.map(|observer| Arc::new(Watch::new(observer)));
    if let Some(watch) = &watch {
        control = control
            .with_cancel_token(&watch.stop)
            .with_observer(Arc::clone(watch) as _);
    }
    (control, watch)
}

/// Passes progress on until the observer throws.
struct Watch {
    observer: Arc<dyn ProgressObserver>,
    stop: core::CancelToken,
    failure: Mutex<Option<CallbackError>>,
}

impl Watch {
    fn new(observer: Arc<dyn ProgressObserver>) -> Self {
        let (stop, failure) = (core::CancelToken::new(), Mutex::default());
        Self {
            observer,
            stop,
            failure,
        }
    }

    /// That it threw is why the operation was stopped, or what to tell where it had finished before it could stop.
    #[inline(never)]
    fn failure(&self) -> Option<CapBundleError> {
        let thrown = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        thrown.map(|CallbackError::Failed { reason }| {
            let message = format!("the progress observer threw: {reason}");
            CapBundleError::new(ErrorKind::Callback, message)
        })
    }
}

impl core::Observer for Watch {
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

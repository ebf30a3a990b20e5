//! What happened, told to the host and to nobody else.

use std::sync::Arc;

use crate::error::{CallbackError, CapBundleError, Result};

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum LogLevel {
    /// What was decided and done.
    Info,
    /// What did not work, and what was done instead.
    Warning,
}

/// Receives what a store has to say: decisions at launch, installations, errors. One message is one line of text, without
/// key material.
///
/// Called from the thread that called the store. It should return quickly; what it throws is dropped, since a log that
/// fails is no reason for an app not to start.
#[uniffi::export(foreign)]
pub trait LogObserver: Send + Sync {
    /// Called with one message.
    fn on_log(&self, level: LogLevel, message: String) -> Result<(), CallbackError>;
}

/// Who listens, if anybody does.
#[derive(Clone)]
pub(crate) struct Log(Option<Arc<dyn LogObserver>>);

impl Log {
    pub(crate) fn to(observer: Option<Arc<dyn LogObserver>>) -> Self {
        Self(observer)
    }

    pub(crate) fn info(&self, message: impl FnOnce() -> String) {
        self.tell(LogLevel::Info, message);
    }

    pub(crate) fn warn(&self, message: impl FnOnce() -> String) {
        self.tell(LogLevel::Warning, message);
    }

    /// Not inlined: every operation of the store ends with it.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&self, operation: &str, error: &CapBundleError) {
        self.warn(|| format!("{operation}: {error}"));
    }

    fn tell(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if let Some(observer) = &self.0 {
            // There is nobody left to tell, and the trait says that it is dropped.
            drop(observer.on_log(level, message()));
        }
    }
}

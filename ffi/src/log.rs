//! The log of a store, which only the host receives.

use std::sync::Arc;

use crate::error::{CallbackError, CapBundleError, Result};

/// The level of a log message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum LogLevel {
    /// A decision or an action.
    Info,
    /// A failure, with the action taken instead.
    Warning,
}

/// Receives the log of a store: launch decisions, installations, errors. A message is one line of text without
/// key material.
///
/// Called on the thread that called the store. It should return quickly. Exceptions are dropped, because a
/// failing log must not keep an app from starting.
#[uniffi::export(foreign)]
pub trait LogObserver: Send + Sync {
    /// Called with one message.
    fn on_log(&self, level: LogLevel, message: String) -> Result<(), CallbackError>;
}

/// The observer, if the host set one.
#[derive(Clone)]
pub(crate) struct Log(Option<Arc<dyn LogObserver>>);

impl Log {
    pub(crate) fn to(observer: Option<Arc<dyn LogObserver>>) -> Self {
        Self(observer)
    }

    pub(crate) fn info(&self, message: impl FnOnce() -> String) {
        self.send(LogLevel::Info, message);
    }

    pub(crate) fn warn(&self, message: impl FnOnce() -> String) {
        self.send(LogLevel::Warning, message);
    }

    /// Not inlined: every operation of the store ends with it.
    #[cold]
    #[inline(never)]
    pub(crate) fn failed(&self, operation: &str, error: &CapBundleError) {
        self.warn(|| format!("{operation}: {error}"));
    }

    fn send(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if let Some(observer) = &self.0 {
            // `LogObserver` documents that exceptions are dropped.
            drop(observer.on_log(level, message()));
        }
    }
}

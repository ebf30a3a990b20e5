//! The app around an updater.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use capbundle_core::updater as core;

use super::events::{Load, UpdaterEvent};
use crate::error::{CallbackError, CapBundleError};
use crate::log::Log;

/// The app around an updater: its web view, its listeners, its splash screen. Called for what happens by itself. What
/// the app starts is returned to it instead.
///
/// Called on the thread that caused it, one call at a time and in order. Return quickly, and pass work on to the
/// thread of the user interface. A call may use the updater. An exception is written to the log of the store and
/// stops nothing.
#[uniffi::export(foreign)]
pub trait UpdaterHost: Send + Sync {
    /// Load this in the web view. If that happens on another thread, a later decision can overtake it: pass what was
    /// really loaded to `pageStarted`.
    fn load(&self, load: Load) -> Result<(), CallbackError>;

    /// An event for the listeners in JavaScript.
    fn event(&self, event: UpdaterEvent) -> Result<(), CallbackError>;

    /// Show the splash screen, or hide it. Only with `UpdaterOptions.splashTimeoutMs`.
    fn show_splash(&self, is_shown: bool) -> Result<(), CallbackError>;

    /// There is something to do for `run`. Nothing to do for a host whose thread is in `runUntilCancelled`.
    fn wake(&self) -> Result<(), CallbackError>;
}

/// Passes calls on to the host. It fails as often as it likes.
pub(super) struct ToHost {
    host: Arc<dyn UpdaterHost>,
    log: Log,
}

impl ToHost {
    pub(super) fn new(host: Arc<dyn UpdaterHost>, log: Log) -> Self {
        Self { host, log }
    }

    fn tell(&self, what: &str, call: impl FnOnce(&dyn UpdaterHost) -> Result<(), CallbackError>) {
        // The core is between two decisions here: a panic would leave it in the middle of one.
        match panic::catch_unwind(AssertUnwindSafe(|| call(&*self.host))) {
            Ok(Ok(())) => {}
            Ok(Err(CallbackError::Failed { reason })) => {
                self.log
                    .warn(|| format!("the host of the updater threw in {what}: {reason}"));
            }
            Err(_) => self
                .log
                .warn(|| format!("panic in the bindings, in {what} of the host")),
        }
    }
}

impl core::Host for ToHost {
    fn load(&self, load: &core::Load) {
        self.tell("load", |host| {
            let refused = |error: CapBundleError| CallbackError::Failed {
                reason: error.to_string(),
            };
            let load = Load::from_core(load).map_err(refused)?;
            self.log.info(|| load.to_string());
            host.load(load)
        });
    }

    fn event(&self, event: &core::PluginEvent) {
        self.tell("event", |host| host.event(event.into()));
    }

    fn show_splash(&self, is_shown: bool) {
        self.tell("showSplash", |host| host.show_splash(is_shown));
    }

    fn wake(&self) {
        self.tell("wake", |host| host.wake());
    }
}

impl fmt::Debug for ToHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ToHost").finish_non_exhaustive()
    }
}

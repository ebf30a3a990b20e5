//! What an app gives its updater: the web view, the listeners, the splash screen.

use super::plugin_event::PluginEvent;
use super::policy::Load;

/// The app around an [`Updater`](super::Updater), called for what happens by itself. What the app starts is returned to
/// it instead.
///
/// Called on the thread that caused it, one call at a time and in order. Return quickly, and pass work on to the thread
/// of the user interface. A call may use the updater.
pub trait Host: Send + Sync {
    /// Load this in the web view. If that happens on another thread, a later decision can overtake it: pass what was
    /// really loaded to [`page_started_from`](super::Updater::page_started_from).
    fn load(&self, load: &Load);

    /// An event for the listeners in JavaScript.
    fn event(&self, event: &PluginEvent) {
        let _ = event;
    }

    /// Show the splash screen, or hide it. Only with [`PolicyOptions::splash`](super::PolicyOptions::splash).
    fn show_splash(&self, is_shown: bool) {
        let _ = is_shown;
    }

    /// There is something to do for [`run`](super::Updater::run). A host whose thread stays in
    /// [`run_until_cancelled`](super::Updater::run_until_cancelled) needs no such call.
    fn wake(&self) {}
}

//! The page in the web view, as the host holds it.

use std::sync::Arc;
use std::time::Duration;

use super::facade::Updater;
use super::policy::{HostEvent, Load, LoadId, PageId, Reply};
use crate::store::BundleRef;

/// A page that started in the web view. It belongs to the bundle that it was loaded from, and can prove no other.
///
/// Keep the last one. One that was replaced does nothing.
#[derive(Debug, Clone)]
pub struct Page {
    updater: Arc<Updater>,
    /// `None`: the host loaded something else than this updater asked for.
    id: Option<PageId>,
}

/// What a page's `notifyAppReady()` came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ready {
    /// The bundle of the page is proven, durably. The built-in bundle needs no proof.
    Confirmed(BundleRef),
    /// The page is being replaced. Nothing changed.
    Replaced,
    /// The page works, and that cannot be recorded now, for example because the disk is full. It is tried again for
    /// some seconds; after that the page may call again.
    NotYetRecorded,
}

impl Updater {
    /// The web view committed to a page: `onPageStarted` on Android, `didCommit` on iOS. The page belongs to the bundle
    /// that it was loaded from, which is what this updater asked for last.
    pub fn page_started(self: &Arc<Self>) -> Page {
        self.page_of(None)
    }

    /// As [`page_started`](Self::page_started), for a host that loads on another thread: `load` is what it loaded. If a
    /// later decision has replaced that, the host receives the current load again, and this page can confirm nothing.
    pub fn page_started_from(self: &Arc<Self>, load: &Load) -> Page {
        self.page_started_from_id(load.id)
    }

    /// As [`page_started_from`](Self::page_started_from), for a host that keeps only the number of what it loaded.
    pub fn page_started_from_id(self: &Arc<Self>, load: LoadId) -> Page {
        self.page_of(Some(load))
    }

    fn page_of(self: &Arc<Self>, load: Option<LoadId>) -> Page {
        let before = self.page();
        self.told(HostEvent::PageStarted { load });
        let id = self.page().filter(|page| Some(*page) != before);
        Page {
            updater: Arc::clone(self),
            id,
        }
    }

    fn page_ready(&self, page: PageId) -> Ready {
        let call = self.new_call();
        self.told(HostEvent::PageConfirmed { page, call: Some(call) });
        match self.take_reply(call) {
            Some(Ok(Reply::Ready(bundle))) => Ready::Confirmed(bundle),
            Some(Ok(_)) => Ready::Replaced,
            // The log says why.
            Some(Err(_)) | None => Ready::NotYetRecorded,
        }
    }
}

impl Page {
    /// How long the page has to confirm, from now on; `None` if it need not. [`run`](Updater::run) watches this time;
    /// a host without such a thread calls [`timed_out`](Self::timed_out) after it.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.id.and_then(|id| self.updater.remaining(id))
    }

    /// The page called `notifyAppReady()`.
    #[allow(clippy::must_use_candidate, reason = "the log says why, if it could not be recorded")]
    pub fn ready(&self) -> Ready {
        match self.id {
            Some(id) => self.updater.page_ready(id),
            None => Ready::Replaced,
        }
    }

    /// The page did not confirm in time. Returns what to load instead, or nothing if it did meanwhile.
    #[must_use]
    pub fn timed_out(&self) -> Option<Load> {
        self.id
            .and_then(|id| self.updater.returned(HostEvent::PageTimedOut(id)))
    }

    /// The process that renders the page ended: `onRenderProcessGone`, `webViewWebContentProcessDidTerminate`. Returns
    /// what to load: the bundle before it if the page was on trial, else the same again.
    #[must_use]
    pub fn crashed(&self) -> Option<Load> {
        self.id.and_then(|id| self.updater.returned(HostEvent::PageCrashed(id)))
    }
}

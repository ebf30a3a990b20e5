//! How a session started: whether the app is in the background, and whether the page that started confirmed.
//!
//! Recorded in a small file beside the session's, since only the next launch can find a start that ended silently.
//! Written without waiting for the disk: a power cut is not the bundle's fault, and at worst removes the file. A launch
//! without a change therefore still writes nothing durable.

use crate::error::Result;
use crate::store::bundle_id::BundleId;
use crate::store::storage::{START, Storage};

/// Three words at most; a longer file was not written by a store.
const MAX_START: u64 = 64;

/// The start of one process, as its session saw it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) struct SessionStart {
    pub(in crate::store) place: Place,
    pub(in crate::store) page: Page,
    /// The bundle on trial was suspended and has not started again. Not recorded, since only this process uses it.
    pub(in crate::store) suspended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::store) enum Place {
    /// In the foreground since the process started. Only such a start counts.
    #[default]
    Foreground,
    Background,
    /// In the foreground, after it was in the background.
    Returned,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::store) enum Page {
    #[default]
    None,
    /// The page of this proven bundle started.
    Started(BundleId),
    Confirmed,
}

impl SessionStart {
    pub(in crate::store) fn is_in_background(&self) -> bool {
        self.place == Place::Background
    }

    /// Whether the time limit of a page is suspended.
    pub(in crate::store) fn is_paused(&self) -> bool {
        self.suspended || self.is_in_background()
    }

    /// Whether the page of this bundle started and has not confirmed yet.
    pub(in crate::store) fn awaits(&self, id: &BundleId) -> bool {
        matches!(&self.page, Page::Started(started) if started == id)
    }

    /// The bundle that started, if the process ends silently now.
    pub(in crate::store) fn silent(&self) -> Option<&BundleId> {
        match &self.page {
            Page::Started(id) if self.place == Place::Foreground => Some(id),
            _ => None,
        }
    }

    pub(in crate::store) fn to_text(&self) -> String {
        let place = match self.place {
            Place::Foreground => "foreground",
            Place::Background => "background",
            Place::Returned => "returned",
        };
        match &self.page {
            Page::None => place.to_owned(),
            Page::Started(id) => format!("{place} started {id}"),
            Page::Confirmed => format!("{place} confirmed"),
        }
    }

    /// A truncated text counts against no bundle.
    fn of_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let place = match words.next()? {
            "foreground" => Place::Foreground,
            "background" => Place::Background,
            "returned" => Place::Returned,
            _ => return None,
        };
        let page = match (words.next(), words.next()) {
            (None, None) => Page::None,
            (Some("started"), Some(id)) => Page::Started(id.parse().ok()?),
            (Some("confirmed"), None) => Page::Confirmed,
            _ => return None,
        };
        Some(Self {
            place,
            page,
            suspended: false,
        })
    }
}

impl Storage {
    /// The recorded start of a session; `None` if it is missing or unreadable.
    pub(in crate::store) fn start_of(&self, session: &str) -> Option<SessionStart> {
        let bytes = self.files.read(&self.layout.start(session), MAX_START).ok()?;
        SessionStart::of_text(std::str::from_utf8(&bytes).ok()?)
    }

    /// The recorded starts by session. An unreadable one counts against no bundle.
    pub(in crate::store) fn starts(&self) -> Vec<(String, Option<SessionStart>)> {
        let names = self.list(&self.layout.sessions()).unwrap_or_default();
        let sessions = names.iter().filter_map(|name| name.strip_suffix(START));
        sessions
            .map(|session| (session.to_owned(), self.start_of(session)))
            .collect()
    }

    /// Removes the recorded starts of sessions.
    pub(in crate::store) fn remove_starts(&self, sessions: &[String]) -> Result<()> {
        sessions
            .iter()
            .try_for_each(|session| self.remove_file_if_there(&self.layout.start(session)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    #[test]
    fn a_recorded_start_is_read_back() {
        let id: BundleId = "0123456789".parse().unwrap();
        for place in [Place::Foreground, Place::Background, Place::Returned] {
            for page in [Page::None, Page::Started(id.clone()), Page::Confirmed] {
                let start = SessionStart {
                    place,
                    page,
                    suspended: false,
                };
                assert_eq!(SessionStart::of_text(&start.to_text()), Some(start));
            }
        }
    }

    #[test]
    fn a_truncated_start_counts_against_no_bundle() {
        let whole = "foreground started 0123456789";
        assert!(SessionStart::of_text(whole).unwrap().silent().is_some());
        for length in 0..whole.len() {
            let silent = SessionStart::of_text(&whole[..length]).and_then(|start| start.silent().cloned());
            assert_eq!(silent, None, "{}", &whole[..length]);
        }
    }
}

//! The bundles that failed, the newest of them.

use super::machine::State;
use crate::digest::Sha256Digest;
use crate::store::records::FailedBundle;

/// Failures that are kept. A device that fails an update every week keeps those of a year; each costs a launch about a
/// microsecond to read, and 64 have room in the reserve beside a hundred bundles. An older one may be tried again, and
/// comes back as the newest if it fails.
pub(in crate::store) const MAX_FAILED: usize = 64;

/// What two entries for the same failure have in common.
type Key<'a> = (&'a str, Option<&'a [u8; 32]>);

impl FailedBundle {
    fn key(&self) -> Key<'_> {
        (&self.version, self.digest.as_ref().map(Sha256Digest::as_bytes))
    }
}

impl State {
    /// Remembers a failure as the newest, unless it is known.
    pub(in crate::store) fn remember_failure(&mut self, failed: &mut FailedBundle) {
        let last = self.failed.iter().map(|known| known.order).max().unwrap_or_default();
        failed.order = last.saturating_add(1);
        if !self.failed.iter().any(|known| known.key() == failed.key()) {
            self.failed.push(failed.clone());
        }
        self.bound_failures();
    }

    /// Takes over the failures of these marks, in which order they may come, that the state does not know.
    pub(in crate::store) fn recall_failures(&mut self, mut marks: Vec<FailedBundle>) {
        marks.sort_by_key(|mark| (mark.order, mark.at));
        let unknown: Vec<FailedBundle> = missing_from(&marks, &self.failed).into_iter().cloned().collect();
        self.failed.extend(unknown);
        // Stable: what an earlier version wrote keeps its place.
        self.failed.sort_by_key(|failed| failed.order);
        self.bound_failures();
    }

    /// Forgets the oldest failures beyond [`MAX_FAILED`]. An earlier version kept any number.
    pub(in crate::store) fn bound_failures(&mut self) {
        let surplus = self.failed.len().saturating_sub(MAX_FAILED);
        self.failed.drain(..surplus);
    }
}

/// The failures that are in `before` and not in `after`. Looks each up in an index: an earlier version kept any number.
pub(in crate::store) fn missing_from<'a>(before: &'a [FailedBundle], after: &[FailedBundle]) -> Vec<&'a FailedBundle> {
    let mut keys: Vec<Key<'_>> = after.iter().map(FailedBundle::key).collect();
    keys.sort_unstable();
    let is_missing = |failed: &&FailedBundle| keys.binary_search(&failed.key()).is_err();
    before.iter().filter(is_missing).collect()
}

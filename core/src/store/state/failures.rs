//! The newest failures.

use super::machine::StoreState;
use crate::digest::Sha256Digest;
use crate::store::records::FailedBundle;

/// Maximum number of failures kept. They cover a year for a device that fails an update every week, each costs a launch
/// about a microsecond to read, and 64 fit into the reserve beside a hundred bundles. A bundle whose failure was
/// dropped may be tried again, and becomes the newest failure if it fails again.
pub(in crate::store) const MAX_FAILED: usize = 64;

/// Key by which two entries are the same failure.
type Key<'a> = (&'a str, Option<&'a [u8; 32]>);

impl FailedBundle {
    fn key(&self) -> Key<'_> {
        (&self.version, self.identity().any_digest().map(Sha256Digest::as_bytes))
    }
}

impl StoreState {
    /// Records a failure as the newest, unless it is known.
    pub(in crate::store) fn remember_failure(&mut self, failed: &mut FailedBundle) {
        let last = self.failed.iter().map(|known| known.order).max().unwrap_or_default();
        failed.order = last.saturating_add(1);
        if !self.failed.iter().any(|known| known.key() == failed.key()) {
            self.failed.push(failed.clone());
        }
        self.bound_failures();
    }

    /// Adds the failures of these marks, in any order, that the state does not contain.
    pub(in crate::store) fn recall_failures(&mut self, mut marks: Vec<FailedBundle>) {
        marks.sort_by_key(|mark| (mark.order, mark.at));
        let unknown: Vec<FailedBundle> = missing_from(&marks, &self.failed).into_iter().cloned().collect();
        self.failed.extend(unknown);
        // A stable sort keeps the order of entries that an earlier version wrote.
        self.failed.sort_by_key(|failed| failed.order);
        self.bound_failures();
    }

    /// Drops the oldest failures beyond [`MAX_FAILED`]. An earlier version kept any number.
    pub(in crate::store) fn bound_failures(&mut self) {
        let surplus = self.failed.len().saturating_sub(MAX_FAILED);
        self.failed.drain(..surplus);
    }
}

/// The failures in `before` that are not in `after`. Uses an index, since an earlier version kept any number.
pub(in crate::store) fn missing_from<'a>(before: &'a [FailedBundle], after: &[FailedBundle]) -> Vec<&'a FailedBundle> {
    let mut keys: Vec<Key<'_>> = after.iter().map(FailedBundle::key).collect();
    keys.sort_unstable();
    let is_missing = |failed: &&FailedBundle| keys.binary_search(&failed.key()).is_err();
    before.iter().filter(is_missing).collect()
}

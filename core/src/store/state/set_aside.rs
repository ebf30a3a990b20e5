//! Proven bundles that lost a later trial.
//!
//! The cause may be something other than the bundle, such as a server that is down. Such a bundle has not failed: it is
//! not offered for a day, or until a new release offers it.

use super::machine::StoreState;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::records::{BundleRecord, Identity, SetAside};
use crate::time::Timestamp;

/// Number of entries kept, the newest. A device tries one bundle after another, and few within a day.
const KEPT: usize = 8;

impl StoreState {
    /// Sets aside the proven bundle on trial; the fallback becomes current.
    pub(in crate::store) fn set_aside(&mut self, id: &BundleId, now: Timestamp) {
        let Some(record) = self.bundles.get(id).cloned() else {
            return;
        };
        self.offer_again(&record);
        self.set_aside.push(SetAside {
            version: record.version,
            digest: record.digest,
            content_digest: record.content_digest,
            sequence: record.sequence,
            at: now,
        });
        let surplus = self.set_aside.len().saturating_sub(KEPT);
        self.set_aside.drain(..surplus);
        if self.next.as_ref().is_some_and(|next| next.is(id)) {
            self.drop_next();
        }
        self.fall_back();
        if !self.superseded.contains(id) {
            self.superseded.push(id.clone());
        }
    }

    /// The entry that keeps a bundle from being installed or applied now. `sequence` is that of the release that offers
    /// it.
    pub(in crate::store) fn set_aside_of(
        &self,
        bundle: Identity<'_>,
        sequence: Option<u64>,
        now: Timestamp,
    ) -> Option<&SetAside> {
        self.set_aside.iter().find(|aside| {
            let is_new_release = matches!((sequence, aside.sequence), (Some(new), Some(old)) if new > old);
            aside.identity().is_same_as(&bundle) && !is_new_release && !aside.is_over(now)
        })
    }

    /// Ends the pause of a bundle.
    pub(in crate::store) fn offer_again(&mut self, record: &BundleRecord) {
        self.set_aside
            .retain(|aside| !aside.identity().is_same_as(&record.identity()));
    }

    /// The same for a bundle that the host selected.
    pub(in crate::store) fn offer_ref_again(&mut self, slot: &BundleRef) {
        if let Some(record) = slot.bundle().and_then(|id| self.bundles.get(id)).cloned() {
            self.offer_again(&record);
        }
    }
}

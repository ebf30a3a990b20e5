//! Bundles that proved themselves once and lost a later trial.
//!
//! Something else than the bundle may be the cause, such as a server that is down. So it is not failed for good: it is only
//! not offered again for a day, or until a new release says so.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::State;
use crate::digest::Sha256Digest;
use crate::store::json::{FromJson, Object};
use crate::store::types::{BundleId, BundleRecord, BundleRef, digest_text};
use crate::time::Timestamp;

/// How long a bundle is not offered again: long enough for an outage to end, short enough that a user gets the bundle back.
const PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// The newest count. A device tries one bundle after another, and few of them within a day.
const KEPT: usize = 8;

/// A bundle that is not offered again for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct SetAside {
    pub(in crate::store) version: String,
    #[serde(serialize_with = "digest_text", skip_serializing_if = "Option::is_none")]
    pub(in crate::store) digest: Option<Sha256Digest>,
    /// The sequence of its release: a later one offers the bundle again at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) sequence: Option<u64>,
    pub(in crate::store) at: Timestamp,
}

impl SetAside {
    fn is(&self, version: &str, digest: Option<&Sha256Digest>) -> bool {
        match (&self.digest, digest) {
            (Some(aside), Some(digest)) => aside == digest,
            _ => self.version == version,
        }
    }

    /// When it is offered again.
    pub(in crate::store) fn until(&self) -> Timestamp {
        Timestamp(self.at.0.saturating_add(PAUSE.as_secs()))
    }

    /// A clock that was set back since must not prolong the pause.
    fn is_over(&self, now: Timestamp) -> bool {
        now < self.at || now >= self.until()
    }
}

impl State {
    /// The bundle on trial proved itself before and does not work now: the fallback is current.
    pub(super) fn set_aside(&mut self, id: &BundleId, now: Timestamp) {
        let Some(record) = self.bundles.get(id).cloned() else {
            return;
        };
        self.offer_again(&record);
        self.set_aside.push(SetAside {
            version: record.version,
            digest: record.digest,
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

    /// Why a bundle is not to be installed or applied by itself now. `sequence` is that of the release which offers it.
    pub(in crate::store) fn set_aside_of(
        &self,
        version: &str,
        digest: Option<&Sha256Digest>,
        sequence: Option<u64>,
        now: Timestamp,
    ) -> Option<&SetAside> {
        self.set_aside.iter().find(|aside| {
            let is_new_release = matches!((sequence, aside.sequence), (Some(new), Some(old)) if new > old);
            aside.is(version, digest) && !is_new_release && !aside.is_over(now)
        })
    }

    /// Ends the pause of a bundle.
    pub(super) fn offer_again(&mut self, record: &BundleRecord) {
        self.set_aside
            .retain(|aside| !aside.is(&record.version, record.digest.as_ref()));
    }

    /// The same for what the host chose by itself.
    pub(super) fn offer_slot_again(&mut self, slot: &BundleRef) {
        if let Some(record) = slot.bundle().and_then(|id| self.bundles.get(id)).cloned() {
            self.offer_again(&record);
        }
    }
}

impl FromJson for SetAside {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            version: object.get("version")?,
            digest: object.get_or_default("digest")?,
            sequence: object.get_or_default("sequence")?,
            at: object.get("at")?,
        })
    }
}

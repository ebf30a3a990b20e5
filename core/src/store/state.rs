//! The state machine of the store: pure, without I/O or clock. `docs/launch-protocol.md` tells its story.
//!
//! Invariants, which hold after every transition (`tests` checks them over random sequences of events):
//! 1. Current is built-in, or the fallback, or on trial. So nothing unproven is served without a way back.
//! 2. The fallback is built-in or a bundle that confirmed.
//! 3. Current, next and fallback are built-in or installed, and none of them is failed.
//! 4. A trial belongs to the current bundle.
//! 5. At most [`MAX_FAILED`] failures are kept, the newest.
//! 6. The sequence accepted of a channel never goes down, and the latest time never goes back.

mod failures;
mod launch;
mod trial;

use serde::Serialize;
use serde_json::Value;

pub(super) use failures::{MAX_FAILED, missing_from};
pub(super) use launch::{Decision, Facts, Rules, TrialEnd, World};
pub(super) use trial::Trial;

use super::bundles::Bundles;
use super::delay::Delays;
use super::json::{FromJson, Object};
use super::trust::{AcceptedRelease, Overtaken, TrustMemory};
use super::types::{BundleId, BundleRecord, Failed, FailureCause, Slot, Status, Timestamp};
use crate::digest::Sha256Digest;

/// Everything that must survive.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct State {
    pub(super) current: Slot,
    pub(super) fallback: Slot,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<Slot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) trial: Option<Trial>,
    pub(super) delays: Delays,
    pub(super) bundles: Bundles,
    pub(super) failed: Vec<Failed>,
    /// The failure that nobody asked about yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unread_failure: Option<Failed>,
    /// The native build of the last launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) native_build: Option<String>,
    /// What was accepted of whom. Nothing that happens to bundles takes away from it.
    #[serde(skip_serializing_if = "TrustMemory::is_empty")]
    pub(super) trust: TrustMemory,
}

impl FromJson for State {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            current: object.get("current")?,
            fallback: object.get("fallback")?,
            next: object.get_or_default("next")?,
            trial: object.get_or_default("trial")?,
            delays: object.get_or_default("delays")?,
            bundles: object.get("bundles")?,
            failed: object.get("failed")?,
            unread_failure: object.get_or_default("unread_failure")?,
            native_build: object.get_or_default("native_build")?,
            trust: object.get_or_default("trust")?,
        })
    }
}

/// Why a transition was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Unknown,
    InUse(&'static str),
    HasFailed,
}

impl State {
    pub(super) fn add(&mut self, record: BundleRecord) {
        self.bundles.insert(record);
    }

    /// The release `release` is accepted, and `record` is the bundle it came with: one that was unpacked for it, or one with
    /// the same bytes that was there. What the release says of it holds from now on.
    pub(super) fn accept(&mut self, record: BundleRecord, release: &AcceptedRelease) -> Result<(), Overtaken> {
        self.trust.accept(release)?;
        self.bundles.insert(record);
        Ok(())
    }

    /// The release `release`, which goes to the built-in bundle, is accepted: that comes next, or stays. Says whether it comes
    /// next now and did not before.
    pub(super) fn accept_built_in(&mut self, release: &AcceptedRelease) -> Result<bool, Overtaken> {
        self.trust.accept(release)?;
        Ok(self.make_built_in_next())
    }

    /// A bundle that was to come next is withdrawn, and its conditions with it: those were for that bundle, and must not hold
    /// back the way out of a bad one.
    pub(super) fn make_built_in_next(&mut self) -> bool {
        if self.next == Some(Slot::BuiltIn) {
            return false;
        }
        self.drop_next();
        if self.current == Slot::BuiltIn {
            // Nothing that was withdrawn is what a later bundle falls back to.
            self.fallback = Slot::BuiltIn;
            return false;
        }
        self.next = Some(Slot::BuiltIn);
        true
    }

    pub(super) fn status(&self, record: &BundleRecord) -> Status {
        match &self.trial {
            Some(_) if self.current.is(&record.id) => Status::Trial,
            _ if self.next.as_ref().is_some_and(|next| next.is(&record.id)) => Status::Next,
            _ if record.proven_at.is_some() => Status::Proven,
            _ => Status::Installed,
        }
    }

    /// What is tried, and the session that does.
    pub(super) fn attempt(&self) -> Option<(&Slot, &str)> {
        let attempt = self.trial.as_ref()?.attempt.as_ref()?;
        Some((&self.current, &attempt.session))
    }

    /// The failure that forbids a bundle.
    pub(super) fn failure_of(&self, version: &str, digest: Option<&Sha256Digest>) -> Option<&Failed> {
        self.failed
            .iter()
            .find(|failed| failed.forbids_version(version, digest))
    }

    pub(super) fn set_next(&mut self, next: Slot) -> Result<(), Refusal> {
        self.require_servable(&next)?;
        self.next = Some(next);
        Ok(())
    }

    /// Nothing is to come next. The conditions were for what was, and must not hold back what comes later; set while there
    /// was nothing, they are for that.
    pub(super) fn drop_next(&mut self) {
        if self.next.take().is_some() {
            self.delays.set(Vec::new());
        }
    }

    /// Makes a bundle current at once; on trial unless it is the last proven one.
    pub(super) fn set_current(&mut self, slot: Slot) -> Result<(), Refusal> {
        self.require_servable(&slot)?;
        if self.next.as_ref() == Some(&slot) {
            self.drop_next();
        }
        self.make_current(slot);
        Ok(())
    }

    /// Goes back to the built-in bundle, or to the last one that confirmed. What was to come next is dropped.
    pub(super) fn reset(&mut self, to_last_proven: bool) {
        self.drop_next();
        let slot = if to_last_proven {
            self.fallback.clone()
        } else {
            Slot::BuiltIn
        };
        self.make_current(slot);
    }

    fn make_current(&mut self, slot: Slot) {
        if self.current == slot {
            return;
        }
        self.trial = match &slot {
            Slot::Bundle(_) if slot != self.fallback => Some(Trial::default()),
            _ => None,
        };
        self.current = slot;
    }

    /// The bundle confirms that it works. `None` if it is not current, and then nothing changes; else whether this is
    /// the first confirmation, and the bundle whose place as fallback it took.
    pub(super) fn confirm(&mut self, id: &BundleId, now: Timestamp) -> Option<(bool, Option<BundleId>)> {
        if !self.current.is(id) {
            return None;
        }
        let was_on_trial = self.trial.take().is_some();
        if !was_on_trial {
            return Some((false, None));
        }
        let build = self.native_build.clone();
        if let Some(record) = self.bundles.get_mut(id) {
            record.proven_at = Some(now);
            record.proven_build = build;
        }
        let previous = std::mem::replace(&mut self.fallback, Slot::Bundle(id.clone()));
        Some((true, previous.bundle().filter(|previous| *previous != id).cloned()))
    }

    /// Never again: the bundle is forgotten, and what relied on it falls back.
    pub(super) fn fail(&mut self, id: &BundleId, cause: FailureCause, now: Timestamp) -> Result<Failed, Refusal> {
        let record = self.bundles.remove(id).ok_or(Refusal::Unknown)?;
        let native_build = self.native_build.clone();
        let id = id.clone();
        let mut failed = Failed {
            id,
            version: record.version,
            digest: record.digest,
            at: now,
            native_build,
            cause,
            order: 0,
        };
        self.remember_failure(&mut failed);
        let id = &failed.id;
        if self.fallback.is(id) {
            self.fallback = Slot::BuiltIn;
        }
        if self.next.as_ref().is_some_and(|next| next.is(id)) {
            self.drop_next();
        }
        if self.current.is(id) {
            self.fall_back();
        }
        self.unread_failure = Some(failed.clone());
        // Bundles with the same bytes under other ids are failed too.
        self.drop_failed();
        Ok(failed)
    }

    fn drop_failed(&mut self) {
        let same: Vec<BundleId> = self
            .bundles
            .values()
            .filter(|record| self.failure_of(&record.version, record.digest.as_ref()).is_some())
            .map(|record| record.id.clone())
            .collect();
        self.forget_bundles(&same);
    }

    pub(super) fn fall_back(&mut self) {
        self.trial = None;
        self.current = self.fallback.clone();
    }

    /// Takes a bundle out of the list; its files go later.
    pub(super) fn delete(&mut self, id: &BundleId) -> Result<BundleRecord, Refusal> {
        if !self.bundles.contains_key(id) {
            return Err(Refusal::Unknown);
        }
        if let Some(role) = self.role(id) {
            return Err(Refusal::InUse(role));
        }
        self.bundles.remove(id).ok_or(Refusal::Unknown)
    }

    /// What a bundle is needed for.
    pub(super) fn role(&self, id: &BundleId) -> Option<&'static str> {
        match () {
            () if self.current.is(id) => Some("current"),
            () if self.next.as_ref().is_some_and(|next| next.is(id)) => Some("next"),
            () if self.fallback.is(id) => Some("fallback"),
            () => None,
        }
    }

    /// Drops bundles that are gone from the disk or forbidden, from every role they had.
    pub(super) fn forget_bundles(&mut self, gone: &[BundleId]) {
        let is_gone = |slot: &Slot| slot.bundle().is_some_and(|id| gone.contains(id));
        if is_gone(&self.fallback) {
            self.fallback = Slot::BuiltIn;
        }
        if self.next.as_ref().is_some_and(is_gone) {
            self.drop_next();
        }
        if is_gone(&self.current) {
            self.fall_back();
        }
        self.bundles.retain(|record| !gone.contains(&record.id));
    }

    pub(super) fn forget_failure(&mut self, version: &str) -> usize {
        let before = self.failed.len();
        self.failed.retain(|failed| failed.version != version);
        before - self.failed.len()
    }

    fn require_servable(&self, slot: &Slot) -> Result<(), Refusal> {
        let Slot::Bundle(id) = slot else { return Ok(()) };
        let record = self.bundles.get(id).ok_or(Refusal::Unknown)?;
        match self.failure_of(&record.version, record.digest.as_ref()) {
            Some(_) => Err(Refusal::HasFailed),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

//! The state and its transitions.

use serde::Serialize;
use serde_json::Value;

use super::bundles::Bundles;
use super::decision::Rules;
use super::trial::Trial;
use crate::error::Error;
use crate::native::NativeVersion;
use crate::store::bundle_id::{BundleId, BundleRef};
use crate::store::lifecycle::apply_condition::ApplyConditions;
use crate::store::records::{
    AcceptedRelease, BundleRecord, FailedBundle, FailureCause, Identity, RollbackGuard, SetAside, Status, Superseded,
};
use crate::store::storage::json::{FromJson, Object};
use crate::time::Timestamp;

/// Everything that must survive a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::store) struct StoreState {
    pub(in crate::store) current: BundleRef,
    pub(in crate::store) fallback: BundleRef,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) next: Option<BundleRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) trial: Option<Trial>,
    pub(in crate::store) delays: ApplyConditions,
    pub(in crate::store) bundles: Bundles,
    pub(in crate::store) failed: Vec<FailedBundle>,
    /// The newest failure, until the host takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) unread_failure: Option<FailedBundle>,
    /// Proven bundles that lost a later trial: not offered for a while, and not failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) set_aside: Vec<SetAside>,
    /// The proven bundle that the fallback replaced, kept until the fallback has confirmed several later starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) previous: Option<BundleId>,
    /// Starts that the fallback has confirmed since it replaced `previous`.
    #[serde(skip_serializing_if = "is_zero")]
    pub(in crate::store) confirmed_starts: u32,
    /// Bundles that lost their role as fallback or predecessor. Removed when another bundle is proven.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) superseded: Vec<BundleId>,
    /// The silent starts of the current bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) silent: Option<SilentStarts>,
    /// The native build of the last launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) native_build: Option<String>,
    /// The native version of the last launch. Unknown in a store written before this was recorded: the next launch
    /// records it without treating it as a native update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) native_version: Option<NativeVersion>,
    /// The accepted releases. No change to bundles removes from it.
    #[serde(skip_serializing_if = "RollbackGuard::is_empty")]
    pub(in crate::store) trust: RollbackGuard,
}

/// Consecutive starts of a proven bundle whose process ended in the foreground, after its page started and before it
/// confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct SilentStarts {
    pub(in crate::store) bundle: BundleId,
    /// The sessions, so that none is counted twice.
    pub(in crate::store) sessions: Vec<String>,
}

impl SilentStarts {
    pub(in crate::store) fn of(bundle: BundleId) -> Self {
        Self {
            bundle,
            sessions: Vec::new(),
        }
    }
}

/// The result of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Confirmed {
    /// Whether it ended a trial.
    pub(in crate::store) first: bool,
    /// Bundles that are no longer needed.
    pub(in crate::store) superseded: Vec<BundleId>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl FromJson for StoreState {
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
            set_aside: object.get_or_default("set_aside")?,
            previous: object.get_or_default("previous")?,
            confirmed_starts: object.get_or_default("confirmed_starts")?,
            superseded: object.get_or_default("superseded")?,
            silent: object.get_or_default("silent")?,
            native_build: object.get_or_default("native_build")?,
            native_version: object.get_or_default("native_version")?,
            trust: object.get_or_default("trust")?,
        })
    }
}

impl FromJson for SilentStarts {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            bundle: object.get("bundle")?,
            sessions: object.get("sessions")?,
        })
    }
}

/// Why a transition was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Refusal {
    Unknown,
    InUse(&'static str),
    HasFailed,
}

impl Refusal {
    pub(in crate::store) fn into_error(self, bundle: &BundleRef) -> Error {
        let id = bundle.to_string();
        match self {
            Self::Unknown => Error::UnknownBundle { id },
            Self::InUse(role) => Error::InUse { id, role },
            Self::HasFailed => Error::not_trusted(
                format!("bundle {id}"),
                "failed on this device before; forget its failure to serve it again",
            ),
        }
    }
}

impl StoreState {
    pub(in crate::store) fn add(&mut self, record: BundleRecord) {
        self.bundles.insert(record);
    }

    /// Accepts `release`, whose bundle is `record`: one unpacked for it, or an installed one with the same bytes. The
    /// metadata of the release applies from now on.
    pub(in crate::store) fn accept(
        &mut self,
        record: BundleRecord,
        release: &AcceptedRelease,
    ) -> Result<(), Superseded> {
        self.trust.accept(release)?;
        self.offer_again(&record);
        self.bundles.insert(record);
        Ok(())
    }

    /// Accepts `release`, which selects the built-in bundle: that comes next, or stays current. Returns whether it
    /// comes next now and did not before.
    pub(in crate::store) fn accept_built_in(&mut self, release: &AcceptedRelease) -> Result<bool, Superseded> {
        self.trust.accept(release)?;
        Ok(self.make_built_in_next())
    }

    /// Withdraws the next bundle together with its conditions, which must not delay the replacement of a bad bundle.
    pub(in crate::store) fn make_built_in_next(&mut self) -> bool {
        if self.next == Some(BundleRef::BuiltIn) {
            return false;
        }
        self.drop_next();
        if self.current == BundleRef::BuiltIn {
            // A withdrawn bundle must not be the fallback of a later one.
            self.make_current(BundleRef::BuiltIn);
            return false;
        }
        self.next = Some(BundleRef::BuiltIn);
        true
    }

    pub(in crate::store) fn status(&self, record: &BundleRecord) -> Status {
        match &self.trial {
            Some(_) if self.current.is(&record.id) => Status::Trial,
            _ if self.next.as_ref().is_some_and(|next| next.is(&record.id)) => Status::Next,
            _ if record.proven_at.is_some() => Status::Proven,
            _ => Status::Installed,
        }
    }

    /// The bundle on trial, and the session of its attempt.
    pub(in crate::store) fn attempt(&self) -> Option<(&BundleRef, &str)> {
        let attempt = self.trial.as_ref()?.attempt.as_ref()?;
        Some((&self.current, &attempt.session))
    }

    /// The failure that forbids a bundle.
    pub(in crate::store) fn failure_of(&self, bundle: Identity<'_>) -> Option<&FailedBundle> {
        self.failed.iter().find(|failed| failed.identity().is_same_as(&bundle))
    }

    pub(in crate::store) fn set_next(&mut self, next: BundleRef) -> Result<(), Refusal> {
        self.require_servable(&next)?;
        self.offer_ref_again(&next);
        self.next = Some(next);
        Ok(())
    }

    /// Clears the next bundle and its conditions, which must not delay a later one. Conditions that were set without a
    /// next bundle stay, since they are for a later one.
    pub(in crate::store) fn drop_next(&mut self) {
        if self.next.take().is_some() {
            self.delays.set(Vec::new());
        }
    }

    /// Makes a bundle current immediately, on trial unless it is the last proven one.
    pub(in crate::store) fn set_current(&mut self, slot: BundleRef) -> Result<(), Refusal> {
        self.require_servable(&slot)?;
        self.offer_ref_again(&slot);
        if self.next.as_ref() == Some(&slot) {
            self.drop_next();
        }
        self.make_current(slot);
        Ok(())
    }

    /// Resets to the built-in bundle, or to the last one that confirmed. Clears the next bundle.
    pub(in crate::store) fn reset(&mut self, to_last_proven: bool) {
        self.drop_next();
        let slot = if to_last_proven {
            self.fallback.clone()
        } else {
            BundleRef::BuiltIn
        };
        self.make_current(slot);
    }

    /// Resets to the built-in bundle because the last one that confirmed cannot be served now. It stays the fallback,
    /// since it was not withdrawn.
    pub(in crate::store) fn reset_for_now(&mut self) {
        self.drop_next();
        self.trial = None;
        self.silent = None;
        self.current = BundleRef::BuiltIn;
    }

    pub(in crate::store) fn make_current(&mut self, slot: BundleRef) {
        // Selecting the built-in bundle withdraws all others: a later failure must not bring one of them back.
        if slot == BundleRef::BuiltIn {
            self.supersede_fallback();
            self.fallback = BundleRef::BuiltIn;
            self.superseded.extend(self.previous.take());
        }
        if self.current == slot {
            return;
        }
        self.silent = None;
        self.trial = match &slot {
            BundleRef::Bundle(_) if slot != self.fallback => Some(Trial::default()),
            _ => None,
        };
        self.current = slot;
    }

    pub(in crate::store) fn supersede_fallback(&mut self) {
        if let BundleRef::Bundle(id) = &self.fallback
            && !self.superseded.contains(id)
        {
            self.superseded.push(id.clone());
        }
    }

    /// The bundle confirms that it works. Returns `None` without a change if it is not current, or if it is on trial
    /// and its page did not start in this session.
    ///
    /// `counts`: a start of its page in this session has not been confirmed yet.
    pub(in crate::store) fn confirm(
        &mut self,
        id: &BundleId,
        session: &str,
        counts: bool,
        rules: &Rules,
        now: Timestamp,
    ) -> Option<Confirmed> {
        if !self.current.is(id) {
            return None;
        }
        let Some(trial) = &mut self.trial else {
            return Some(self.confirm_proven(counts, rules));
        };
        trial.attempt_of(session).filter(|attempt| attempt.page_started)?;
        self.trial = None;
        self.silent = None;
        let (build, version) = (self.native_build.clone(), self.native_version.clone());
        if let Some(record) = self.bundles.get_mut(id) {
            record.proven_at = Some(now);
            record.proven_build = build;
            record.proven_version = version;
        }
        if let Some(record) = self.bundles.get(id).cloned() {
            self.offer_again(&record);
        }
        self.replace_fallback(id);
        let mut superseded = std::mem::take(&mut self.superseded);
        superseded.extend(self.take_previous_if_due(rules));
        Some(Confirmed {
            first: true,
            superseded: self.unneeded(superseded),
        })
    }

    /// A proven bundle confirms another start.
    fn confirm_proven(&mut self, counts: bool, rules: &Rules) -> Confirmed {
        let mut superseded = Vec::new();
        if counts {
            self.silent = None;
            if self.previous.is_some() {
                self.confirmed_starts = self.confirmed_starts.saturating_add(1);
                superseded.extend(self.take_previous_if_due(rules));
            }
        }
        Confirmed {
            first: false,
            superseded: self.unneeded(superseded),
        }
    }

    /// Makes the bundle the fallback; the previous fallback becomes its predecessor.
    pub(in crate::store) fn replace_fallback(&mut self, id: &BundleId) {
        let replaced = std::mem::replace(&mut self.fallback, BundleRef::Bundle(id.clone()));
        if let BundleRef::Bundle(replaced) = replaced
            && replaced != *id
        {
            let older = self.previous.replace(replaced);
            self.superseded
                .extend(older.filter(|older| self.previous.as_ref() != Some(older)));
        }
        self.superseded.extend(self.previous.take_if(|previous| previous == id));
        self.superseded.retain(|superseded| superseded != id);
        self.confirmed_starts = 0;
    }

    fn take_previous_if_due(&mut self, rules: &Rules) -> Option<BundleId> {
        if self.confirmed_starts < rules.silent_starts {
            return None;
        }
        self.confirmed_starts = 0;
        self.previous.take()
    }

    fn unneeded(&self, mut superseded: Vec<BundleId>) -> Vec<BundleId> {
        superseded.retain(|id| self.bundles.contains_key(id) && self.role(id).is_none());
        superseded
    }

    /// The predecessor of the fallback if it was proven with this native app, otherwise the built-in bundle.
    pub(in crate::store) fn predecessor(&self) -> BundleRef {
        let previous = self.previous.as_ref().filter(|id| self.proved_here(id));
        previous.cloned().map_or(BundleRef::BuiltIn, BundleRef::Bundle)
    }

    /// Whether a bundle confirmed with the native app of the last launch.
    pub(in crate::store) fn proved_here(&self, id: &BundleId) -> bool {
        self.bundles.get(id).is_some_and(|record| {
            let is_same_version = match (&record.proven_version, &self.native_version) {
                (Some(proven), Some(native)) => proven == native,
                _ => true,
            };
            record.proven_at.is_some()
                && record.proven_build.is_some()
                && record.proven_build == self.native_build
                && is_same_version
        })
    }

    /// Records the failure of a bundle and removes it from every role.
    pub(in crate::store) fn fail(
        &mut self,
        id: &BundleId,
        cause: FailureCause,
        now: Timestamp,
    ) -> Result<FailedBundle, Refusal> {
        let record = self.bundles.remove(id).ok_or(Refusal::Unknown)?;
        let (native_build, native_version) = (self.native_build.clone(), self.native_version.clone());
        let id = id.clone();
        let mut failed = FailedBundle {
            id,
            version: record.version,
            digest: record.digest,
            content_digest: record.content_digest,
            at: now,
            native_build,
            native_version,
            cause,
            order: 0,
        };
        self.remember_failure(&mut failed);
        let id = &failed.id;
        self.remove_from_fallback_roles(std::slice::from_ref(id));
        if self.next.as_ref().is_some_and(|next| next.is(id)) {
            self.drop_next();
        }
        if self.current.is(id) {
            self.fall_back();
        }
        self.unread_failure = Some(failed.clone());
        // Bundles with the same bytes and other ids have failed as well.
        self.drop_failed();
        Ok(failed)
    }

    fn drop_failed(&mut self) {
        let same: Vec<BundleId> = self
            .bundles
            .values()
            .filter(|record| self.failure_of(record.identity()).is_some())
            .map(|record| record.id.clone())
            .collect();
        self.remove_bundles(&same);
    }

    pub(in crate::store) fn fall_back(&mut self) {
        self.trial = None;
        self.silent = None;
        self.current = self.fallback.clone();
        // The bundle that it preceded is given up.
        self.previous.take_if(|previous| self.fallback.is(previous));
    }

    /// Removes missing bundles from the roles behind the current one: the predecessor replaces the fallback.
    pub(in crate::store) fn remove_from_fallback_roles(&mut self, gone: &[BundleId]) {
        self.previous.take_if(|previous| gone.contains(previous));
        self.superseded.retain(|superseded| !gone.contains(superseded));
        if self.fallback.bundle().is_some_and(|id| gone.contains(id)) {
            self.fallback = self.predecessor();
            self.previous.take_if(|previous| self.fallback.is(previous));
        }
    }

    /// Removes the record of a bundle; its files are removed later.
    pub(in crate::store) fn delete(&mut self, id: &BundleId) -> Result<BundleRecord, Refusal> {
        if !self.bundles.contains_key(id) {
            return Err(Refusal::Unknown);
        }
        if let Some(role) = self.role(id) {
            return Err(Refusal::InUse(role));
        }
        self.remove_from_fallback_roles(std::slice::from_ref(id));
        self.bundles.remove(id).ok_or(Refusal::Unknown)
    }

    /// Whether cleaning keeps a bundle without a role, since the fallback may still turn out not to work.
    pub(in crate::store) fn is_predecessor(&self, id: &BundleId) -> bool {
        self.previous.as_ref() == Some(id)
    }

    /// The role of a bundle.
    pub(in crate::store) fn role(&self, id: &BundleId) -> Option<&'static str> {
        match () {
            () if self.current.is(id) => Some("current"),
            () if self.next.as_ref().is_some_and(|next| next.is(id)) => Some("next"),
            () if self.fallback.is(id) => Some("fallback"),
            () => None,
        }
    }

    /// Removes bundles that are missing or forbidden, from every role and the list.
    pub(in crate::store) fn remove_bundles(&mut self, gone: &[BundleId]) {
        let is_gone = |slot: &BundleRef| slot.bundle().is_some_and(|id| gone.contains(id));
        self.remove_from_fallback_roles(gone);
        if self.next.as_ref().is_some_and(is_gone) {
            self.drop_next();
        }
        if is_gone(&self.current) {
            self.fall_back();
        }
        self.bundles.retain(|record| !gone.contains(&record.id));
    }

    pub(in crate::store) fn forget_failure(&mut self, version: &str) -> usize {
        let before = self.failed.len() + self.set_aside.len();
        self.failed.retain(|failed| failed.version != version);
        self.set_aside.retain(|aside| aside.version != version);
        before - self.failed.len() - self.set_aside.len()
    }

    pub(in crate::store) fn require_servable(&self, slot: &BundleRef) -> Result<(), Refusal> {
        let BundleRef::Bundle(id) = slot else { return Ok(()) };
        let record = self.bundles.get(id).ok_or(Refusal::Unknown)?;
        match self.failure_of(record.identity()) {
            Some(_) => Err(Refusal::HasFailed),
            None => Ok(()),
        }
    }
}

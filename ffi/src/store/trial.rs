//! Proving a bundle.

use capbundle_core::store as core;

use super::Store;
use super::launch::Launch;
use super::words::Slot;
use crate::error::Result;
use crate::number::signed;

/// What a confirmation did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Confirmation {
    /// The bundle is proven now: it is what later ones fall back to.
    Proven,
    /// It was proven before.
    AlreadyProven,
    /// The built-in bundle needs no proof.
    BuiltIn,
    /// Too late or from another bundle: something else is current, and nothing changed.
    Ignored {
        /// What is current.
        current: Slot,
    },
    /// Something that this version of the bindings has no word for.
    Other,
}

#[uniffi::export]
impl Store {
    /// The web view of a bundle on trial started: from now on an end without `confirm` counts against it. Says whether it is
    /// on trial in this session.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`; the start is not counted then.
    pub fn trial_started(&self, id: &str) -> Result<bool> {
        self.run("trial started", |store| Ok(store.trial_started(&id.parse()?)?))
    }

    /// The app went to the background before its bundle on trial confirmed. The system may end its process there at any time,
    /// and that is not the bundle's fault: the attempt counts only if `trialStarted` is called again.
    ///
    /// Throws as `trialStarted`.
    pub fn trial_suspended(&self, id: &str) -> Result<bool> {
        self.run("trial suspended", |store| Ok(store.trial_suspended(&id.parse()?)?))
    }

    /// The bundle works. From now on it is what later ones fall back to.
    ///
    /// For a page that calls `notifyAppReady()` without arguments pass what this session served (`served`): a late call of a
    /// page that is being replaced must not prove its successor.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: call it again then.
    pub fn confirm(&self, slot: Slot) -> Result<Confirmation> {
        self.run("confirm", |store| {
            let confirmation = store.confirm(&slot.to_core()?)?;
            let confirmation = match confirmation {
                core::Confirmation::Proven => Confirmation::Proven,
                core::Confirmation::AlreadyProven => Confirmation::AlreadyProven,
                core::Confirmation::BuiltIn => Confirmation::BuiltIn,
                core::Confirmation::Ignored { current } => Confirmation::Ignored {
                    current: (&current).into(),
                },
                _ => Confirmation::Other,
            };
            self.log
                .info(|| format!("confirm {}: {}", name(&slot), words(&confirmation)));
            Ok(confirmation)
        })
    }

    /// Milliseconds that the served bundle has to confirm after its web view started; none if it need not.
    #[must_use]
    pub fn ready_deadline_ms(&self) -> Option<i64> {
        self.store.ready_deadline().map(|time| signed(time.as_millis()))
    }

    /// The time to confirm is over. The attempt counts as failed, and this session serves the fallback from now on: the host
    /// reloads its web view with the answer. There is none if the bundle is not on trial (any more).
    ///
    /// Throws as `trialStarted`.
    pub fn trial_expired(&self, id: &str) -> Result<Option<Launch>> {
        let launch = self.run("trial expired", |store| match store.trial_expired(&id.parse()?)? {
            core::Expired::FallBack(launch) => Launch::from_core(*launch).map(Some),
            _ => Ok(None),
        })?;
        if let Some(launch) = &launch {
            self.log_serving("trial expired", launch);
        }
        Ok(launch)
    }
}

fn words(confirmation: &Confirmation) -> &'static str {
    match confirmation {
        Confirmation::Proven => "proven",
        Confirmation::AlreadyProven => "proven before",
        Confirmation::BuiltIn => "needs no proof",
        Confirmation::Ignored { .. } => "ignored, something else is current",
        Confirmation::Other => "done",
    }
}

fn name(slot: &Slot) -> &str {
    match slot {
        Slot::BuiltIn => "the built-in bundle",
        Slot::Bundle { id } => id,
    }
}

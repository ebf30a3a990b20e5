//! Trials: proving that a bundle works.

use capbundle_core::store as core;

use super::Store;
use super::launch::Launch;
use super::types::BundleRef;
use crate::convert::signed;
use crate::error::Result;

/// The effect of a confirmation.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Confirmation {
    /// The bundle is proven now: it is the fallback of later ones.
    Proven,
    /// It was proven before.
    AlreadyProven,
    /// The built-in bundle needs no confirmation.
    BuiltIn,
    /// Nothing changed: another bundle is current, or the page of this bundle did not start in this session
    /// (`trialStarted`).
    Ignored {
        /// The current bundle.
        current: BundleRef,
    },
    /// An effect that this version of the bindings does not know.
    Other,
}

#[uniffi::export]
impl Store {
    /// The page of this bundle started: the web view committed to it and no longer shows the previous page.
    /// From now on the bundle can `confirm`, and ending without confirmation counts against it (except in the
    /// background). Returns whether it is on trial in this session.
    ///
    /// Call it for every page that starts, with the bundle from which the page is loaded: in `onPageStarted` on
    /// Android, in `webView(_:didCommit:)` on iOS. For a proven bundle it records the start: see
    /// `StoreOptions.silentStarts`.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: the start is not counted then, and the page cannot confirm. Call it
    /// again.
    pub fn trial_started(&self, id: &str) -> Result<bool> {
        self.run("trial started", |store| Ok(store.trial_started(&id.parse()?)?))
    }

    /// The app entered the background before its bundle on trial confirmed. The system may end the process
    /// there at any time, which is not the bundle's fault: the attempt counts again only after `trialStarted`
    /// or `enteredForeground`. A host that calls `enteredBackground` need not call this.
    ///
    /// Throws as `trialStarted`.
    pub fn trial_suspended(&self, id: &str) -> Result<bool> {
        self.run("trial suspended", |store| Ok(store.trial_suspended(&id.parse()?)?))
    }

    /// Confirms that the bundle works. From now on it is the fallback of later ones, which is durable when this
    /// returns.
    ///
    /// `bundle` is the one from which the calling page was loaded. For a page that calls `notifyAppReady()`
    /// without arguments, it is the one last passed to `trialStarted`; the bundle that this session serves
    /// (`served`) may already be its successor, whose page has not started. A bundle on trial whose page did
    /// not start in this session cannot be confirmed.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: the bundle is not proven then; call it again. Files that cannot be
    /// deleted afterwards are a warning in the log.
    pub fn confirm(&self, bundle: BundleRef) -> Result<Confirmation> {
        self.run("confirm", |store| {
            let confirmation = store.confirm(&bundle.to_core()?)?;
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
                .info(|| format!("confirm {}: {}", name(&bundle), description(&confirmation)));
            Ok(confirmation)
        })
    }

    /// Milliseconds that the served bundle has to confirm after its web view started; nothing if it need not
    /// confirm or the app is in the background.
    #[must_use]
    pub fn ready_deadline_ms(&self) -> Option<i64> {
        self.store.ready_deadline().map(|time| signed(time.as_millis()))
    }

    /// The time to confirm is over. The attempt counts as failed, and this session serves the fallback from now
    /// on: the host reloads its web view with the result. Returns nothing if the bundle is not on trial, or the
    /// app is in the background.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: this session still serves the bundle; call it again. Files that cannot
    /// be deleted afterwards are a warning in the log.
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

fn description(confirmation: &Confirmation) -> &'static str {
    match confirmation {
        Confirmation::Proven => "proven",
        Confirmation::AlreadyProven => "already proven",
        Confirmation::BuiltIn => "needs no confirmation",
        Confirmation::Ignored { .. } => "ignored: it is not current, or its page did not start in this session",
        Confirmation::Other => "done",
    }
}

fn name(bundle: &BundleRef) -> &str {
    match bundle {
        BundleRef::BuiltIn => "the built-in bundle",
        BundleRef::Bundle { id } => id,
    }
}

//! Proving a bundle.

use capbundle_core::store as core;

use super::Store;
use super::launch::Launch;
use super::types::BundleRef;
use crate::convert::signed;
use crate::error::Result;

/// What a confirmation did.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum Confirmation {
    /// The bundle is proven now: it is what later ones fall back to.
    Proven,
    /// It was proven before.
    AlreadyProven,
    /// The built-in bundle needs no proof.
    BuiltIn,
    /// It proves nothing, and nothing changed: something else is current, or this bundle is and its page did not start in
    /// this session (`trialStarted`).
    Ignored {
        /// What is current.
        current: BundleRef,
    },
    /// Something that this version of the bindings has no word for.
    Other,
}

#[uniffi::export]
impl Store {
    /// The page of this bundle started: the web view committed to it, and shows the page before it no more. From now on it can
    /// `confirm`, and an end without that counts against it (but not in the background). Says whether it is on trial in this
    /// session.
    ///
    /// Call it for every page that starts, with the bundle that the page is loaded from: `onPageStarted` on Android,
    /// `webView(_:didCommit:)` on iOS. Of a proven bundle it notes the start: see `StoreOptions.silentStarts`.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: the start is not counted then, and the page cannot confirm. Call it again.
    pub fn trial_started(&self, id: &str) -> Result<bool> {
        self.run("trial started", |store| Ok(store.trial_started(&id.parse()?)?))
    }

    /// The app went to the background before its bundle on trial confirmed. The system may end its process there at any time,
    /// and that is not the bundle's fault: the attempt counts again only after `trialStarted` or `enteredForeground`. A host that
    /// calls `enteredBackground` need not call this.
    ///
    /// Throws as `trialStarted`.
    pub fn trial_suspended(&self, id: &str) -> Result<bool> {
        self.run("trial suspended", |store| Ok(store.trial_suspended(&id.parse()?)?))
    }

    /// The bundle works. From now on it is what later ones fall back to, which is durable when this returns.
    ///
    /// `bundle` is the bundle that the calling page was loaded from: for a page that calls `notifyAppReady()` without arguments,
    /// the one that was last given to `trialStarted`. What this session serves (`served`) may be its successor already, whose
    /// page did not start. A bundle on trial whose page did not start in this session is not proved, whoever confirms it.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: nothing is proven, call it again then. Files that cannot be removed afterwards are a
    /// warning in the log.
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
                .info(|| format!("confirm {}: {}", name(&bundle), words(&confirmation)));
            Ok(confirmation)
        })
    }

    /// Milliseconds that the served bundle has to confirm after its web view started; none if it need not, and while the app
    /// is in the background.
    #[must_use]
    pub fn ready_deadline_ms(&self) -> Option<i64> {
        self.store.ready_deadline().map(|time| signed(time.as_millis()))
    }

    /// The time to confirm is over. The attempt counts as failed, and this session serves the fallback from now on: the host
    /// reloads its web view with the answer. There is none if the bundle is not on trial (any more), nor in the background.
    ///
    /// Throws `Busy`, `Io`, `NoSpace`: this session still serves the bundle, call it again. Files that cannot be removed
    /// afterwards are a warning in the log.
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
        Confirmation::Ignored { .. } => "ignored, it is not current or its page did not start in this session",
        Confirmation::Other => "done",
    }
}

fn name(bundle: &BundleRef) -> &str {
    match bundle {
        BundleRef::BuiltIn => "the built-in bundle",
        BundleRef::Bundle { id } => id,
    }
}

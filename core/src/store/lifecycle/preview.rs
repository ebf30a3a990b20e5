//! Previews: an installed bundle is served for the rest of a session, and the state does not record it.

use crate::error::{Error, Result};
use crate::store::bundle_id::BundleRef;
use crate::store::open::Store;
use crate::store::session::{Launch, LaunchReason};
use crate::store::state::StoreState;

impl Store {
    /// Serves an installed bundle in this session, until [`leave_preview`](Self::leave_preview),
    /// [`set_current`](Self::set_current), [`reset`](Self::reset), another preview, or the end of the process. The host
    /// reloads its web view with the returned launch.
    ///
    /// The bundle gets no role by this: it is not current, next, fallback or proven, and the next launch decides as if
    /// it had not been previewed. While the preview lasts, [`apply_next`](Self::apply_next) applies nothing, and the
    /// start, the confirmation and the end of a page count for no bundle. If a bundle is on trial in this session, its
    /// attempt is suspended, durably, until its page starts again; nothing else is durable.
    ///
    /// Neither this session nor another one removes the files of the preview, nor those of the bundle under it.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if it is not installed, [`NotTrusted`](crate::ErrorKind::NotTrusted) if
    /// it failed, does not run on the native version that launched, is not newer than the built-in bundle, or was not
    /// verified as [`required_proof`](crate::store::StoreOptions) demands;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) before [`launch`](Self::launch); otherwise as
    /// [`set_next`](Self::set_next). This session then serves what it served before.
    pub fn preview(&self, slot: &BundleRef) -> Result<Launch> {
        self.require_files(slot)?;
        let before = self.session.under_preview().clone();
        let Some(before) = before.or_else(|| self.served()) else {
            return Err(Error::invalid_input("preview", "call launch before it"));
        };
        let lock = self.lock(self.options.lock_timeout)?;
        let state = self.state()?;
        self.require_previewable(&state, slot)?;
        self.pin_preview(&before.bundle, slot)?;
        if state.has_attempt_of(&self.session.name) {
            self.change_locked_from_reserve(&mut |state| {
                self.suspend_attempt(state);
                Ok(())
            })?;
        }
        drop(lock);
        self.note_replaced();
        let record = slot.bundle().and_then(|id| state.bundles.get(id));
        let launch = Launch {
            bundle: slot.clone(),
            folder: record.map(|record| self.folder(&record.id)),
            version: record.map(|record| record.version.clone()),
            on_trial: record.is_some(),
            reason: LaunchReason::Preview,
            failed: None,
        };
        *self.session.under_preview() = Some(before);
        *self.session.served() = Some(launch.clone());
        Ok(launch)
    }

    /// Ends the preview: this session serves again what it served before. The host reloads its web view with the
    /// returned launch. Writes nothing, so it also works on a full disk.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if no preview is served.
    pub fn leave_preview(&self) -> Result<Launch> {
        // Until the next bundle is served, other sessions keep the files of the preview as well. Telling them would
        // need the lock, and a preview that crashed must not wait for it.
        let mut under = self.session.under_preview();
        let Some(before) = under.take() else {
            return Err(Error::invalid_input("preview", "none is served"));
        };
        let launch = Launch {
            reason: LaunchReason::PreviewEnded,
            failed: None,
            ..before
        };
        *self.session.served() = Some(launch.clone());
        Ok(launch)
    }

    /// Whether this session serves a [preview](Self::preview).
    #[must_use]
    pub fn is_previewing(&self) -> bool {
        self.session.under_preview().is_some()
    }

    /// No end of this process counts against the bundle on trial before its page starts again.
    pub(in crate::store) fn suspend_attempt(&self, state: &mut StoreState) {
        if let Some(id) = state.current.bundle().cloned() {
            state.trial_suspended(&id, &self.session.name);
        }
    }

    fn require_previewable(&self, state: &StoreState, slot: &BundleRef) -> Result<()> {
        let servable = state.require_servable(slot);
        servable.map_err(|refusal| refusal.into_error(slot))?;
        self.require_compatible(state, slot)?;
        let Some(record) = slot.bundle().and_then(|id| state.bundles.get(id)) else {
            return Ok(());
        };
        if self.options.required_proof.is_met_by(record.proof.as_ref()) {
            return Ok(());
        }
        let problem = "was not verified as this store requires; install it again to preview it";
        Err(Error::not_trusted(format!("bundle {slot}"), problem))
    }
}

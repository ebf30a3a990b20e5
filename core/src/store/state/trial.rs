//! How often an unproven bundle was tried, and what counts against it.

use serde::Serialize;
use serde_json::Value;

use crate::store::storage::json::{FromJson, Object};

/// Launches in a row that never reported a start before a trial is given up without blame: the app is probably being
/// started in the background, or the host never reports starts.
pub(in crate::store) const MAX_UNSTARTED: u32 = 5;

/// The trial of the current bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::store) struct Trial {
    /// Attempts that started the web view and ended without a confirmation.
    pub(in crate::store) failed_starts: u32,
    /// Attempts in a row that never reported a start.
    pub(in crate::store) unstarted: u32,
    /// The attempt whose outcome is not known yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::store) attempt: Option<Attempt>,
}

/// One launch of a bundle on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::store) struct Attempt {
    /// The session that launched it.
    pub(in crate::store) session: String,
    /// Whether its web view started and an end without confirmation counts against the bundle now.
    pub(in crate::store) started: bool,
    /// Whether its page started at all, whatever came after: only that page can confirm.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::store) page_started: bool,
    /// Whether the app is in the background. The system may end the process there: nothing counts.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::store) in_background: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Trial {
    /// The last attempt is over and did not confirm.
    pub(in crate::store) fn settle(&mut self) {
        match self.attempt.take() {
            Some(attempt) if attempt.in_background => {}
            Some(attempt) if attempt.started => {
                self.failed_starts += 1;
                self.unstarted = 0;
            }
            Some(_) => self.unstarted += 1,
            None => {}
        }
    }

    pub(in crate::store) fn begin(&mut self, session: &str, in_background: bool) {
        self.attempt = Some(Attempt {
            session: session.to_owned(),
            started: false,
            page_started: false,
            in_background,
        });
    }

    /// The attempt, if it is this session's.
    pub(in crate::store) fn attempt_of(&mut self, session: &str) -> Option<&mut Attempt> {
        self.attempt.as_mut().filter(|attempt| attempt.session == session)
    }
}

impl FromJson for Trial {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        Ok(Self {
            failed_starts: object.get("failed_starts")?,
            unstarted: object.get("unstarted")?,
            attempt: object.get_or_default("attempt")?,
        })
    }
}

impl FromJson for Attempt {
    fn from_json(value: &Value) -> Result<Self, String> {
        let object = Object::of(value)?;
        let started = object.get("started")?;
        Ok(Self {
            session: object.get("session")?,
            started,
            page_started: started || object.get_or_default("page_started")?,
            in_background: object.get_or_default("in_background")?,
        })
    }
}

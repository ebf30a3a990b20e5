//! The attempts of a bundle on trial, and which of them count against it.

use serde::Serialize;
use serde_json::Value;

use crate::store::storage::json::{FromJson, Object};

/// Consecutive launches without a start after which a trial is given up without a failure: the app is probably started
/// in the background, or the host never reports starts.
pub(in crate::store) const MAX_UNSTARTED: u32 = 5;

/// The trial of the current bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(in crate::store) struct Trial {
    /// Attempts whose page started and that ended without a confirmation.
    pub(in crate::store) failed_starts: u32,
    /// Consecutive attempts without a start.
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
    /// Whether its page started and an end without confirmation now counts against the bundle.
    pub(in crate::store) started: bool,
    /// Whether its page started at any time: only that page can confirm.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::store) page_started: bool,
    /// Whether the app is in the background, where the system may end the process and nothing counts.
    #[serde(skip_serializing_if = "is_false")]
    pub(in crate::store) in_background: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Trial {
    /// Counts the last attempt, which ended without a confirmation.
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

    /// The attempt, if it belongs to this session.
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

//! Why a release, a key ring or what was downloaded for it is refused.

use crate::error::{Error, RefusalReason};

/// A refusal on its way to the place that knows what was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RefusalReason,
    pub(crate) problem: String,
}

impl Refusal {
    pub(crate) fn new(reason: RefusalReason, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self { reason, problem }
    }

    pub(crate) fn malformed(problem: impl Into<String>) -> Self {
        Self::new(RefusalReason::Malformed, problem)
    }

    pub(crate) fn of(self, what: impl Into<String>) -> Error {
        Error::ReleaseRefused {
            what: what.into(),
            reason: self.reason,
            problem: self.problem,
        }
    }
}

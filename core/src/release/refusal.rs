//! Refusals of releases, key rings, archives and file lists.

use crate::error::{Error, RefusalReason};

/// A refusal without its subject; the caller that knows the subject adds it.
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

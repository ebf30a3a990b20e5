//! Current and upcoming problems of a site.

use std::fmt;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemSeverity {
    /// For information.
    Note,
    /// It works, but requires attention.
    Warning,
    /// Devices refuse it, or do not find it.
    Broken,
}

impl ProblemSeverity {
    /// A stable identifier.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Its severity.
    pub severity: ProblemSeverity,
    /// A stable identifier: the reason of a refusal as in docs/format.md, or one of `not_found`, `expires_soon`, `cached`,
    /// `nothing_offered`, `wrong_sequence`, `not_opened`, `ring_from_site` and the kinds of errors.
    pub code: &'static str,
    /// The path of the document or archive on the site.
    pub path: String,
    /// The problem, for people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

//! What is wrong with a site, or will be.

use std::fmt;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, and somebody should look.
    Warning,
    /// Devices refuse it, or find nothing.
    Broken,
}

impl Severity {
    /// A stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// How much it matters.
    pub severity: Severity,
    /// A stable word: the reason of a refusal as docs/format.md has it, or one of `not_found`, `expires_soon`, `cached`,
    /// `nothing_offered`, `wrong_sequence`, `not_opened`, `ring_from_site` and the kinds of errors.
    pub code: &'static str,
    /// The path of the document or archive on the site.
    pub path: String,
    /// What was expected and found.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

//! Errors of the Bundles API.

use std::fmt;
use std::time::Duration;

/// An error response of the server, with advice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// The URL, without the query.
    pub url: String,
    /// The HTTP status; 200 is possible.
    pub status: u16,
    /// The code, such as `version_already_exists`, if the server has codes.
    pub code: Option<String>,
    /// The server's message, made safe for a terminal: one line, cut to a length, with the API key removed.
    pub message: String,
    /// The meaning of the code and the remedy, if known.
    pub advice: Option<&'static str>,
    /// The wait that the server requests (429).
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// Whether the error has this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: the server answered {}", self.url, self.status)?;
        if let Some(code) = &self.code {
            write!(formatter, " {code}")?;
        }
        if !self.message.is_empty() {
            write!(formatter, ": {}", self.message)?;
        }
        if let Some(wait) = self.retry_after {
            write!(formatter, " (retry after {} s)", wait.as_secs())?;
        }
        if let Some(advice) = self.advice {
            write!(formatter, ". {advice}")?;
        }
        Ok(())
    }
}

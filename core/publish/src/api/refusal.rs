//! What a server says when it refuses.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::advice::{advice_for_code, advice_for_text};

/// A code is one word; anything else is text.
const MAX_CODE: usize = 64;

/// A refusal in the server's own words, and in plain ones.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    /// What was asked, without the query.
    pub url: String,
    /// The HTTP status; 200 is possible.
    pub status: u16,
    /// The code, such as `version_already_exists`, where the server has codes.
    pub code: Option<String>,
    /// What the server says, fit for a terminal: one line, cut, and without the key, should it have come back.
    pub message: String,
    /// What that means and what to do, where it is known.
    pub advice: Option<&'static str>,
    /// How long the server asks to wait (429).
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// Whether the refusal has this code.
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
            write!(formatter, " (it asks to wait {} s)", wait.as_secs())?;
        }
        if let Some(advice) = self.advice {
            write!(formatter, ". {advice}")?;
        }
        Ok(())
    }
}

/// The code and the text of an object that is a refusal. Four forms are known: `error` a text, `status` `KO`, `code` the
/// code and `message` the details (documented, and our server); the same without `code` (documented); `error` a code and
/// `message` a text (Capgo's backend); `status` a text and `error` its details (older servers).
pub(super) fn words(body: &Value, is_error_status: bool) -> Option<(Option<String>, String)> {
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let (error, message, status) = (text("error"), text("message"), text("status"));
    let is_refusal = body
        .get("error")
        .is_some_and(|error| !error.is_null() && *error != Value::Bool(false))
        || status.is_some_and(|status| status.eq_ignore_ascii_case("KO"));
    if !is_refusal && !is_error_status {
        return None;
    }
    let stated = text("code").filter(|code| is_code(code));
    let status = status.filter(|status| !["ko", "error"].contains(&status.to_ascii_lowercase().as_str()));
    // Where the code has a member of its own, `error` is a text for people.
    let error_as_code = error.filter(|error| is_code(error));
    let code = stated.or(error_as_code);
    let error_as_text = error.filter(|error| code != Some(*error));
    let said: Vec<&str> = match (stated, message) {
        (Some(_), Some(message)) => error_as_text
            .filter(|error| *error != message)
            .into_iter()
            .chain([message])
            .collect(),
        (None, Some(message)) => vec![message],
        (_, None) => status.into_iter().chain(error_as_text).collect(),
    };
    Some((code.map(str::to_owned), said.join(": ")))
}

fn is_code(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    text.len() <= MAX_CODE && text.bytes().all(is_part)
}

/// What to do about a refusal.
pub(super) fn advice(code: Option<&str>, message: &str, status: u16) -> Option<&'static str> {
    let by_status = || match status {
        401 => advice_for_code("invalid_apikey"),
        403 => advice_for_text("Insufficient permissions to manage bundles"),
        429 => advice_for_code("too_many_requests"),
        _ => None,
    };
    code.and_then(advice_for_code)
        .or_else(|| advice_for_text(message))
        // Details stand behind the documented text.
        .or_else(|| advice_for_text(message.split_once(": ")?.0))
        .or_else(by_status)
}

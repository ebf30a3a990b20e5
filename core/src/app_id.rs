//! The id of an app.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::path::printable;

/// Longer than any id in an app store.
const MAX_BYTES: usize = 256;

/// The id of an app: parts of letters, digits, `_` and `-`, separated by dots, starting with a letter or digit; at most 256
/// bytes.
///
/// Usually a [reverse domain](Self::is_reverse_domain) such as `com.example.app`. Capgo's documentation also uses ids such as
/// `app_123`; releases and key rings refuse those.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct AppId(String);

impl AppId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id is a reverse domain: a first part of letters and digits, and at least one more part. Capgo's server and
    /// signed documents (docs/format.md) require it.
    #[must_use]
    pub fn is_reverse_domain(&self) -> bool {
        self.0
            .split_once('.')
            .is_some_and(|(first, _)| first.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }
}

impl FromStr for AppId {
    type Err = Error;

    /// Parses an id; any other text is [`InvalidInput`](crate::ErrorKind::InvalidInput). An id cannot leave a folder as a path or
    /// be mistaken for an option.
    fn from_str(text: &str) -> Result<Self> {
        let is_part = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if starts_well && text.len() <= MAX_BYTES && text.split('.').all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        let problem = "expected letters, digits, dots, dashes and underscores, starting with a letter or digit, as in \
                       com.example.app";
        Err(Error::invalid_input(
            format!("app id {}", printable(text.as_bytes())),
            problem,
        ))
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn reverse_domains_and_documented_ids_are_app_ids() {
        let longest = format!("com.{}", "a".repeat(252));
        for (id, is_reverse_domain) in [
            ("com.example.app", true),
            ("COM.example_1.app-2", true),
            ("a.b", true),
            ("ee.forgr.capacitor_go", true),
            (&longest, true),
            ("app_123", false),
            ("app", false),
            ("c-m.app", false),
        ] {
            let parsed = id.parse::<AppId>().unwrap();
            assert_eq!((parsed.as_str(), parsed.is_reverse_domain()), (id, is_reverse_domain));
        }
        let longer = format!("{longest}a");
        for id in [
            "",
            "-x",
            "_x",
            ".a",
            "..",
            "com.",
            "com..app",
            "com.example.app/../x",
            "com.ex\u{e4}mple",
            "a b",
            &longer,
        ] {
            assert_eq!(id.parse::<AppId>().unwrap_err().kind(), ErrorKind::InvalidInput, "{id}");
        }
    }
}

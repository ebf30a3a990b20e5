//! The id of an app: what a bundle, a release and a key ring are for.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::path::printable;

/// Longer than any id of an app store.
const MAX_BYTES: usize = 256;

/// The id of an app as Capgo takes it: a reverse domain such as `com.example.app`, of at most 256 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppId(String);

impl AppId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = Error;

    /// Letters and digits, then at least one part after a dot, of letters, digits, `_` and `-`; anything else is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput). The rule is Capgo's own.
    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('.');
        let first = parts.next().unwrap_or_default();
        let starts_well = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_part = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let mut rest = parts.peekable();
        if starts_well && rest.peek().is_some() && rest.all(is_part) && text.len() <= MAX_BYTES {
            return Ok(Self(text.to_owned()));
        }
        let problem = "expected a reverse domain such as com.example.app";
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
    fn an_id_is_a_reverse_domain() {
        let longest = format!("com.{}", "a".repeat(252));
        for id in [
            "com.example.app",
            "COM.example_1.app-2",
            "a.b",
            "ee.forgr.capacitor_go",
            &longest,
        ] {
            assert_eq!(id.parse::<AppId>().unwrap().as_str(), id);
        }
        let longer = format!("{longest}a");
        for id in [
            "",
            "app",
            "app_123",
            ".a",
            "com.",
            "com..app",
            "com.example.app/../x",
            "com.ex\u{e4}mple",
            "c-m.app",
            &longer,
        ] {
            assert_eq!(id.parse::<AppId>().unwrap_err().kind(), ErrorKind::InvalidInput, "{id}");
        }
    }
}

//! The id of an app: what a bundle, a release and a key ring are for.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

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
        let shown: String = text.chars().take(MAX_BYTES).collect();
        let problem = "expected a reverse domain such as com.example.app";
        Err(Error::invalid_input(format!("app id {shown:?}"), problem))
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

//! Names that are checked before anything is sent.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Longer than any version that a person would write.
const MAX_VERSION: usize = 256;

/// The id of an app as Capgo takes it: a reverse domain such as `com.example.app`.
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
        if starts_well && rest.peek().is_some() && rest.all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        let problem = "expected a reverse domain such as com.example.app";
        Err(Error::invalid_input(format!("app id {text:?}"), problem))
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Bundles that exist may have any name; a new one needs more, see [`check_new_version`].
pub(super) fn check_version_name(version: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input(format!("version {version:?}"), problem));
    if version.trim().is_empty() {
        return refuse("expected a version such as 1.2.3");
    }
    if version.len() > MAX_VERSION {
        return Err(Error::invalid_input(
            "version",
            format!("it has more than {MAX_VERSION} bytes"),
        ));
    }
    if version.chars().any(char::is_control) {
        return refuse("it holds a control character");
    }
    Ok(())
}

/// What Capgo takes for a new bundle: semantic versioning to the letter.
pub(super) fn check_new_version(version: &str) -> Result<()> {
    check_version_name(version)?;
    semver::Version::parse(version).map(drop).map_err(|error| {
        let problem = format!("expected a semantic version such as 1.2.3 or 1.2.3-beta.1: {error}");
        Error::invalid_input(format!("version {version:?}"), problem)
    })
}

//! Validates version names before anything is sent.

use crate::error::{Error, Result};

/// Longer than any real version.
const MAX_VERSION: usize = 256;

/// Existing bundles may have any name; a new one must be semantic, see [`check_new_version`].
pub(super) fn check_version_name(version: &str) -> Result<()> {
    let refuse = |problem: &str| Err(Error::invalid_input(format!("version {version:?}"), problem));
    if version.trim().is_empty() {
        return refuse("expected a version such as 1.2.3");
    }
    if version.len() > MAX_VERSION {
        return Err(Error::invalid_input(
            "version",
            format!("expected at most {MAX_VERSION} bytes"),
        ));
    }
    if version.chars().any(char::is_control) {
        return refuse("contains a control character");
    }
    Ok(())
}

/// Capgo requires a strict semantic version for a new bundle.
pub(super) fn check_new_version(version: &str) -> Result<()> {
    check_version_name(version)?;
    semver::Version::parse(version).map(drop).map_err(|error| {
        let problem = format!("expected a semantic version such as 1.2.3 or 1.2.3-beta.1: {error}");
        Error::invalid_input(format!("version {version:?}"), problem)
    })
}

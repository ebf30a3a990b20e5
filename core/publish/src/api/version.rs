//! Names of versions, which are checked before anything is sent.

use crate::error::{Error, Result};

/// Longer than any version that a person would write.
const MAX_VERSION: usize = 256;

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

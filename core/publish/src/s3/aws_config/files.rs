//! One profile in the two files of `~/.aws`.

use std::path::{Path, PathBuf};

use super::super::profile::ProfileFile;
use super::sections::Sections;
use super::settings::{Missing, Settings, Variable, is_true};
use super::sources;
use crate::error::{Error, Result};

const DEFAULT: &str = "default";

/// The profile to read.
pub(super) enum Profile {
    /// Given by the caller: it must exist, and takes precedence over the environment.
    Given(String),
    /// Named by a variable: it must exist, and the other variables take precedence.
    OfEnvironment(String),
    /// The default: it may be missing.
    Default,
}

impl Profile {
    pub(super) fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }

    fn name(&self) -> &str {
        match self {
            Self::Given(name) | Self::OfEnvironment(name) => name,
            Self::Default => DEFAULT,
        }
    }
}

/// The settings of a profile.
#[derive(Default)]
pub(super) struct OfProfile {
    pub(super) settings: Settings,
    /// Whether it disables every setting of an endpoint.
    pub(super) ignores_endpoints: bool,
}

/// Why a profile has no settings.
pub(super) enum NoProfile {
    /// It does not exist, or a file cannot be read.
    Unreadable(Error),
    /// A required setting is malformed.
    Unclear(Error),
}

impl From<Error> for NoProfile {
    fn from(error: Error) -> Self {
        Self::Unclear(error)
    }
}

/// The two files of profiles.
pub(super) struct Files {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl Files {
    pub(super) fn new(variable: &Variable<'_>) -> Self {
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let file = |name: &str, usual: &str| {
            let given = variable(name).map(|path| expanded(&path, home.as_deref()));
            given.or_else(|| home.as_ref().map(|home| home.join(".aws").join(usual)))
        };
        Self {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    pub(super) fn profile(
        &self,
        profile: &Profile,
        needs: Missing,
        variable: &Variable<'_>,
    ) -> Result<OfProfile, NoProfile> {
        let name = profile.name();
        let secrets = read(self.credentials.as_ref())?;
        let config = read(self.config.as_ref())?;
        let of_secrets = secrets.as_ref().and_then(|file| file.bare(name));
        let of_config = config.as_ref().and_then(|file| file.profile(name));
        if !matches!(profile, Profile::Default) && of_secrets.is_none() && of_config.is_none() {
            return Err(NoProfile::Unreadable(self.missing(name)));
        }
        let sections = Sections {
            name,
            secrets: of_secrets.as_ref(),
            config: of_config.as_ref(),
        };
        let ignores_endpoints = is_true(sections.get("ignore_configured_endpoint_urls")?);
        let (credentials, problem) = if needs.credentials {
            sources::of_profile(&sections, profile.is_given(), variable)?
        } else {
            (None, None)
        };
        let region = if needs.region { sections.get("region")? } else { None };
        let endpoint = if needs.endpoint && !ignores_endpoints {
            sections.endpoint(config.as_ref())?
        } else {
            None
        };
        let settings = Settings {
            credentials,
            region: region.map(str::to_owned),
            endpoint,
            problem,
        };
        Ok(OfProfile {
            settings,
            ignores_endpoints,
        })
    }

    fn missing(&self, name: &str) -> Error {
        let shown = |path: Option<&PathBuf>| path.map_or("no file".to_owned(), |path| path.display().to_string());
        let quotes = if name.contains(char::is_whitespace) {
            format!("; in the second file, quote a name with spaces: [profile \"{name}\"]")
        } else {
            String::new()
        };
        let problem = format!(
            "no such profile in {} and {}{quotes}",
            shown(self.credentials.as_ref()),
            shown(self.config.as_ref())
        );
        Error::invalid_input(format!("profile {name}"), problem)
    }
}

fn read(path: Option<&PathBuf>) -> Result<Option<ProfileFile>, NoProfile> {
    let Some(path) = path else { return Ok(None) };
    match ProfileFile::read(path) {
        Ok(file) => Ok(Some(file)),
        Err(error @ Error::Core(capbundle::Error::Io { .. })) => Err(NoProfile::Unreadable(error)),
        Err(error) => Err(NoProfile::Unclear(error)),
    }
}

/// Replaces `~` by the home folder. A shell does not do so in a quoted variable or one that a program sets.
fn expanded(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.to_owned(),
        (Some(rest), Some(home)) if rest.starts_with(std::path::is_separator) => {
            home.join(rest.trim_start_matches(std::path::is_separator))
        }
        _ => PathBuf::from(path),
    }
}

//! What is not given is looked for where the tools of Amazon look.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::profile::Section;
use super::{BucketOptions, Credentials};
use crate::error::{Error, Result};

/// How credentials come about that this crate cannot get, by the name of their setting.
const BEYOND_US: [&str; 5] = [
    "credential_process",
    "sso_session",
    "sso_start_url",
    "role_arn",
    "web_identity_token_file",
];

/// Wiped from memory when it is dropped.
type Secret = Zeroizing<String>;

/// Credentials, region and endpoint of the environment and of `~/.aws`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// Who asks.
    pub credentials: Option<Credentials>,
    /// Where the bucket is.
    pub region: Option<String>,
    /// The address of the store.
    pub endpoint: Option<String>,
    /// What speaks against getting credentials from a profile that there is.
    problem: Option<String>,
}

impl Settings {
    /// Looks around. What it says first counts:
    ///
    /// - credentials: those of `profile` if one is named; `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY` and
    ///   `AWS_SESSION_TOKEN`; the profile that `AWS_PROFILE` names, or else `default`, in `~/.aws/credentials`
    ///   (`AWS_SHARED_CREDENTIALS_FILE`) and `~/.aws/config` (`AWS_CONFIG_FILE`);
    /// - region: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, a named one before the environment;
    /// - endpoint: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's `endpoint_url`, in the same way.
    ///
    /// A variable that is empty counts as not set.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a key without secret and the other way round, for credentials
    /// that were not copied right, and for a profile that was named and does not exist;
    /// [`Io`](crate::ErrorKind::Io) for a file that cannot be read.
    pub fn find(profile: Option<&str>) -> Result<Self> {
        Self::find_in(&|name| std::env::var(name).ok(), profile, Missing::EVERYTHING)
    }

    /// As [`find`](Self::find), but only for what is not given. What is wrong with anything else is no error: half a pair of
    /// credentials in the environment, say, where both are given. A `profile` that is named must exist all the same.
    ///
    /// # Errors
    /// As of [`find`](Self::find).
    pub fn find_missing(
        options: &BucketOptions,
        credentials: Option<&Credentials>,
        profile: Option<&str>,
    ) -> Result<Self> {
        let missing = Missing::besides(options, credentials);
        Self::find_in(&|name| std::env::var(name).ok(), profile, missing)
    }

    pub(super) fn find_in(
        variable: &dyn Fn(&str) -> Option<String>,
        profile: Option<&str>,
        missing: Missing,
    ) -> Result<Self> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let secret = |name: &str| variable(name).map(Secret::new);
        let files = Files::new(&variable);
        let pair_of_environment = || {
            pair(
                "the environment",
                ("AWS_ACCESS_KEY_ID", secret("AWS_ACCESS_KEY_ID")),
                ("AWS_SECRET_ACCESS_KEY", secret("AWS_SECRET_ACCESS_KEY")),
                secret("AWS_SESSION_TOKEN").as_ref(),
            )
        };
        let surroundings = Self {
            credentials: if missing.credentials {
                pair_of_environment()?
            } else {
                None
            },
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            endpoint: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")),
            problem: None,
        };
        if let Some(profile) = profile {
            return Ok(files.profile(profile, true, missing.credentials)?.or(surroundings));
        }
        let needs_credentials = missing.credentials && surroundings.credentials.is_none();
        let needs_region = missing.region && surroundings.region.is_none();
        let found = match variable("AWS_PROFILE") {
            // Nobody asked for it when the environment has credentials.
            Some(_) if surroundings.credentials.is_some() && surroundings.region.is_some() => return Ok(surroundings),
            Some(profile) => files.profile(&profile, true, needs_credentials),
            None => files.profile("default", false, needs_credentials),
        };
        match found {
            Ok(found) => Ok(surroundings.or(found)),
            Err(_) if !needs_credentials && !needs_region => Ok(surroundings),
            Err(problem) => Err(problem),
        }
    }

    /// The credentials.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if none were found, with the places where they may stand.
    pub fn into_credentials(self) -> Result<Credentials> {
        self.credentials.ok_or_else(|| {
            let problem = self.problem.unwrap_or_else(|| {
                "there are none: give key and secret, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a \
                 profile of ~/.aws/credentials with AWS_PROFILE"
                    .to_owned()
            });
            Error::invalid_input("S3 credentials", problem)
        })
    }

    fn or(self, other: Self) -> Self {
        Self {
            problem: self.problem.or(other.problem),
            credentials: self.credentials.or(other.credentials),
            region: self.region.or(other.region),
            endpoint: self.endpoint.or(other.endpoint),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("credentials", &self.credentials)
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    credentials: bool,
    region: bool,
}

impl Missing {
    pub(super) const EVERYTHING: Self = Self {
        credentials: true,
        region: true,
    };

    /// An endpoint is never missing: without one the store is Amazon's.
    pub(super) fn besides(options: &BucketOptions, credentials: Option<&Credentials>) -> Self {
        Self {
            credentials: credentials.is_none(),
            region: options.region.is_empty(),
        }
    }
}

/// The two files of profiles.
struct Files {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
}

impl Files {
    fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let file = |name: &str, usual: &str| {
            let given = variable(name).map(PathBuf::from);
            given.or_else(|| home.as_ref().map(|home| home.join(".aws").join(usual)))
        };
        Self {
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
        }
    }

    fn profile(&self, name: &str, must_exist: bool, needs_credentials: bool) -> Result<Settings> {
        let read = |path: Option<&PathBuf>, names: &[&str]| match path {
            Some(path) => Section::read(path, names),
            None => Ok(None),
        };
        let secrets = read(self.credentials.as_ref(), &[name])?;
        let header = format!("profile {name}");
        let names: &[&str] = if name == "default" {
            &["default", &header]
        } else {
            &[&header]
        };
        let config = read(self.config.as_ref(), names)?;
        if must_exist && secrets.is_none() && config.is_none() {
            let shown = |path: Option<&PathBuf>| path.map_or("no file".to_owned(), |path| path.display().to_string());
            let problem = format!(
                "there is no such profile in {} and {}",
                shown(self.credentials.as_ref()),
                shown(self.config.as_ref())
            );
            return Err(Error::invalid_input(format!("profile {name}"), problem));
        }
        let sections = [secrets, config];
        let mut sections = sections.iter().flatten();
        let mut settings = Settings::default();
        for section in sections.by_ref() {
            let value = |name: &str| section.get(name).map(str::to_owned);
            let secret = |name: &str| value(name).map(Secret::new);
            let pair_of_profile = || {
                pair(
                    &format!("profile {name}"),
                    ("aws_access_key_id", secret("aws_access_key_id")),
                    ("aws_secret_access_key", secret("aws_secret_access_key")),
                    secret("aws_session_token").as_ref(),
                )
            };
            let credentials = if needs_credentials { pair_of_profile()? } else { None };
            let beyond = BEYOND_US.iter().find(|setting| section.get(setting).is_some());
            settings = settings.or(Settings {
                credentials,
                region: value("region"),
                endpoint: value("endpoint_url"),
                problem: beyond.map(|setting| {
                    format!(
                        "profile {name} gets them by {setting}, which is not supported: put key, secret and session token \
                         into the environment, as `aws configure export-credentials --format env` prints them"
                    )
                }),
            });
        }
        Ok(settings)
    }
}

/// Key and secret come together or not at all.
fn pair(
    origin: &str,
    (key_name, key): (&str, Option<Secret>),
    (secret_name, secret): (&str, Option<Secret>),
    token: Option<&Secret>,
) -> Result<Option<Credentials>> {
    match (key, secret) {
        (Some(key), Some(secret)) => Ok(Some(Credentials::new(
            &key,
            &secret,
            token.map(|token| token.as_str()),
        )?)),
        (None, None) => Ok(None),
        (key, _) => {
            let (there, missing) = match key {
                Some(_) => (key_name, secret_name),
                None => (secret_name, key_name),
            };
            let problem = format!("{origin} has {there} but not {missing}");
            Err(Error::invalid_input("S3 credentials", problem))
        }
    }
}

#[cfg(test)]
mod tests;

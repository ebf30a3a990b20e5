//! Credentials, region and endpoint from the configuration of AWS tools.
//!
//! boto3 is the reference: a setting that it reads is read here or refused by name. A setting of another store is never ignored,
//! since the request would go to Amazon instead.

mod files;
mod sources;

use std::fmt;

use self::files::{Files, NoProfile, OfProfile, Profile};
use super::{BucketOptions, Credentials};
use crate::error::{Error, Result};

/// If `true`, disables every other setting of an endpoint.
const IGNORE_VARIABLE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// Looks up an environment variable. An empty one counts as not set.
type Variable<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Credentials, region and endpoint of the environment and of `~/.aws`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Settings {
    /// The credentials.
    pub credentials: Option<Credentials>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The URL of the store.
    pub endpoint: Option<String>,
    /// Why there are no credentials, if known.
    problem: Option<String>,
}

impl Settings {
    /// Searches in this order; the first match wins:
    ///
    /// - credentials: those of `profile` if it is given, and no others; otherwise `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`
    ///   and `AWS_SESSION_TOKEN`; otherwise the profile that `AWS_PROFILE` or `AWS_DEFAULT_PROFILE` names, or `default`, in
    ///   `~/.aws/credentials` (`AWS_SHARED_CREDENTIALS_FILE`) and `~/.aws/config` (`AWS_CONFIG_FILE`);
    /// - region: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, a named one before the environment;
    /// - endpoint: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url` of `s3` in the section `[services …]` that the
    ///   profile names, the profile's own `endpoint_url`, in the same way. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` and
    ///   `ignore_configured_endpoint_urls` with the value `true` disable all of these.
    ///
    /// An empty variable counts as not set. Sources of credentials that this crate does not support (roles, web identity, SSO, a
    /// login, a program, a container) are detected in the order of Amazon's tools, and then
    /// [`into_credentials`](Self::into_credentials) names the source.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a key without secret or vice versa, for malformed
    /// credentials, for a given profile that does not exist, for a line of a file that is neither a
    /// section nor a value, and for an endpoint that is set in a way that is not supported;
    /// [`Io`](capbundle::ErrorKind::Io) for a file that cannot be read.
    pub fn find(profile: Option<&str>) -> Result<Self> {
        Self::find_with(&|name| std::env::var(name).ok(), profile)
    }

    /// As [`find`](Self::find), with the variables of another environment.
    ///
    /// # Errors
    /// As of [`find`](Self::find).
    pub fn find_with(variable: &dyn Fn(&str) -> Option<String>, profile: Option<&str>) -> Result<Self> {
        Self::find_in(variable, profile, Missing::EVERYTHING)
    }

    /// As [`find`](Self::find), but searches only for the settings that are not given. Errors in the others are ignored, for
    /// example a key without a secret in the environment if both are given. A given `profile` must exist nevertheless.
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
        let wanted = match profile {
            Some(name) => Profile::Given(name.to_owned()),
            None => match variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE")) {
                Some(name) => Profile::OfEnvironment(name),
                None => Profile::Default,
            },
        };
        let pair = if missing.credentials && !wanted.is_given() {
            sources::pair_of_environment(&variable)?
        } else {
            None
        };
        let surroundings = Self {
            credentials: pair,
            region: variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")),
            endpoint: variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")),
            problem: None,
        };
        // A given profile takes precedence over the environment, so it is read even if the environment has a value.
        let ignores_endpoints = is_true(variable(IGNORE_VARIABLE).as_deref());
        let needs = Missing {
            credentials: missing.credentials && surroundings.credentials.is_none(),
            region: missing.region && (wanted.is_given() || surroundings.region.is_none()),
            endpoint: missing.endpoint && !ignores_endpoints && (wanted.is_given() || surroundings.endpoint.is_none()),
        };
        let of_profile = match Files::new(&variable).profile(&wanted, needs, &variable) {
            Ok(found) => found,
            // With key, secret and region as options, the profile is not needed.
            Err(NoProfile::Unreadable(_)) if !wanted.is_given() && !missing.credentials && !missing.region => {
                OfProfile::default()
            }
            Err(NoProfile::Unreadable(error) | NoProfile::Unclear(error)) => return Err(error),
        };
        let mut settings = if wanted.is_given() {
            of_profile.settings.or(surroundings)
        } else {
            surroundings.or(of_profile.settings)
        };
        if ignores_endpoints || of_profile.ignores_endpoints {
            settings.endpoint = None;
        }
        Ok(settings)
    }

    /// The credentials.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if none were found: the message names the unsupported source, or the
    /// supported ones.
    pub fn into_credentials(self) -> Result<Credentials> {
        self.credentials.ok_or_else(|| {
            let problem = self.problem.unwrap_or_else(|| {
                "no credentials found: pass key and secret, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a \
                 profile of ~/.aws/credentials with AWS_PROFILE; the role of a machine (EC2) is not supported"
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

/// The settings to search for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missing {
    credentials: bool,
    region: bool,
    endpoint: bool,
}

impl Missing {
    pub(super) const EVERYTHING: Self = Self {
        credentials: true,
        region: true,
        endpoint: true,
    };

    /// The settings that the options do not give.
    pub(super) fn besides(options: &BucketOptions, credentials: Option<&Credentials>) -> Self {
        Self {
            credentials: credentials.is_none(),
            region: options.region.is_empty(),
            endpoint: options.endpoint.as_deref().is_none_or(|given| given.trim().is_empty()),
        }
    }
}

/// Parses a boolean as Amazon's tools do.
fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests;

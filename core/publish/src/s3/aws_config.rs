//! What is not given is looked for where the tools of Amazon look.
//!
//! boto3 is the measure: what it takes from a file is taken here, or refused by name. A setting that names another store is
//! never skipped, since the request would go to Amazon instead.

mod files;
mod sources;

use std::fmt;

use self::files::{Files, NoProfile, OfProfile, Profile};
use super::{BucketOptions, Credentials};
use crate::error::{Error, Result};

/// Set to `true`, it switches off every other setting of an endpoint.
const IGNORE_VARIABLE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

/// Looks up an environment variable; empty ones count as not set.
type Variable<'a> = dyn Fn(&str) -> Option<String> + 'a;

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
    /// Why there are no credentials, where that is known.
    problem: Option<String>,
}

impl Settings {
    /// Looks around. What it says first counts:
    ///
    /// - credentials: those of `profile` if one is named, and no others; else `AWS_ACCESS_KEY_ID` with `AWS_SECRET_ACCESS_KEY`
    ///   and `AWS_SESSION_TOKEN`; else the profile that `AWS_PROFILE` or `AWS_DEFAULT_PROFILE` names, or `default`, in
    ///   `~/.aws/credentials` (`AWS_SHARED_CREDENTIALS_FILE`) and `~/.aws/config` (`AWS_CONFIG_FILE`);
    /// - region: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, a named one before the environment;
    /// - endpoint: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `endpoint_url` of `s3` in the section `[services …]` that the
    ///   profile names, the profile's own `endpoint_url`, in the same way. `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` and
    ///   `ignore_configured_endpoint_urls` with the value `true` switch all of these off.
    ///
    /// A variable that is empty counts as not set. Sources of credentials that this crate cannot use (roles, web identity, SSO, a
    /// login, a program, a container) are found in the order in which Amazon's tools prefer them, and then
    /// [`into_credentials`](Self::into_credentials) names the source.
    ///
    /// # Errors
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for a key without secret and the other way round, for credentials
    /// that were not copied right, for a profile that was named and does not exist, for a line of a file that is neither a
    /// section nor a value, and for an endpoint that is set in a way that is not supported;
    /// [`Io`](capbundle::ErrorKind::Io) for a file that cannot be read.
    pub fn find(profile: Option<&str>) -> Result<Self> {
        Self::find_with(&|name| std::env::var(name).ok(), profile)
    }

    /// As [`find`](Self::find), with the variables of another environment than that of this process.
    ///
    /// # Errors
    /// As of [`find`](Self::find).
    pub fn find_with(variable: &dyn Fn(&str) -> Option<String>, profile: Option<&str>) -> Result<Self> {
        Self::find_in(variable, profile, Missing::EVERYTHING)
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
        // A named profile comes before the environment, so what it says is needed also where the environment says something.
        let ignores_endpoints = is_true(variable(IGNORE_VARIABLE).as_deref());
        let needs = Missing {
            credentials: missing.credentials && surroundings.credentials.is_none(),
            region: missing.region && (wanted.is_given() || surroundings.region.is_none()),
            endpoint: missing.endpoint && !ignores_endpoints && (wanted.is_given() || surroundings.endpoint.is_none()),
        };
        let of_profile = match Files::new(&variable).profile(&wanted, needs, &variable) {
            Ok(found) => found,
            // With key, secret and region as options nobody asked for the profile.
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
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if none were found: with the source that is not supported where one is
    /// set, else with the places where they may stand.
    pub fn into_credentials(self) -> Result<Credentials> {
        self.credentials.ok_or_else(|| {
            let problem = self.problem.unwrap_or_else(|| {
                "there are none: give key and secret, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a \
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

/// What is looked for.
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

    /// All that the options leave open.
    pub(super) fn besides(options: &BucketOptions, credentials: Option<&Credentials>) -> Self {
        Self {
            credentials: credentials.is_none(),
            region: options.region.is_empty(),
            endpoint: options.endpoint.as_deref().is_none_or(|given| given.trim().is_empty()),
        }
    }
}

/// As Amazon's tools read a boolean.
fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests;

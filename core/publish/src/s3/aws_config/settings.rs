//! Credentials, region and endpoint, and which of them to search for.

use std::fmt;

use super::super::credentials::Credentials;
use super::super::options::BucketOptions;
use crate::error::{Error, Result};

/// Looks up an environment variable. An empty one counts as not set.
pub(super) type Variable<'a> = dyn Fn(&str) -> Option<String> + 'a;

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
    pub(super) problem: Option<String>,
}

impl Settings {
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

    /// Fills in what is missing from `other`.
    pub(super) fn or(self, other: Self) -> Self {
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
    pub(super) credentials: bool,
    pub(super) region: bool,
    pub(super) endpoint: bool,
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
pub(super) fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
}

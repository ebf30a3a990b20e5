//! Credentials, region and endpoint from the configuration of AWS tools.
//!
//! boto3 is the reference: a setting that it reads is read here or refused by name. A setting of another store is never ignored,
//! since the request would go to Amazon instead.

mod files;
mod sections;
mod settings;
mod sources;

pub use settings::Settings;

use self::files::{Files, NoProfile, OfProfile, Profile};
use self::settings::{Missing, is_true};
use super::credentials::Credentials;
use super::options::BucketOptions;
use crate::error::Result;

/// If `true`, disables every other setting of an endpoint.
const IGNORE_VARIABLE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

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

    fn find_in(variable: &dyn Fn(&str) -> Option<String>, profile: Option<&str>, missing: Missing) -> Result<Self> {
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
}

impl BucketOptions {
    /// Fills in an empty region and a missing endpoint from the settings.
    #[must_use]
    pub fn or_from(mut self, settings: &Settings) -> Self {
        if self.region.is_empty() {
            self.region = settings.region.clone().unwrap_or_default();
        }
        if self.endpoint.is_none() {
            self.endpoint.clone_from(&settings.endpoint);
        }
        self
    }
}

impl Credentials {
    /// Credentials from the environment or a profile; see [`Settings::find`].
    ///
    /// # Errors
    /// As [`Settings::find`], and [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if none are found.
    pub fn find(profile: Option<&str>) -> Result<Self> {
        Settings::find(profile)?.into_credentials()
    }
}

#[cfg(test)]
mod tests;

//! Sources of credentials, in the order of Amazon's tools.
//!
//! Only key and secret are supported. An unsupported source is an error as soon as its turn comes: the sources after it would sign
//! requests as another user than the other tools on the same machine.

use zeroize::Zeroizing;

use super::super::credentials::Credentials;
use super::super::profile::Section;
use super::sections::Sections;
use super::settings::Variable;
use crate::error::{Error, Result};

/// Wiped from memory when it is dropped.
type Secret = Zeroizing<String>;
/// The credentials, or the reason why none were found.
type Outcome = (Option<Credentials>, Option<String>);

/// Settings of single sign-on.
const SSO: [&str; 4] = ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"];
/// Variables that container hosts set.
const CONTAINER: [&str; 2] = [
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Credentials from the environment; `None` if it has none.
pub(super) fn pair_of_environment(variable: &Variable<'_>) -> Result<Option<Credentials>> {
    let secret = |name: &str| variable(name).map(Secret::new);
    pair(
        "the environment",
        ("AWS_ACCESS_KEY_ID", secret("AWS_ACCESS_KEY_ID")),
        ("AWS_SECRET_ACCESS_KEY", secret("AWS_SECRET_ACCESS_KEY")),
        secret("AWS_SESSION_TOKEN")
            .or_else(|| secret("AWS_SECURITY_TOKEN"))
            .as_ref(),
    )
}

/// Credentials of a profile, if the environment has none. `is_given`: the caller named the profile, so variables are ignored.
pub(super) fn of_profile(profile: &Sections<'_>, is_given: bool, variable: &Variable<'_>) -> Result<Outcome> {
    let name = profile.name;
    let unsupported = |setting: &str| {
        let problem = format!(
            "profile {name} uses {setting}, which is not supported: put key, secret and session token into the \
             environment, as `aws configure export-credentials --profile {name} --format env` prints them"
        );
        Ok((None, Some(problem)))
    };
    let of_environment = |setting: &str| {
        let problem = format!(
            "the environment uses {setting}, which is not supported: put key, secret and session token into the \
             environment, as `aws configure export-credentials --format env` prints them"
        );
        Ok((None, Some(problem)))
    };
    let is_set = |name: &&&str| variable(name).is_some();

    let web_identity = "web_identity_token_file";
    if profile.has("role_arn") && !profile.has(web_identity) {
        return unsupported("role_arn");
    }
    if !is_given && variable("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        return of_environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    }
    if profile.has(web_identity) {
        return unsupported(web_identity);
    }
    if let Some(setting) = SSO.iter().find(|setting| profile.has(setting)) {
        return unsupported(setting);
    }
    if let Some(credentials) = pair_of_section(name, profile.secrets)? {
        return Ok((Some(credentials), None));
    }
    if let Some(setting) = ["login_session", "credential_process"]
        .iter()
        .find(|setting| profile.has(setting))
    {
        return unsupported(setting);
    }
    if let Some(credentials) = pair_of_section(name, profile.config)? {
        return Ok((Some(credentials), None));
    }
    if let Some(setting) = CONTAINER.iter().find(is_set) {
        return of_environment(setting);
    }
    let problem = is_given.then(|| {
        format!(
            "no credentials in profile {name}, and a given profile excludes the environment: add aws_access_key_id and \
             aws_secret_access_key to it, or name it with AWS_PROFILE instead"
        )
    });
    Ok((None, problem))
}

fn pair_of_section(profile: &str, section: Option<&Section>) -> Result<Option<Credentials>> {
    let Some(section) = section else { return Ok(None) };
    let secret = |name: &str| Ok::<_, Error>(section.get(name)?.map(|value| Secret::new(value.to_owned())));
    let token = match secret("aws_session_token")? {
        Some(token) => Some(token),
        None => secret("aws_security_token")?,
    };
    pair(
        &format!("profile {profile}"),
        ("aws_access_key_id", secret("aws_access_key_id")?),
        ("aws_secret_access_key", secret("aws_secret_access_key")?),
        token.as_ref(),
    )
}

/// Requires both key and secret, or neither.
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

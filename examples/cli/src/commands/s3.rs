//! A bucket, from the `--s3-…` options and the AWS configuration.

use std::sync::Arc;

use capbundle::http::Transport;
use capbundle_publish::s3::{Bucket, BucketOptions, Credentials, Settings, Style};

use crate::args::{BucketStyle, S3Access};
use crate::error::{Failure, Result};

/// Credentials of a dry run, which sends no request.
const PLACEHOLDER: &str = "dry-run";

/// The bucket of this name. Credentials may be missing if `is_offline`.
pub(super) fn bucket(access: &S3Access, name: &str, is_offline: bool, transport: Arc<dyn Transport>) -> Result<Bucket> {
    let style = match access.style {
        BucketStyle::Auto => Style::Auto,
        BucketStyle::Path => Style::Path,
        BucketStyle::VirtualHost => Style::VirtualHost,
    };
    let options = BucketOptions::new(access.region.clone().unwrap_or_default(), name)
        .with_endpoint(access.endpoint.clone())
        .with_port(access.port)
        .with_ssl(access.no_ssl.then_some(false))
        .with_style(style);
    let given = match (&access.apikey, &access.apisecret) {
        (Some(key), Some(secret)) => Some(Credentials::new(key, secret, access.session_token.as_deref())?),
        _ => None,
    };
    let settings = Settings::find_missing(&options, given.as_ref(), access.profile.as_deref())?;
    let options = options.or_from(&settings);
    let credentials = match given {
        Some(given) => given,
        None => match settings.into_credentials() {
            Err(_) if is_offline => Credentials::new(PLACEHOLDER, PLACEHOLDER, None)?,
            found => found?,
        },
    };
    Bucket::new(&options, credentials, transport).map_err(|error| {
        let failure = Failure::from(error);
        match without_tls(&options) {
            Some(lines) => failure.showing(&lines),
            None => failure,
        }
    })
}

/// The two commands that an https endpoint with `--no-s3-ssl` may mean. The user has to choose, because only one of
/// them encrypts the connection.
fn without_tls(options: &BucketOptions) -> Option<String> {
    let endpoint = options.endpoint.as_deref()?.trim();
    let (scheme, rest) = endpoint.split_once("://")?;
    if options.ssl != Some(false) || !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let port = |port: Option<u16>| port.map_or(String::new(), |port| format!(" --s3-port {port}"));
    // The port of https does not serve plain http.
    let plain_port = options.port.filter(|port| *port != 443);
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let plain_host = host.strip_suffix(":443").unwrap_or(host);
    let command = invoked();
    Some(format!(
        "With TLS, as the endpoint states:\n  {command} --s3-endpoint https://{rest}{}\n\
         Without TLS, as --no-s3-ssl states; the connection is not encrypted:\n   \
         {command} --s3-endpoint http://{plain_host}{path}{} --no-s3-ssl",
        port(options.port),
        port(plain_port)
    ))
}

/// The words of the command before its options, followed by an ellipsis for the other options.
fn invoked() -> String {
    let words = std::env::args().skip(1).take_while(|word| !word.starts_with('-'));
    let words: Vec<String> = std::iter::once("capbundle".to_owned()).chain(words.take(2)).collect();
    format!("{} …", words.join(" "))
}

/// Checks that credential options are given together.
pub(super) fn check(access: &S3Access) -> Result<()> {
    if access.apikey.is_some() != access.apisecret.is_some() {
        return Err(Failure::missing_argument(
            "--s3-apikey and --s3-apisecret must be used together: pass both, or neither to read them from the environment",
        ));
    }
    if access.session_token.is_some() && access.apikey.is_none() {
        return Err(Failure::missing_argument(
            "--s3-session-token needs --s3-apikey and --s3-apisecret: pass all three, or none to read them from the environment",
        ));
    }
    Ok(())
}

//! A bucket, from the `--s3-…` options and what the tools of Amazon know.

use std::sync::Arc;

use capbundle::publish::s3::{Bucket, BucketOptions, Credentials, Settings, Style};
use capbundle::transport::Transport;

use crate::args::{BucketStyle, S3Access};
use crate::codes::{Failure, Result};

/// Shown in no request: only where no server is asked.
const NOBODY: &str = "nobody";

/// The bucket of this name. Where nobody will be asked, nobody needs credentials.
pub(super) fn bucket(
    access: &S3Access,
    name: &str,
    asks_nobody: bool,
    transport: Arc<dyn Transport>,
) -> Result<Bucket> {
    let mut options = BucketOptions::new(access.region.clone().unwrap_or_default(), name);
    options.endpoint.clone_from(&access.endpoint);
    options.port = access.port;
    options.ssl = access.no_ssl.then_some(false);
    options.style = match access.style {
        BucketStyle::Auto => Style::Auto,
        BucketStyle::Path => Style::Path,
        BucketStyle::VirtualHost => Style::VirtualHost,
    };
    let given = match (&access.apikey, &access.apisecret) {
        (Some(key), Some(secret)) => Some(Credentials::new(key, secret, access.session_token.as_deref())?),
        _ => None,
    };
    let settings = Settings::find_missing(&options, given.as_ref(), access.profile.as_deref())?;
    let options = options.or_from(&settings);
    let credentials = match given {
        Some(given) => given,
        None => match settings.into_credentials() {
            Err(_) if asks_nobody => Credentials::new(NOBODY, NOBODY, None)?,
            found => found?,
        },
    };
    Ok(Bucket::new(&options, credentials, transport)?)
}

/// Options that belong together are all given, or none.
pub(super) fn check(access: &S3Access) -> Result<()> {
    if access.apikey.is_some() != access.apisecret.is_some() {
        return Err(Failure::missing_argument(
            "--s3-apikey and --s3-apisecret belong together: pass both, or none and they are taken from the environment",
        ));
    }
    if access.session_token.is_some() && access.apikey.is_none() {
        return Err(Failure::missing_argument(
            "--s3-session-token belongs to --s3-apikey and --s3-apisecret: pass all three, or none and they are taken from the \
             environment",
        ));
    }
    Ok(())
}

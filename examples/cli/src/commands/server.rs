//! The server with bundles and channels: its URL, its API key and the transport.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use capbundle::http::{Http, Transport, Url};
use capbundle_publish::api::{Api, ApiKey};

use crate::args::{NetworkArgs, ServerArgs};
use crate::error::{Failure, Result};
use crate::interrupt;

/// The variable with the URL of your own server.
pub(in crate::commands) const ADDRESS: &str = "CAPBUNDLE_API_URL";
/// The variable with the PEM file of your own CA.
const AUTHORITIES: &str = "CAPBUNDLE_CA_FILE";

/// Creates a transport and starts the time limit of `--timeout`.
///
/// The trusted certificates come from the first of these that is set: `--ca-file`, `CAPBUNDLE_CA_FILE`,
/// `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`, Mozilla's list.
pub(in crate::commands) fn transport(args: &NetworkArgs) -> Result<Arc<dyn Transport>> {
    begin(args)?;
    trusting(args, Http::from_env)
}

/// Starts the time limit of `--timeout`.
pub(in crate::commands) fn begin(args: &NetworkArgs) -> Result<()> {
    let Some(seconds) = args.timeout else { return Ok(()) };
    let limited = interrupt::start_deadline(Duration::from_secs(seconds.into()));
    limited.map_err(|error| Failure::refused("io", format!("--timeout: cannot start a timer: {error}")))
}

/// A transport for an object store, for which `AWS_CA_BUNDLE` has precedence over `SSL_CERT_FILE`.
pub(in crate::commands) fn s3_transport(args: &NetworkArgs) -> Result<Arc<dyn Transport>> {
    trusting(args, Http::from_aws_env)
}

fn trusting(args: &NetworkArgs, otherwise: impl FnOnce() -> capbundle::Result<Http>) -> Result<Arc<dyn Transport>> {
    let variable = || std::env::var_os(AUTHORITIES).filter(|path| !path.is_empty());
    let (file, origin) = match (&args.ca_file, variable()) {
        (Some(file), _) => (file.clone(), "--ca-file"),
        (None, Some(file)) => (file.into(), AUTHORITIES),
        (None, None) => return Ok(Arc::new(otherwise()?)),
    };
    let about = |failure: Failure| failure.adding(&format!("the file is set by {origin}"));
    let pem = std::fs::read_to_string(&file).map_err(|error| about(Failure::io("read", &file, &error)))?;
    let http = Http::trusting_only(&pem).map_err(|error| about(error.into()))?;
    Ok(Arc::new(http))
}

/// The API of the server, with the user's API key.
pub(in crate::commands) fn api(args: &ServerArgs, transport: Arc<dyn Transport>) -> Result<Api> {
    api_with(args, transport, key(args)?)
}

/// The API of the server, with this API key.
pub(in crate::commands) fn api_with(args: &ServerArgs, transport: Arc<dyn Transport>, key: ApiKey) -> Result<Api> {
    let base = match own_address(args)? {
        Some(base) => base,
        None => Api::DEFAULT_BASE.parse()?,
    };
    Ok(Api::new(transport, &base, key)?)
}

/// The API key from the option, the environment or a file.
fn key(args: &ServerArgs) -> Result<ApiKey> {
    let found = ApiKey::find(args.apikey.clone(), Path::new(""))?;
    found.ok_or_else(|| {
        Failure::usage(
            "missing_apikey",
            "no API key for the server: set CAPGO_TOKEN, pass --apikey, or save the key as .capgo in the home folder",
        )
    })
}

/// The URL of your own server, if one is configured.
pub(in crate::commands) fn own_address(args: &ServerArgs) -> Result<Option<Url>> {
    let variable = std::env::var(ADDRESS).ok().filter(|text| !text.trim().is_empty());
    let (text, origin) = match (&args.api_url, variable) {
        (Some(text), _) => (text.clone(), "--api-url"),
        (None, Some(text)) => (text, ADDRESS),
        (None, None) => return Ok(None),
    };
    let url: Url = text
        .trim()
        .parse()
        .map_err(|error: capbundle::Error| Failure::usage("invalid_argument", format!("{origin}: {error}")))?;
    let capgo: Url = Api::DEFAULT_BASE.parse()?;
    Ok((url.origin() != capgo.origin()).then_some(url))
}

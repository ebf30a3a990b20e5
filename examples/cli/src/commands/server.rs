//! The server that knows bundles and channels: its address, the key to it, and the way there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use capbundle::http::{Http, Transport, Url};
use capbundle_publish::api::{Api, ApiKey};

use crate::args::{NetworkArgs, ServerArgs};
use crate::error::{Failure, Result};
use crate::interrupt;

/// Where a server of one's own may be named once for all commands.
pub(in crate::commands) const ADDRESS: &str = "CAPBUNDLE_API_URL";
/// The same for authorities of one's own.
const AUTHORITIES: &str = "CAPBUNDLE_CA_FILE";

/// A transport as the options want it; the time that they allow begins.
///
/// Certificates are trusted by the first of these that is there: `--ca-file`, `CAPBUNDLE_CA_FILE`, `SSL_CERT_FILE` and
/// `SSL_CERT_DIR`, Mozilla's list.
pub(in crate::commands) fn transport(args: &NetworkArgs) -> Result<Arc<dyn Transport>> {
    begin(args)?;
    trusting(args, Http::from_env)
}

/// The time that the options allow begins.
pub(in crate::commands) fn begin(args: &NetworkArgs) -> Result<()> {
    let Some(seconds) = args.timeout else { return Ok(()) };
    let limited = interrupt::start_deadline(Duration::from_secs(seconds.into()));
    limited.map_err(|error| Failure::refused("io", format!("--timeout: no clock can be started: {error}")))
}

/// A transport for an object store, where `AWS_CA_BUNDLE` goes before `SSL_CERT_FILE`.
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
    let about = |failure: Failure| failure.adding(&format!("see {origin}"));
    let pem = std::fs::read_to_string(&file).map_err(|error| about(Failure::io("read", &file, &error)))?;
    let http = Http::trusting_only(&pem).map_err(|error| about(error.into()))?;
    Ok(Arc::new(http))
}

/// The server to ask, with the key to it.
pub(in crate::commands) fn api(args: &ServerArgs, transport: Arc<dyn Transport>) -> Result<Api> {
    api_with(args, transport, key(args)?)
}

/// The same with this key.
pub(in crate::commands) fn api_with(args: &ServerArgs, transport: Arc<dyn Transport>, key: ApiKey) -> Result<Api> {
    let base = match own_address(args)? {
        Some(base) => base,
        None => Api::DEFAULT_BASE.parse()?,
    };
    Ok(Api::new(transport, &base, key)?)
}

/// The key: given, of the environment, or of a file.
fn key(args: &ServerArgs) -> Result<ApiKey> {
    let found = ApiKey::find(args.apikey.clone(), Path::new(""))?;
    found.ok_or_else(|| {
        Failure::usage(
            "missing_apikey",
            "no key for the server: set CAPGO_TOKEN, pass --apikey, or put it into a file .capgo in the home folder",
        )
    })
}

/// The server of one's own, if one is named.
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

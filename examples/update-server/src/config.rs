//! The server's configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use capbundle::http::Url;
use capbundle_publish::s3::Credentials;

use crate::error::{Error, Result};
use crate::verify::AddressRange;

/// The server's configuration.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub struct Config {
    /// The folder of the database and the archives. Created if it does not exist.
    pub data: PathBuf,
    /// The address to listen on; port 0 picks a free port.
    pub listen: SocketAddr,
    /// The URL at which devices reach the server, which is the base of the archives' URLs. `None` uses the address it listens
    /// on, which must then be a loopback address.
    pub public_url: Option<String>,
    /// The bucket that stores the archives, instead of `data`.
    pub s3: Option<S3>,
    /// Whether requests come through a reverse proxy; the client's address is then the last one in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Whether `/metrics` is served without a key.
    pub open_metrics: bool,
    /// Whether the first upload or bundle for an app creates the app.
    pub new_apps: bool,
    /// The shape of the responses of `/bundle`.
    pub api_shape: ApiShape,
    /// Whether an archive at an external URL is downloaded and verified before it is registered. An app may override it
    /// ([`AppRules::verify_external`](crate::AppRules::verify_external)).
    pub verify_external: bool,
    /// Address ranges from which archives are downloaded although they are not public.
    pub allow_verify_from: Vec<AddressRange>,
    /// CA certificates (PEM) to trust for these downloads, in addition to Mozilla's.
    pub verify_ca_file: Option<PathBuf>,
    /// The limits.
    pub limits: Limits,
}

/// The shape of the responses of `/bundle`. All other routes respond like Capgo's servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ApiShape {
    /// Like the documentation of the Bundles API: `{"data":[…]}`, `{"status":"ok"}`, `{"error":"Bundle not found","status":"KO"}`.
    #[default]
    Documented,
    /// Like Capgo's servers: a bare array, `{"status":"success","bundle":{…}}`, `{"error":"cannot_find_version",…}`.
    Backend,
}

/// An S3 bucket. Credentials, region and endpoint that are not set come from the environment
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …) or from `~/.aws`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct S3 {
    /// The bucket's name.
    pub bucket: String,
    /// The bucket's region.
    pub region: Option<String>,
    /// The URL of the S3 endpoint; `None` for AWS.
    pub endpoint: Option<String>,
    /// The prefix of all keys.
    pub prefix: String,
    /// A public URL of the bucket (a CDN) that contains `{key}`. Without it, devices are redirected to presigned URLs that are
    /// valid for one hour.
    pub public_url: Option<String>,
    /// The profile in `~/.aws` to use.
    pub profile: Option<String>,
    /// The credentials to use.
    pub credentials: Option<Credentials>,
}

impl S3 {
    /// The bucket `name`, with everything else unset.
    pub fn bucket(name: impl Into<String>) -> Self {
        Self {
            bucket: name.into(),
            ..Self::default()
        }
    }
}

/// The limits, which keep one client from using up the server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Largest JSON body, in bytes. A batch of reports has a few hundred events of about 500 bytes.
    pub json_bytes: usize,
    /// Largest archive, in bytes.
    pub upload_bytes: u64,
    /// Requests per minute from one address (IPv6: one /64 network). A whole office may share one address.
    pub per_address: u32,
    /// Requests per minute with one key.
    pub per_key: u32,
    /// Requests that are processed at once. Further ones get status 503 with `Retry-After`.
    pub concurrent: usize,
    /// Requests of one client (IPv6: one /64 network) whose body is incomplete. Further ones get status 429 with
    /// `Retry-After`. Requests without a body do not count, since many clients may share an address.
    pub open_bodies: usize,
    /// Uploads that are received at once. Further ones get status 503 with `Retry-After`.
    pub uploads: usize,
    /// Open connections. At the limit, an idle connection is closed to accept a new one; if none is idle, the new one waits.
    /// The last eighth is reserved for networks with few connections.
    pub connections: usize,
    /// Idle connections of one client (IPv6: one /64 network); beyond them, its oldest is closed. Ignored behind a proxy.
    pub idle_connections: usize,
    /// How long a request may take, how long a client may send nothing, and how long it may receive nothing of a response.
    pub timeout: Duration,
    /// How long the download of an external archive may take when it is verified.
    pub verify_timeout: Duration,
    /// Interval between removals of uploads that were not registered within a day.
    pub cleanup_interval: Duration,
    /// How long running requests may take after the server was stopped.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 1 << 20,
            upload_bytes: 1 << 30,
            per_address: 600,
            per_key: 1200,
            concurrent: 256,
            open_bodies: 32,
            uploads: 64,
            connections: 1024,
            idle_connections: 128,
            timeout: Duration::from_secs(30),
            verify_timeout: Duration::from_secs(60),
            cleanup_interval: Duration::from_secs(3600),
            drain: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// A server on a free port of the loopback address, with its data in the folder `data`.
    pub fn loopback(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            public_url: None,
            s3: None,
            behind_proxy: false,
            open_metrics: false,
            new_apps: true,
            api_shape: ApiShape::default(),
            verify_external: false,
            allow_verify_from: Vec::new(),
            verify_ca_file: None,
            limits: Limits::default(),
        }
    }

    /// The base of all URLs that the server returns, without a trailing slash.
    pub(crate) fn base_url(&self, listening: SocketAddr) -> Result<String> {
        let invalid = |reason: String| Error::InvalidSetting {
            setting: "--public-url",
            reason,
        };
        let Some(given) = &self.public_url else {
            if listening.ip().is_loopback() {
                return Ok(format!("http://{listening}"));
            }
            return Err(invalid(format!(
                "required, because {listening} is not a loopback address; pass the https URL at which devices reach the server"
            )));
        };
        let url: Url = given.parse().map_err(|error| invalid(format!("{error}")))?;
        if !url.is_secure() && !url.is_loopback() {
            return Err(invalid(format!(
                "expected an https URL, found {url}; phones require https, so put the server behind a TLS proxy"
            )));
        }
        if given.contains('?') {
            return Err(invalid(format!("{url} has a query; remove it")));
        }
        Ok(given.trim_end_matches('/').to_owned())
    }
}

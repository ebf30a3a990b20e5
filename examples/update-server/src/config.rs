//! What a server is told when it starts.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use capbundle::http::Url;
use capbundle_publish::s3::Credentials;

use crate::error::{Error, Result};
use crate::verify::AddressRange;

/// What a server is told when it starts.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command")]
pub struct Config {
    /// The folder of the database and the bundles. Made if it is missing.
    pub data: PathBuf,
    /// Where to listen; port 0 for any that is free.
    pub listen: SocketAddr,
    /// The address under which devices reach the server, without a path: it leads the URLs of bundles. `None` for the address
    /// listened on, which must then be of this machine.
    pub public_url: Option<String>,
    /// The bucket that keeps archives, instead of `data`.
    pub s3: Option<S3>,
    /// Whether requests come through a reverse proxy, whose `X-Forwarded-For` then names who asks.
    pub behind_proxy: bool,
    /// Whether `/metrics` answers without a key.
    pub open_metrics: bool,
    /// Whether a key may publish for an app that is not there yet, which makes the app.
    pub new_apps: bool,
    /// In which shape `/bundle` answers.
    pub api_shape: ApiShape,
    /// Whether an archive at another address is fetched and compared before it is registered, for apps without a rule of
    /// their own ([`AppRules::verify_external`](crate::AppRules::verify_external)).
    pub verify_external: bool,
    /// Addresses that are fetched although they are not public.
    pub allow_verify_from: Vec<AddressRange>,
    /// PEM certificates of authorities that are trusted beside Mozilla's when an archive is fetched.
    pub verify_ca_file: Option<PathBuf>,
    /// What is too much.
    pub limits: Limits,
}

/// In which shape `/bundle` answers. All other addresses answer as Capgo's servers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ApiShape {
    /// As the Bundles API is documented: `{"data":[…]}`, `{"status":"ok"}`, `{"error":"Bundle not found","status":"KO"}`.
    #[default]
    Documented,
    /// As Capgo's servers answer: a bare array, `{"status":"success","bundle":{…}}`, `{"error":"cannot_find_version",…}`.
    Backend,
}

/// A bucket of an S3 store. Credentials, region and endpoint that are not given come from the environment
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …) or from `~/.aws`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct S3 {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: Option<String>,
    /// The store's address, unless it is Amazon's.
    pub endpoint: Option<String>,
    /// What leads every key.
    pub prefix: String,
    /// Where everybody may read (a CDN), with `{key}` in it. Without it, devices are sent to addresses that hold for an hour.
    pub public_url: Option<String>,
    /// The profile in `~/.aws`.
    pub profile: Option<String>,
    /// Who this server is, to the store.
    pub credentials: Option<Credentials>,
}

impl S3 {
    /// A bucket of this name.
    pub fn bucket(name: impl Into<String>) -> Self {
        Self {
            bucket: name.into(),
            ..Self::default()
        }
    }
}

/// What is too much. Each protects the others from one client.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a JSON body. A batch of reports has a few hundred events of about 500 bytes.
    pub json_bytes: usize,
    /// Bytes of an archive.
    pub upload_bytes: u64,
    /// Requests a minute from one address (IPv6: one /64 network). A whole office may sit behind one.
    pub per_address: u32,
    /// Requests a minute with one key.
    pub per_key: u32,
    /// Requests that are worked on at once; the next is asked to come again.
    pub concurrent: usize,
    /// Requests of one client (IPv6: one /64 network) whose body is not complete; the next is asked to come again. Requests
    /// without a body do not count, since many clients may share an address.
    pub open_bodies: usize,
    /// Uploads that are received at once; the next is asked to come again.
    pub uploads: usize,
    /// Open connections. When there are as many, one that waits for its client is closed for a new one, else the next waits to
    /// be accepted. The last eighth is for networks that have few.
    pub connections: usize,
    /// Connections of one client (IPv6: one /64 network) that wait for it; the oldest is closed for a new one. Does not
    /// count behind a proxy.
    pub idle_connections: usize,
    /// How long a request may take, and how long a client may send nothing, or take nothing of an answer.
    pub patience: Duration,
    /// How long it may take to fetch an archive that is verified.
    pub verification: Duration,
    /// How often uploads are looked for that nobody registered within a day.
    pub clearing: Duration,
    /// How long running requests may take when the server stops.
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
            patience: Duration::from_secs(30),
            verification: Duration::from_secs(60),
            clearing: Duration::from_secs(3600),
            drain: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// A server for this machine alone, on any free port, with its data in `data`.
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

    /// The start of every URL that is given out, without a slash at its end.
    pub(crate) fn base_url(&self, listening: SocketAddr) -> Result<String> {
        let wrong = |problem: String| Error::Setting {
            what: "--public-url",
            problem,
        };
        let Some(given) = &self.public_url else {
            if listening.ip().is_loopback() {
                return Ok(format!("http://{listening}"));
            }
            return Err(wrong(format!(
                "needed, since {listening} is not an address of this machine alone: https:// and the name by which devices \
                 reach the server"
            )));
        };
        let url: Url = given.parse().map_err(|problem| wrong(format!("{problem}")))?;
        if !url.is_secure() && !url.is_loopback() {
            return Err(wrong(format!(
                "{url} is not https, and phones refuse anything else: put the server behind a proxy with TLS"
            )));
        }
        if given.contains('?') {
            return Err(wrong("it has a query".to_owned()));
        }
        Ok(given.trim_end_matches('/').to_owned())
    }
}

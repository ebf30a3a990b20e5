//! Downloads from a URL that a client supplied, without giving the client access to this server's network (SSRF).
//!
//! Only `https`, and no proxy. A host name is resolved once. All its addresses must be public, and the connection goes to one of
//! them, so that a second DNS response cannot lead elsewhere. Redirects are checked like the first URL. The caller limits the
//! time.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::addresses::{AddressRange, is_public};
use crate::config::Config;
use crate::error::{Error, Result};

/// Enough for usual file downloads; those of GitHub's releases need two.
const MAX_REDIRECTS: usize = 5;
/// For each address of a host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two chunks of a response.
const STALL_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(super) struct Fetcher {
    tls: Arc<ClientConfig>,
    allowed: Vec<AddressRange>,
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fetcher")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

/// Why an archive was not downloaded.
#[derive(Debug)]
pub(super) enum FetchError {
    /// The download failed.
    Fetch(String),
    /// The archive could not be written to disk.
    Write(io::Error),
}

impl From<String> for FetchError {
    fn from(reason: String) -> Self {
        Self::Fetch(reason)
    }
}

/// A response, with the task that drives its connection.
struct OpenResponse {
    response: Response<Incoming>,
    _driver: JoinSet<()>,
}

impl Fetcher {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let invalid = |reason: String| Error::InvalidSetting {
            setting: "--verify-ca-file",
            reason,
        };
        let mut roots = webpki_roots::TLS_SERVER_ROOTS
            .iter()
            .cloned()
            .collect::<RootCertStore>();
        if let Some(path) = &config.verify_ca_file {
            let invalid_file = |reason: &dyn fmt::Display| invalid(format!("{}: {reason}", path.display()));
            let certificates = CertificateDer::pem_file_iter(path).map_err(|error| invalid_file(&error))?;
            let before = roots.len();
            for certificate in certificates {
                let certificate = certificate.map_err(|error| invalid_file(&error))?;
                roots.add(certificate).map_err(|error| invalid_file(&error))?;
            }
            if roots.len() == before {
                return Err(invalid_file(&"expected certificates in PEM, found none"));
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(tls),
            allowed: config.allow_verify_from.clone(),
        })
    }

    /// Downloads at most `limit` bytes from `url` and passes them to `write`. Returns the number of bytes.
    pub(super) async fn fetch(
        &self,
        url: &str,
        limit: u64,
        write: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<u64, FetchError> {
        let mut url = Url::parse(url).map_err(|error| format!("external_url: {error}"))?;
        for _ in 0..=MAX_REDIRECTS {
            let open = self.request(&url).await?;
            let status = open.response.status();
            if !status.is_redirection() {
                return receive(open, limit, write).await;
            }
            let location = open.response.headers().get(header::LOCATION);
            let location = location.and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| {
                format!(
                    "{}: redirect with status {status} has no valid Location",
                    without_query(&url)
                )
            })?;
        }
        Err(format!("external_url: more than {MAX_REDIRECTS} redirects").into())
    }

    async fn request(&self, url: &Url) -> Result<OpenResponse, FetchError> {
        let failed = |reason: String| format!("{}: {reason}", without_query(url));
        if url.scheme() != "https" {
            return Err(failed("expected an https URL".to_owned()).into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(failed("the URL has a user name or password, which devices do not support".to_owned()).into());
        }
        let host = url.host().ok_or_else(|| failed("the URL has no host".to_owned()))?;
        let addresses = self.resolve(&host, url.port().unwrap_or(443)).await.map_err(failed)?;
        let stream = connect(&addresses).await.map_err(failed)?;
        let server = match &host {
            Host::Domain(name) => {
                ServerName::try_from((*name).to_owned()).map_err(|_| failed("the host name is invalid".to_owned()))?
            }
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(server, stream).await;
        let stream = stream.map_err(|error| failed(format!("TLS: {error}")))?;
        let interrupted = |error: hyper::Error| failed(format!("connection lost: {error}"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(interrupted)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Errors surface in the response.
            let _ = connection.await;
        });
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let request = Request::get(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(header::HOST, authority)
            .header(
                header::USER_AGENT,
                concat!("capbundle-update-server/", env!("CARGO_PKG_VERSION")),
            )
            .header(header::ACCEPT_ENCODING, "identity")
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(error.to_string()))?;
        let response = sender.send_request(request).await.map_err(interrupted)?;
        Ok(OpenResponse {
            response,
            _driver: driver,
        })
    }

    /// Resolves a host. Fails unless all its addresses are permitted.
    async fn resolve(&self, host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses: Vec<SocketAddr> = match host {
            Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((*name, port)).await;
                found
                    .map_err(|error| format!("cannot resolve the host: {error}"))?
                    .collect()
            }
        };
        if addresses.is_empty() {
            return Err("the host has no address".to_owned());
        }
        let permitted =
            |address: IpAddr| is_public(address) || self.allowed.iter().any(|range| range.contains(address));
        // All of them, not only some: a name with both public and private addresses is likely an attack.
        if addresses.iter().all(|address| permitted(address.ip())) {
            return Ok(addresses);
        }
        Err("the address of the host is not public, and --allow-verify-from does not include it".to_owned())
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut last = String::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = format!("timed out after {} s", CONNECT_TIMEOUT.as_secs()),
        }
    }
    Err(format!("cannot connect: {last}"))
}

async fn receive(
    open: OpenResponse,
    limit: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()> + Send,
) -> Result<u64, FetchError> {
    let (head, body) = open.response.into_parts();
    if head.status != StatusCode::OK {
        return Err(format!("external_url: expected status 200, found {}", head.status).into());
    }
    let encoding = head.headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(
            "external_url: the response has a Content-Encoding; devices need the plain archive"
                .to_owned()
                .into(),
        );
    }
    let too_large = || FetchError::from(format!("external_url: the archive has more than {limit} bytes"));
    let mut body = Body::new(body);
    if axum::body::HttpBody::size_hint(&body).lower() > limit {
        return Err(too_large());
    }
    let mut size = 0;
    loop {
        let frame = tokio::time::timeout(STALL_TIMEOUT, body.frame()).await;
        let frame = frame.map_err(|_| format!("external_url: received nothing for {} s", STALL_TIMEOUT.as_secs()))?;
        let Some(frame) = frame else { return Ok(size) };
        let frame = frame.map_err(|error| format!("external_url: connection lost: {error}"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        size += bytes.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        write(&bytes).map_err(FetchError::Write)?;
    }
}

/// The URL without its query, which may contain a signature.
fn without_query(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
}

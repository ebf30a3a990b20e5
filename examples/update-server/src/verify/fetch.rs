//! Fetching an address that a client names, without lending the client this server's place in its network.
//!
//! Only `https`, without a proxy. A name is resolved once; every address that it has must be public, and the connection goes to
//! one of these addresses, so that no second answer of a name server leads elsewhere. A redirect is checked like the first
//! address. The caller bounds the time.

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

/// As many as browsers' file downloads need; GitHub's releases take two.
const MAX_REDIRECTS: usize = 5;
/// For each address of a name.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two pieces of an answer.
const STALL: Duration = Duration::from_secs(15);

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

/// Why there is no archive.
#[derive(Debug)]
pub(super) enum Problem {
    /// It could not be fetched.
    NotFetched(String),
    /// It could not be written.
    NotKept(io::Error),
}

impl From<String> for Problem {
    fn from(problem: String) -> Self {
        Self::NotFetched(problem)
    }
}

/// A connection, and the task that drives it for as long as this lives.
struct Answered {
    response: Response<Incoming>,
    _driver: JoinSet<()>,
}

impl Fetcher {
    pub(super) fn new(config: &Config) -> Result<Self> {
        let wrong = |problem: String| Error::Setting {
            what: "--verify-ca-file",
            problem,
        };
        let mut roots = webpki_roots::TLS_SERVER_ROOTS
            .iter()
            .cloned()
            .collect::<RootCertStore>();
        if let Some(path) = &config.verify_ca_file {
            let named = |problem: &dyn fmt::Display| wrong(format!("{}: {problem}", path.display()));
            let certificates = CertificateDer::pem_file_iter(path).map_err(|problem| named(&problem))?;
            let before = roots.len();
            for certificate in certificates {
                let certificate = certificate.map_err(|problem| named(&problem))?;
                roots.add(certificate).map_err(|problem| named(&problem))?;
            }
            if roots.len() == before {
                return Err(named(&"expected certificates in PEM, found none"));
            }
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|problem| wrong(problem.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Arc::new(tls),
            allowed: config.allow_verify_from.clone(),
        })
    }

    /// Fetches `url`, of at most `limit` bytes, into `keep`; gives the number of bytes.
    pub(super) async fn fetch(
        &self,
        url: &str,
        limit: u64,
        keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<u64, Problem> {
        let mut url = Url::parse(url).map_err(|problem| format!("external_url: {problem}"))?;
        for _ in 0..=MAX_REDIRECTS {
            let answered = self.ask(&url).await?;
            let status = answered.response.status();
            if !status.is_redirection() {
                return receive(answered, limit, keep).await;
            }
            let location = answered.response.headers().get(header::LOCATION);
            let location = location.and_then(|location| location.to_str().ok());
            let next = location.and_then(|location| url.join(location).ok());
            url = next.ok_or_else(|| format!("{}: answered {status} without a place to go", shown(&url)))?;
        }
        Err(format!("external_url: more than {MAX_REDIRECTS} redirects").into())
    }

    async fn ask(&self, url: &Url) -> Result<Answered, Problem> {
        let named = |problem: String| format!("{}: {problem}", shown(url));
        if url.scheme() != "https" {
            return Err(named("only https is fetched".to_owned()).into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(named("has a user name, and devices have none".to_owned()).into());
        }
        let host = url.host().ok_or_else(|| named("has no host".to_owned()))?;
        let addresses = self.resolve(&host, url.port().unwrap_or(443)).await.map_err(named)?;
        let stream = connect(&addresses).await.map_err(named)?;
        let server = match &host {
            Host::Domain(name) => ServerName::try_from((*name).to_owned())
                .map_err(|_| named("its host is no name of a server".to_owned()))?,
            Host::Ipv4(address) => ServerName::from(IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(IpAddr::V6(*address)),
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(server, stream).await;
        let stream = stream.map_err(|problem| named(format!("TLS: {problem}")))?;
        let broke = |problem: hyper::Error| named(format!("the connection broke: {problem}"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // What becomes of it, the answer says.
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
            .map_err(|problem| named(problem.to_string()))?;
        let response = sender.send_request(request).await.map_err(broke)?;
        Ok(Answered {
            response,
            _driver: driver,
        })
    }

    /// All addresses of a host, each of which may be fetched.
    async fn resolve(&self, host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, String> {
        let addresses: Vec<SocketAddr> = match host {
            Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
            Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
            Host::Domain(name) => {
                let found = tokio::net::lookup_host((*name, port)).await;
                found
                    .map_err(|problem| format!("its host is not found: {problem}"))?
                    .collect()
            }
        };
        if addresses.is_empty() {
            return Err("its host has no address".to_owned());
        }
        let may = |address: IpAddr| is_public(address) || self.allowed.iter().any(|range| range.contains(address));
        // All of them, not those that may: a name that has both is made to lead somewhere else.
        if addresses.iter().all(|address| may(address.ip())) {
            return Ok(addresses);
        }
        Err("its address is not public, and --allow-verify-from does not name it".to_owned())
    }
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut last = String::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(problem)) => last = problem.to_string(),
            Err(_) => last = format!("no connection within {} s", CONNECT.as_secs()),
        }
    }
    Err(format!("cannot connect: {last}"))
}

async fn receive(
    answered: Answered,
    limit: u64,
    mut keep: impl FnMut(&[u8]) -> io::Result<()> + Send,
) -> Result<u64, Problem> {
    let (head, body) = answered.response.into_parts();
    if head.status != StatusCode::OK {
        return Err(format!("external_url: answered {}", head.status).into());
    }
    let encoding = head.headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(
            "external_url: has a Content-Encoding, so that clients do not all get the same bytes"
                .to_owned()
                .into(),
        );
    }
    let too_large = || Problem::from(format!("external_url: the archive has more than {limit} bytes"));
    let mut body = Body::new(body);
    if axum::body::HttpBody::size_hint(&body).lower() > limit {
        return Err(too_large());
    }
    let mut size = 0;
    loop {
        let frame = tokio::time::timeout(STALL, body.frame()).await;
        let frame = frame.map_err(|_| format!("external_url: nothing came for {} s", STALL.as_secs()))?;
        let Some(frame) = frame else { return Ok(size) };
        let frame = frame.map_err(|problem| format!("external_url: the connection broke: {problem}"))?;
        let Ok(bytes) = frame.into_data() else { continue };
        size += bytes.len() as u64;
        if size > limit {
            return Err(too_large());
        }
        keep(&bytes).map_err(Problem::NotKept)?;
    }
}

/// An address without what may be secret in it.
fn shown(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
}

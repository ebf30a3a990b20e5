//! The transport of Rust programs: `ureq`, with rustls and the roots that Mozilla trusts.

mod connector;
mod interruptible;
mod proxies;
mod roots;
mod tls;
mod tunnel;
mod watch;

use std::io::{self, Read as _};
use std::sync::Arc;
use std::time::Duration;

use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Proxy, SendBody, Timeout};

use self::connector::{BeforeProxy, NetworkConnector};
use self::proxies::{Named, Proxies};
use self::tls::Tls;
use self::tunnel::TunnelError;
use self::watch::{Flood, Watching};
use crate::error::Result;

use super::body::Body;
use super::transport::{Head, Headers, Method, Receiver, Request, Transport, TransportError};

/// Size of one read.
const BUFFER: usize = 64 << 10;

/// HTTP/1.1 with TLS for Rust programs. Connections are reused; clones share them.
///
/// Uses the proxy in `https_proxy` for https URLs and in `http_proxy` for http URLs, otherwise in `all_proxy`, except for hosts in
/// `no_proxy`; each in lower case or else in upper case. `no_proxy` is a list separated by commas or spaces of domains (which
/// include all names below them), IP addresses, networks such as `10.0.0.0/8`, or `*`. Only HTTP proxies are supported; SOCKS is
/// refused.
///
/// Besides the timeouts of a [`Request`], the bytes that a server sends in addition to the body are limited to 1 MiB plus the length
/// of the body. Each piece of the body, and its end, must arrive within the stall timeout, regardless of other bytes.
#[derive(Debug, Clone)]
pub struct Http {
    agent: Agent,
    proxies: Arc<Proxies>,
}

impl Http {
    /// Trusts the roots that Mozilla trusts.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        clippy::expect_used,
        reason = "the compiled-in roots are valid certificates"
    )]
    pub fn new() -> Self {
        Self::with(Tls::trusting_mozilla().expect("Mozilla's roots are certificates"))
    }

    /// Trusts only these certificates, concatenated in PEM: for your own server with a private authority or a self-signed
    /// certificate.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it contains no certificate, or anything else.
    pub fn trusting_only(pem: &str) -> Result<Self> {
        roots::of_pem(pem).map(Self::with)
    }

    /// Trusts only the certificates in the file `SSL_CERT_FILE` and the folders `SSL_CERT_DIR`, as OpenSSL and curl do; if neither is
    /// set, the roots that Mozilla trusts.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput), naming the variable, if its file or folder cannot be read or contains
    /// no certificate.
    pub fn from_env() -> Result<Self> {
        roots::of_env(&[]).map(Self::with)
    }

    /// As [`from_env`](Self::from_env), but `AWS_CA_BUNDLE` takes precedence, as in Amazon's tools: for object stores.
    ///
    /// # Errors
    /// As [`from_env`](Self::from_env).
    pub fn from_aws_env() -> Result<Self> {
        roots::of_env(&[roots::AWS_CA_BUNDLE]).map(Self::with)
    }

    fn with(tls: Tls) -> Self {
        let config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // Selected for each request by its URL.
            .proxy(None)
            .build();
        Self {
            agent: Agent::with_parts(config, NetworkConnector { tls }, DefaultResolver::default()),
            proxies: Arc::new(Proxies::from_env()),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl Transport for Http {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let sent = self.exchange(request, receiver);
        match request.control.check("wait for a server") {
            // The cancellation itself made the connection fail.
            Err(cancelled) if matches!(sent, Err(TransportError::Broken(_) | TransportError::Proxy(_))) => {
                Err(TransportError::Receiver(cancelled))
            }
            _ => sent,
        }
    }
}

impl Http {
    fn exchange(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let through = match self.proxies.of(&request.url) {
            None => None,
            Some(named) => Some((named, named.proxy().map_err(TransportError::Receiver)?)),
        };
        let failure = |error: &ureq::Error| failure(error, request, through.as_ref());
        let proxy = || through.as_ref().map(|(_, proxy)| proxy.clone());
        let _watching = Watching::start(&request.control, request.connect_timeout);
        let mut builder = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(request.url.as_str());
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let wrong = |error: ureq::http::Error| TransportError::Refused(format!("invalid request: {error}"));
        let mut refused = None;
        let nothing = Body::Bytes(Vec::new());
        let has_body = request.body.is_some() || matches!(request.method, Method::Post | Method::Put);
        let answer = match request.body.as_ref().or(has_body.then_some(&nothing)) {
            None => self.run(builder.body(()).map_err(wrong)?, request, proxy()),
            Some(body) => {
                let mut sent = Watched {
                    body: body.reader(),
                    left: body.length(),
                    tell: |count| {
                        receiver.sent(count).map_err(|error| {
                            let ended = io::Error::other("the sender ended the transfer");
                            refused = Some(error);
                            ended
                        })
                    },
                };
                let builder = builder.header("content-length", body.length());
                let sent = builder.body(SendBody::from_reader(&mut sent)).map_err(wrong)?;
                self.run(sent, request, proxy())
            }
        };
        if let Some(error) = refused {
            return Err(TransportError::Receiver(error));
        }
        let mut response = answer.map_err(|error| failure(&error))?;
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            // Headers with non-ASCII values are not needed.
            if let Ok(value) = value.to_str() {
                headers.add(name.as_str(), value).map_err(TransportError::Receiver)?;
            }
        }
        let head = Head::new(response.status().as_u16(), headers);
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            watch::await_body(silence(request));
            match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    watch::body_received(count);
                    receiver.write(&buffer[..count]).map_err(TransportError::Receiver)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failure(&error.into())),
            }
        }
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        sent: ureq::http::Request<B>,
        request: &Request,
        proxy: Option<Proxy>,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let sent = self
            .agent
            .configure_request(sent)
            .proxy(proxy)
            .timeout_connect(Some(request.connect_timeout))
            .timeout_recv_response(Some(silence(request)))
            // `ureq` also applies this to the first read of the response.
            .timeout_per_read(Some(silence(request)))
            .timeout_per_write(Some(request.stall_timeout))
            .build();
        self.agent.run(sent)
    }
}

/// How long the response may be silent once the request is sent.
fn silence(request: &Request) -> Duration {
    request.answer_timeout.unwrap_or(request.stall_timeout)
}

/// The error of a request, which may have used a proxy.
fn failure(error: &ureq::Error, request: &Request, through: Option<&(&Named, Proxy)>) -> TransportError {
    match error {
        ureq::Error::Rustls(error) => tls::failure(error),
        ureq::Error::Tls(problem) => TransportError::Refused(format!("the connection is not secure: {problem}")),
        ureq::Error::Io(error) => io_failure(error, request),
        ureq::Error::Timeout(timeout) => TransportError::Broken(timed_out(*timeout, request)),
        ureq::Error::HostNotFound => TransportError::Broken("no such host, or no network".to_owned()),
        ureq::Error::Other(other) => match (other.downcast_ref::<Flood>(), through) {
            (Some(flood), _) => TransportError::Broken(flood.to_string()),
            (None, Some((named, proxy))) => proxy_failure(&**other, request, named, proxy),
            (None, None) => TransportError::Broken(other.to_string()),
        },
        other => TransportError::Broken(other.to_string()),
    }
}

fn proxy_failure(
    error: &(dyn std::error::Error + Send + Sync + 'static),
    request: &Request,
    named: &Named,
    proxy: &Proxy,
) -> TransportError {
    let described = named.describe(proxy);
    if let Some(BeforeProxy(error)) = error.downcast_ref() {
        let problem = failure(error, request, None);
        return TransportError::Proxy(format!("{described} is unreachable: {problem}"));
    }
    let variable = named.variable();
    match error.downcast_ref() {
        Some(TunnelError::Status(407)) if proxy.username().is_some() => TransportError::Proxy(format!(
            "{described} responded 407: wrong user or password in {variable}"
        )),
        Some(TunnelError::Status(407)) => TransportError::Proxy(format!(
            "{described} responded 407: it requires a user and a password; write them into {variable} as in \
             http://USER:PASSWORD@HOST:PORT"
        )),
        // The server behind the proxy may be available again soon.
        Some(TunnelError::Status(status @ 500..=599)) => TransportError::Broken(format!(
            "{described} responded {status}: it cannot connect to the server"
        )),
        Some(TunnelError::Status(status)) => TransportError::Proxy(format!(
            "{described} responded {status}: it refuses to connect to this server"
        )),
        Some(TunnelError::NoHttp) => TransportError::Proxy(format!(
            "{described} did not respond in HTTP: it may not be an HTTP proxy"
        )),
        None => TransportError::Broken(error.to_string()),
    }
}

/// Errors of rustls are wrapped in I/O errors.
fn io_failure(error: &io::Error, request: &Request) -> TransportError {
    let inner = error.get_ref();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls::failure(inner);
    }
    if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
        return TransportError::Broken(timed_out(Timeout::PerRead, request));
    }
    TransportError::Broken(format!("the connection broke: {error}"))
}

fn timed_out(timeout: Timeout, request: &Request) -> String {
    let (stall, silence) = (request.stall_timeout.as_secs_f32(), silence(request).as_secs_f32());
    match timeout {
        Timeout::Connect | Timeout::Resolve => {
            format!("no connection within {} s", request.connect_timeout.as_secs_f32())
        }
        Timeout::RecvResponse => format!("no response within {silence} s"),
        Timeout::RecvBody => format!("neither data nor the end of the response arrived for {silence} s"),
        Timeout::PerRead => format!("no byte arrived for {silence} s"),
        _ => format!("no byte arrived for {stall} s"),
    }
}

/// Reports how much of a body was read; an error of the receiver ends the reading.
struct Watched<'a, Tell> {
    body: Box<dyn io::Read + 'a>,
    left: u64,
    tell: Tell,
}

impl<Tell: FnMut(u64) -> io::Result<()>> io::Read for Watched<'_, Tell> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.body.read(buffer)?;
        if count == 0 && self.left > 0 && !buffer.is_empty() {
            let problem = format!(
                "the file ended {} bytes early: it was modified while it was sent",
                self.left
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, problem));
        }
        self.left = self.left.saturating_sub(count as u64);
        (self.tell)(count as u64)?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;

//! The transport of Rust programs: `ureq`, with rustls and the roots that Mozilla trusts.

mod interruptible;

use std::io::{self, Read as _};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, RustlsConnector, TcpConnector};
use ureq::{Agent, SendBody, Timeout};

use self::interruptible::{InterruptibleConnector, Listening};
use crate::error::{Error, Result};

use super::{Body, Head, Headers, Method, Receiver, Request, Transport, TransportError};

/// Read from the connection at once.
const BUFFER: usize = 64 << 10;

/// HTTP/1.1 with TLS for Rust programs. Connections are kept and used again; a clone shares them. Takes the proxy that
/// `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY` name, but for hosts in `NO_PROXY`.
#[derive(Debug, Clone)]
pub struct Http {
    agent: Agent,
}

impl Http {
    /// Trusts the roots that Mozilla trusts.
    #[must_use]
    pub fn new() -> Self {
        Self::trusting(RootCerts::WebPki)
    }

    /// Trusts these roots alone, PEM certificates one after the other: for a server of your own with a private authority.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if there is no certificate in it, or something else.
    pub fn trusting_only(pem: &str) -> Result<Self> {
        let refuse = |problem: String| Error::invalid_input("certificates", problem);
        let mut roots = Vec::new();
        for item in ureq::tls::parse_pem(pem.as_bytes()) {
            match item.map_err(|error| refuse(format!("they cannot be read: {error}")))? {
                ureq::tls::PemItem::Certificate(certificate) => roots.push(certificate),
                _ => return Err(refuse("expected certificates only, found a key among them".to_owned())),
            }
        }
        if roots.is_empty() {
            return Err(refuse("expected PEM certificates, found none".to_owned()));
        }
        Ok(Self::trusting(RootCerts::new_with_certs(&roots)))
    }

    fn trusting(roots: RootCerts) -> Self {
        let tls = TlsConfig::builder().root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .build();
        let connector = ConnectProxyConnector::default()
            .chain(TcpConnector::default())
            .chain(InterruptibleConnector)
            .chain(RustlsConnector::default());
        Self {
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
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
        let _listening = Listening::to(&request.control);
        let sent = self.exchange(request, receiver);
        match request.control.check("wait for a server") {
            // What the connection says about it is our own doing.
            Err(cancelled) if matches!(sent, Err(TransportError::Broken(_))) => {
                Err(TransportError::Receiver(cancelled))
            }
            _ => sent,
        }
    }
}

impl Http {
    fn exchange(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let mut builder = ureq::http::Request::builder()
            .method(request.method.as_str())
            .uri(request.url.as_str());
        for (name, value) in request.headers.iter() {
            builder = builder.header(name, value);
        }
        let wrong = |error: ureq::http::Error| TransportError::Refused(format!("it is no request: {error}"));
        let mut refused = None;
        let nothing = Body::Bytes(Vec::new());
        let has_body = request.body.is_some() || matches!(request.method, Method::Post | Method::Put);
        let answer = match request.body.as_ref().or(has_body.then_some(&nothing)) {
            None => self.run(builder.body(()).map_err(wrong)?, request),
            Some(body) => {
                let mut sent = Watched {
                    body: body.reader(),
                    left: body.length(),
                    tell: |count| {
                        receiver.sent(count).map_err(|error| {
                            let ended = io::Error::other("whoever sends it ended the transfer");
                            refused = Some(error);
                            ended
                        })
                    },
                };
                let builder = builder.header("content-length", body.length());
                let sent = builder.body(SendBody::from_reader(&mut sent)).map_err(wrong)?;
                self.run(sent, request)
            }
        };
        if let Some(error) = refused {
            return Err(TransportError::Receiver(error));
        }
        let mut response = answer.map_err(|error| failure(&error, request))?;
        let mut headers = Headers::new();
        for (name, value) in response.headers() {
            // A value that is no text is nothing that we look at.
            if let Ok(value) = value.to_str() {
                headers.add(name.as_str(), value).map_err(TransportError::Receiver)?;
            }
        }
        let head = Head::new(response.status().as_u16(), headers);
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; BUFFER];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => receiver.write(&buffer[..count]).map_err(TransportError::Receiver)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io_failure(&error, request)),
            }
        }
    }

    fn run<B: ureq::AsSendBody>(
        &self,
        sent: ureq::http::Request<B>,
        request: &Request,
    ) -> Result<ureq::http::Response<ureq::Body>, ureq::Error> {
        let sent = self
            .agent
            .configure_request(sent)
            .timeout_connect(Some(request.connect_timeout))
            .timeout_recv_response(Some(silence(request)))
            // For `ureq` the answer begins with a read.
            .timeout_per_read(Some(silence(request)))
            .timeout_per_write(Some(request.stall_timeout))
            .build();
        self.agent.run(sent)
    }
}

/// How long nothing may come once the request is out.
fn silence(request: &Request) -> Duration {
    request.answer_timeout.unwrap_or(request.stall_timeout)
}

fn failure(error: &ureq::Error, request: &Request) -> TransportError {
    match error {
        ureq::Error::Rustls(error) => TransportError::Refused(format!("the connection is not secure: {error}")),
        ureq::Error::Tls(problem) => TransportError::Refused(format!("the connection is not secure: {problem}")),
        ureq::Error::Io(error) => io_failure(error, request),
        ureq::Error::Timeout(timeout) => TransportError::Broken(timed_out(*timeout, request)),
        ureq::Error::HostNotFound => TransportError::Broken("there is no such host, or no network".to_owned()),
        other => TransportError::Broken(other.to_string()),
    }
}

/// While the body is read an error of ureq arrives inside one of I/O, and a certificate that does not hold as one of
/// rustls, which has no type here.
fn io_failure(error: &io::Error, request: &Request) -> TransportError {
    let inner = error.get_ref();
    if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        return failure(inner, request);
    }
    let text = inner.map(ToString::to_string).unwrap_or_default();
    if error.kind() == io::ErrorKind::InvalidData && text.contains("certificate") {
        return TransportError::Refused(format!("the connection is not secure: {text}"));
    }
    if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
        return TransportError::Broken(timed_out(Timeout::PerRead, request));
    }
    TransportError::Broken(format!("the connection broke: {error}"))
}

fn timed_out(timeout: Timeout, request: &Request) -> String {
    match timeout {
        Timeout::Connect | Timeout::Resolve => {
            format!("no connection within {} s", request.connect_timeout.as_secs_f32())
        }
        Timeout::RecvResponse | Timeout::PerRead => format!("not a byte came for {} s", silence(request).as_secs_f32()),
        _ => format!("not a byte came for {} s", request.stall_timeout.as_secs_f32()),
    }
}

/// Says how much of a body has been read; an error from whoever is told ends the reading.
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
                "the file ended {} bytes early; it was changed while it was sent",
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

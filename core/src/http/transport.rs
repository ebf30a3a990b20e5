//! One request and its response, as a [`Transport`] carries them.

use std::fmt;
use std::time::Duration;

use super::body::Body;
use super::url::Url;
use crate::error::{Error, Result};
use crate::progress::Control;
use crate::setters::setters;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the head only.
    Head,
    /// Sends a body and reads the response.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The method as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Header fields in order. Names are case-insensitive and may occur several times. Values are never printed, since some are
/// secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub(super) Vec<(String, String)>);

impl Headers {
    /// No field.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid name, or a value with a line break or another control
    /// character, which could inject another field.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) -> Result<()> {
        self.add_owned(name.into(), value.into())
    }

    fn add_owned(&mut self, name: String, value: String) -> Result<()> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Error::invalid_input(
                "HTTP header",
                format!("invalid header name \"{}\"", name.escape_debug()),
            ));
        }
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            let problem = format!("the value of {name} contains a line break or another control character");
            return Err(Error::invalid_input("HTTP header", problem));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// Adds a field, as [`add`](Self::add).
    ///
    /// # Errors
    /// As of [`add`](Self::add).
    pub fn with_field(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self> {
        self.add(name, value)?;
        Ok(self)
    }

    /// The first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// One request, complete. A transport adds nothing that changes its meaning: no `Accept-Encoding` (ranges and digests are
/// those of the bytes as they are stored), no cookies, no cache; and it follows no redirect.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL.
    pub url: Url,
    /// Header fields.
    pub headers: Headers,
    /// The body of a `POST` or `PUT`; a `DELETE` may have one. Sent with `Content-Length`, never chunked, since object stores refuse
    /// chunked bodies.
    pub body: Option<Body>,
    /// Timeout of establishing a connection.
    pub connect_timeout: Duration,
    /// How long no byte of the body, nor its end, may arrive before the transfer is ended. Other bytes, of trailers or chunk
    /// extensions, do not count. There is no limit on the total time, since a large bundle over a slow connection is not an error.
    pub stall_timeout: Duration,
    /// How long the server may take before the first byte of its response, once the request is sent. `None`: as long as [`stall_timeout`](Self::stall_timeout).
    pub answer_timeout: Option<Duration>,
    /// Cancels the request. A transport that can wait for a long time checks this while it waits.
    pub control: Control,
}

impl Request {
    /// A request without headers and body, with 15 s to connect and 30 s without a byte.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: Headers::new(),
            body: None,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            answer_timeout: None,
            control: Control::new(),
        }
    }

    /// Adds a header field.
    ///
    /// # Errors
    /// As of [`Headers::add`].
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self> {
        self.headers.add(name, value)?;
        Ok(self)
    }

    setters! {
        with_body(body: impl Into<Option<Body>>);
        with_connect_timeout(connect_timeout: Duration);
        with_stall_timeout(stall_timeout: Duration);
        with_answer_timeout(answer_timeout: impl Into<Option<Duration>>);
        with_control(control: Control);
    }
}

/// The head of a response.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Head {
    /// The status, 200 to 599.
    pub status: u16,
    /// Header fields as received.
    pub headers: Headers,
}

impl Head {
    /// A head.
    #[must_use]
    pub fn new(status: u16, headers: Headers) -> Self {
        Self { status, headers }
    }
}

/// Receives a response. An error it returns ends the transfer; the transport returns it in
/// [`TransportError::Receiver`].
pub trait Receiver {
    /// `count` more bytes of the request's body were sent.
    ///
    /// # Errors
    /// Ends the transfer, for example after a cancellation.
    fn sent(&mut self, count: u64) -> Result<()> {
        let _ = count;
        Ok(())
    }

    /// The head of the response, before its body.
    ///
    /// # Errors
    /// Ends the transfer before the body.
    fn begin(&mut self, head: &Head) -> Result<()>;

    /// The next piece of the body, in order.
    ///
    /// # Errors
    /// Ends the transfer.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
}

/// Sends requests.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request and passes the response on: `sent` while the request's body is sent, `begin` once, `write` for each piece of
    /// the response. Blocks until the response has ended.
    ///
    /// # Errors
    /// No response or an incomplete one; what was passed on before is valid. A response with an error status is not an error.
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError>;
}

/// Why a request got no complete response.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no network, the server is unreachable, or the connection broke or stalled. A retry may succeed.
    Broken(String),
    /// The connection is not secure, or policy forbids it: a certificate that has expired or is for another host. A retry does
    /// not help.
    Refused(String),
    /// The server's certificate is signed by an untrusted authority. A retry does not help; trusting the
    /// authority does ([`Http::trusting_only`](crate::http::Http::trusting_only)).
    UntrustedIssuer(String),
    /// The server responded without TLS to a TLS request. A retry does not help; a URL with `http://` may.
    NoTls(String),
    /// The proxy is unreachable or refuses the request. A retry does not help.
    Proxy(String),
    /// The error of the receiver.
    Receiver(Error),
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(problem)
            | Self::Refused(problem)
            | Self::UntrustedIssuer(problem)
            | Self::NoTls(problem)
            | Self::Proxy(problem) => formatter.write_str(problem),
            Self::Receiver(error) => write!(formatter, "the receiver ended the transfer: {error}"),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Receiver(error) => Some(error),
            _ => None,
        }
    }
}

/// Which URLs may be requested without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cleartext {
    /// Only this machine, for development and tests.
    #[default]
    LoopbackOnly,
    /// Any. Others on the network can see and withhold bundles; digests and signatures from elsewhere still protect their content.
    Allowed,
}

impl Cleartext {
    /// Refuses a URL without TLS unless it is allowed.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted).
    pub fn check(self, url: &Url) -> Result<()> {
        if url.is_secure() || url.is_loopback() || self == Self::Allowed {
            return Ok(());
        }
        let problem = "expected an https URL, found plain http, which anyone on the network can read and change";
        Err(Error::not_trusted(url.to_string(), problem))
    }
}

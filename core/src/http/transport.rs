//! One request and its answer, as a [`Transport`] carries them.

use std::fmt;
use std::time::Duration;

use super::body::Body;
use super::url::Url;
use crate::error::{Error, Result};
use crate::progress::Control;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the head alone.
    Head,
    /// Sends a body and reads the answer.
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

/// Header fields in their order. Names are compared without regard to case, and one may come several times. Values are
/// never printed: some are secrets.
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
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a name that is no token or a value with a line break or
    /// another control character, which would let one field become two.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) -> Result<()> {
        let (name, value) = (name.into(), value.into());
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Error::invalid_input(
                "HTTP header",
                format!("\"{}\" is no name of a header", name.escape_debug()),
            ));
        }
        if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
            let problem = format!("the value of {name} holds a line break or another control character");
            return Err(Error::invalid_input("HTTP header", problem));
        }
        self.0.push((name, value));
        Ok(())
    }

    /// The first field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// All fields, in their order.
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
    /// What is asked for.
    pub method: Method,
    /// Where.
    pub url: Url,
    /// Header fields.
    pub headers: Headers,
    /// The body of a `POST` or `PUT`; a `DELETE` may have one. Its length goes before it, never in chunks: object stores
    /// refuse those.
    pub body: Option<Body>,
    /// How long until the connection must stand.
    pub connect_timeout: Duration,
    /// How long without a byte of the body, or its end, until the transfer is given up. Other bytes, of trailers or chunk
    /// extensions, do not count. There is no limit on the whole: a large bundle over a slow line is no error.
    pub stall_timeout: Duration,
    /// How long without a byte of the answer, once the request is out, where the server works before it answers. `None`: as long
    /// as [`stall_timeout`](Self::stall_timeout).
    pub answer_timeout: Option<Duration>,
    /// Whoever sends it may lose interest. A transport that can wait for long looks at this while it waits.
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
}

/// How an answer begins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Head {
    /// The status, 200 to 599.
    pub status: u16,
    /// Header fields as they came.
    pub headers: Headers,
}

impl Head {
    /// A head.
    #[must_use]
    pub fn new(status: u16, headers: Headers) -> Self {
        Self { status, headers }
    }
}

/// Where an answer goes. An error it returns ends the transfer; the transport hands it back in
/// [`TransportError::Receiver`].
pub trait Receiver {
    /// So many more bytes of the request's body are on their way. May come after an answer is known to be refused, since
    /// a server reads to the end before it answers.
    ///
    /// # Errors
    /// What speaks against sending the rest, a cancellation above all.
    fn sent(&mut self, count: u64) -> Result<()> {
        let _ = count;
        Ok(())
    }

    /// The head of the answer, before its body.
    ///
    /// # Errors
    /// What speaks against receiving the body.
    fn begin(&mut self, head: &Head) -> Result<()>;

    /// The next piece of the body, in order.
    ///
    /// # Errors
    /// What speaks against receiving more.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
}

/// Sends requests.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends one request and passes the answer on: `sent` while the request's body goes out, `begin` once, `write` for each
    /// piece of the answer. Blocks until the answer has ended.
    ///
    /// # Errors
    /// That no answer came, or not all of it; what was passed on before counts. An answer with an error status is an
    /// answer.
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError>;
}

/// Why a request got no answer, or not the whole of one.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// There is no network, the server could not be reached, the connection broke or stalled. Trying again may help.
    Broken(String),
    /// The connection is not secure, or policy forbids it: a certificate that has expired or is another host's. Trying again
    /// does not help.
    Refused(String),
    /// The server's certificate is signed by an authority that is not trusted. Trying again does not help; trusting the
    /// authority does ([`Http::trusting_only`](crate::http::Http::trusting_only)).
    UntrustedIssuer(String),
    /// The server answered without TLS where TLS was asked for. Trying again does not help; an address that begins with
    /// `http://` may.
    NoTls(String),
    /// The proxy cannot be reached, or does not let the request through. Trying again does not help.
    Proxy(String),
    /// What the receiver returned.
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

/// Which addresses may be asked without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cleartext {
    /// This machine alone, for development and tests.
    #[default]
    LoopbackOnly,
    /// Any. Whoever is on the way sees which bundles a device takes and can hold them back; what is proved by a digest or
    /// signature from elsewhere is still proved.
    Allowed,
}

impl Cleartext {
    /// Refuses an address without TLS unless it may be asked.
    ///
    /// # Errors
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted).
    pub fn check(self, url: &Url) -> Result<()> {
        if url.is_secure() || url.is_loopback() || self == Self::Allowed {
            return Ok(());
        }
        let problem = "expected an https address, found a plain http one, which anyone on the way can read and change";
        Err(Error::not_trusted(url.to_string(), problem))
    }
}

//! One request and its response, redirects followed.

use super::transport::{Cleartext, Head, Headers, Method, Receiver, Request, Transport, TransportError};
use crate::error::{Error, InsecureReason, Result};

/// More redirects than any CDN needs, and few enough to fail soon.
const MAX_REDIRECTS: usize = 5;

/// Whether redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RedirectPolicy {
    /// For `GET` and `HEAD`, at most five, never from TLS to plain HTTP, and without the request's own headers if the origin
    /// changes.
    #[default]
    Follow,
    /// As [`Follow`](Self::Follow). Also sends other requests again, with their body, after 307 and 308 (RFC 9110
    /// §15.4.8): only for a body that the target may see.
    Resend,
    /// A redirect is a response like any other.
    Never,
}

impl RedirectPolicy {
    /// Whether a response with this status to a request with this method is a redirect to follow.
    fn follows(self, method: Method, status: u16) -> bool {
        let is_read = matches!(method, Method::Get | Method::Head);
        match self {
            Self::Follow | Self::Resend if is_read => matches!(status, 301 | 302 | 303 | 307 | 308),
            Self::Resend => matches!(status, 307 | 308),
            Self::Follow | Self::Never => false,
        }
    }
}

/// How an exchange ended.
#[derive(Debug)]
pub enum Exchange {
    /// The sink received the whole response.
    Complete,
    /// The connection failed, for this reason. A retry may succeed.
    Broken(String),
}

impl Exchange {
    /// Sends the request and follows redirects as `redirects` says.
    ///
    /// # Errors
    /// Those of the sink; `NotTrusted` for a connection that is not secure and for a redirect to plain HTTP; `Network` for
    /// too many redirects and for a proxy that refuses the request.
    pub(crate) fn run(
        transport: &dyn Transport,
        request: &Request,
        cleartext: Cleartext,
        redirects: RedirectPolicy,
        sink: &mut dyn Receiver,
    ) -> Result<Self> {
        cleartext.check(&request.url)?;
        let mut request = request.clone();
        for _ in 0..=MAX_REDIRECTS {
            let mut catcher = RedirectCatcher {
                redirects,
                method: request.method,
                location: None,
                sink,
            };
            let sent = transport.send(&request, &mut catcher);
            let location = catcher.location;
            match (sent, location) {
                (Err(TransportError::Receiver(error)), None) => return Err(error),
                (Err(TransportError::Refused(problem)), _) => {
                    return Err(Error::not_trusted(request.url.to_string(), problem));
                }
                (Err(TransportError::UntrustedIssuer(problem)), _) => {
                    return Err(insecure(&request, InsecureReason::UntrustedIssuer, problem));
                }
                (Err(TransportError::NoTls(problem)), _) => {
                    return Err(insecure(&request, InsecureReason::NoTls, problem));
                }
                (Err(TransportError::Proxy(problem)), _) => {
                    let url = request.url.to_string();
                    return Err(Error::Network { url, problem });
                }
                (Err(TransportError::Broken(problem)), None) => return Ok(Self::Broken(problem)),
                (Ok(()), None) => return Ok(Self::Complete),
                // The target is known, so a failure to read the redirect's body does not matter.
                (_, Some(location)) => redirect(&mut request, &location, cleartext)?,
            }
        }
        Err(Error::Network {
            url: request.url.to_string(),
            problem: format!("the server redirected more than {MAX_REDIRECTS} times"),
        })
    }
}

fn insecure(request: &Request, reason: InsecureReason, problem: String) -> Error {
    let url = request.url.to_string();
    Error::InsecureConnection { url, reason, problem }
}

fn redirect(request: &mut Request, location: &str, cleartext: Cleartext) -> Result<()> {
    let to = request.url.join(location).map_err(|error| Error::Network {
        url: request.url.to_string(),
        problem: format!("the server redirects to an invalid address: {error}"),
    })?;
    if request.url.is_secure() && !to.is_secure() {
        let problem = format!("redirects to {to}, which is plain http");
        return Err(Error::not_trusted(request.url.to_string(), problem));
    }
    cleartext.check(&to)?;
    if to.origin() != request.url.origin() {
        request.headers = kept_across_origins(&request.headers);
    }
    request.url = to;
    Ok(())
}

/// The headers that another origin may receive. The others may contain secrets for the origin that the caller named.
fn kept_across_origins(headers: &Headers) -> Headers {
    const KEPT: [&str; 5] = ["range", "if-range", "accept", "content-type", "user-agent"];
    let kept = headers
        .iter()
        .filter(|(name, _)| KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name)));
    Headers(kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Passes a response to the sink unless it is a redirect to follow.
struct RedirectCatcher<'a> {
    redirects: RedirectPolicy,
    method: Method,
    location: Option<String>,
    sink: &'a mut dyn Receiver,
}

impl Receiver for RedirectCatcher<'_> {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.sink.sent(count)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        if self.redirects.follows(self.method, head.status) {
            self.location = head.headers.get("location").map(str::to_owned);
            if self.location.is_some() {
                let is_empty = head.headers.get("content-length").map(str::trim) == Some("0");
                // Without a body the connection can be reused. A body could arrive slowly, so it is not read.
                return if self.method != Method::Head && !is_empty {
                    Err(end_of_redirect())
                } else {
                    Ok(())
                };
            }
        }
        self.sink.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.location.is_none() {
            return self.sink.write(bytes);
        }
        Err(end_of_redirect())
    }
}

/// Ends the transfer; the redirect is followed nevertheless.
fn end_of_redirect() -> Error {
    Error::Cancelled {
        operation: "read a redirect",
    }
}

#[cfg(test)]
mod tests;

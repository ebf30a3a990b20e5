//! One request and its answer, redirects followed.

use super::transport::{Cleartext, Head, Headers, Method, Receiver, Request, Transport, TransportError};
use crate::error::{Error, InsecureReason, Result};

/// More than any sound chain of a CDN, few enough to end soon.
const MAX_REDIRECTS: usize = 5;

/// How an exchange ended.
pub enum Exchange {
    /// The whole answer went to the sink.
    Complete,
    /// It broke off; trying again may help. Why.
    Broken(String),
}

impl Exchange {
    /// Sends the request and, for `GET` and `HEAD`, follows redirects: at most five, never from TLS to plain HTTP, and
    /// without the request's own headers where they lead to another origin.
    ///
    /// # Errors
    /// What the sink returned; `NotTrusted` for a connection that is not secure and for a redirect to plain HTTP;
    /// `Network` for too many redirects and for a proxy that lets nothing through.
    pub fn run(
        transport: &dyn Transport,
        request: &Request,
        cleartext: Cleartext,
        sink: &mut dyn Receiver,
    ) -> Result<Self> {
        cleartext.check(&request.url)?;
        let mut request = request.clone();
        for _ in 0..=MAX_REDIRECTS {
            let may_follow = matches!(request.method, Method::Get | Method::Head);
            let mut catcher = RedirectCatcher {
                may_follow,
                has_page: request.method != Method::Head,
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
                // Where it leads is known; what came of the page that says so does not matter.
                (_, Some(location)) => redirect(&mut request, &location, cleartext)?,
            }
        }
        Err(Error::Network {
            url: request.url.to_string(),
            problem: format!("it was redirected more than {MAX_REDIRECTS} times"),
        })
    }
}

fn insecure(request: &Request, reason: InsecureReason, problem: String) -> Error {
    let url = request.url.to_string();
    Error::InsecureConnection { url, reason, problem }
}

fn redirect(request: &mut Request, location: &str, cleartext: Cleartext) -> Result<()> {
    let to = request.url.join(location)?;
    if request.url.is_secure() && !to.is_secure() {
        let problem = format!("it redirects to {to}, which is plain http");
        return Err(Error::not_trusted(request.url.to_string(), problem));
    }
    cleartext.check(&to)?;
    if to.origin() != request.url.origin() {
        // They were for the host that the caller named; a range is no secret and says which bytes are wanted.
        request.headers = kept_across_origins(&request.headers);
    }
    request.url = to;
    Ok(())
}

fn kept_across_origins(headers: &Headers) -> Headers {
    const KEPT: [&str; 4] = ["range", "if-range", "accept", "user-agent"];
    let kept = headers
        .iter()
        .filter(|(name, _)| KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name)));
    Headers(kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Passes an answer on unless it is a redirect that can be followed.
struct RedirectCatcher<'a> {
    may_follow: bool,
    has_page: bool,
    location: Option<String>,
    sink: &'a mut dyn Receiver,
}

impl Receiver for RedirectCatcher<'_> {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.sink.sent(count)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        if self.may_follow && matches!(head.status, 301 | 302 | 303 | 307 | 308) {
            self.location = head.headers.get("location").map(str::to_owned);
            if self.location.is_some() {
                let is_empty = head.headers.get("content-length").map(str::trim) == Some("0");
                // Where nothing more comes, the connection can be used again. A page may come as slowly as its server likes.
                return if self.has_page && !is_empty {
                    Err(known())
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
        Err(known())
    }
}

/// Ends the transfer; the redirect is followed all the same.
fn known() -> Error {
    Error::Cancelled {
        operation: "read a redirect",
    }
}

#[cfg(test)]
mod tests;

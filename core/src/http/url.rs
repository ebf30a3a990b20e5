//! HTTP and HTTPS URLs.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use fluent_uri::pct_enc::EString;
use fluent_uri::pct_enc::encoder::{Data, Query};
use fluent_uri::{Uri, UriRef};

use crate::error::{Error, Result};

/// Longer than any signed URL, short enough for logs and servers.
const MAX_LENGTH: usize = 16 << 10;

/// An absolute `http` or `https` URL without a fragment (RFC 3986).
///
/// Printed without its query, which contains the secret of a signed URL; [`as_str`](Self::as_str) returns the whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Uri<String>);

/// Scheme, host and port. Secrets for one origin are not sent to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Url {
    /// The URL as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the scheme is https.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.0.scheme().as_str().eq_ignore_ascii_case("https")
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || address.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || address.parse().is_ok_and(|address: Ipv6Addr| address.is_loopback())
    }

    /// Host name or address, as written.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.host())
    }

    /// The path, from its first `/` on.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path().as_str()
    }

    /// The URL without its query.
    #[must_use]
    pub fn without_query(&self) -> &str {
        let text = self.as_str();
        text.split_once('?').map_or(text, |(before, _)| before)
    }

    /// The URL with these names and values at the end of its query. Everything but letters, digits and `-._~` is
    /// percent-encoded.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the result is too long.
    pub fn with_query<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut query = EString::<Query>::new();
        for (name, value) in pairs {
            if !query.is_empty() {
                query.push('&');
            }
            query.encode_str::<Data>(name);
            query.push('=');
            query.encode_str::<Data>(value);
        }
        if query.is_empty() {
            return Ok(self.clone());
        }
        let separator = match self.as_str().split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{query}", self.as_str()).parse()
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            secure: self.is_secure(),
            host: self.host().to_ascii_lowercase(),
            port: self.port(),
        }
    }

    /// The port, explicit or the default of the scheme.
    pub(crate) fn port(&self) -> u16 {
        let authority = self.0.authority();
        let written = authority.and_then(|authority| authority.port_to_u16().ok().flatten());
        written.unwrap_or(if self.is_secure() { 443 } else { 80 })
    }

    /// Resolves the value of a `Location` header against this URL.
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid or unsupported URL.
    pub fn join(&self, location: &str) -> Result<Self> {
        let refuse = |problem: &str| Error::invalid_input(format!("redirect from {self}"), problem);
        let reference = UriRef::parse(location).map_err(|_| refuse("invalid Location"))?;
        let resolved = reference
            .resolve_against(&self.base())
            .map_err(|_| refuse("unresolvable Location"))?;
        Self::checked(resolved).map_err(|problem| refuse(&problem))
    }

    /// The URL without a fragment, which [`checked`](Self::checked) removed.
    fn base(&self) -> Uri<&str> {
        self.0.borrow()
    }

    fn checked(mut uri: Uri<String>) -> Result<Self, String> {
        uri.set_fragment(None);
        let scheme = uri.scheme().as_str().to_ascii_lowercase();
        if scheme != "https" && scheme != "http" {
            return Err(format!("expected an https URL, found scheme {scheme}"));
        }
        let Some(authority) = uri.authority() else {
            return Err("missing host".to_owned());
        };
        if authority.host().is_empty() {
            return Err("missing host".to_owned());
        }
        if authority.has_userinfo() {
            return Err("contains a user name or password, which would appear in logs: pass it as a header".to_owned());
        }
        if authority.port_to_u16().is_err() {
            return Err("the port is above 65535".to_owned());
        }
        Ok(Self(uri))
    }
}

impl FromStr for Url {
    type Err = Error;

    /// Parses an absolute `http` or `https` URL with a host and without user name and password; anything else is
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput). International host names must be in punycode.
    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: String| Error::invalid_input("URL", problem);
        if text.len() > MAX_LENGTH {
            return Err(refuse(format!(
                "expected at most {MAX_LENGTH} bytes, found {}",
                text.len()
            )));
        }
        if !text.is_ascii() {
            return Err(refuse(
                "contains non-ASCII characters: percent-encode them, and write host names in punycode".to_owned(),
            ));
        }
        let uri = Uri::parse(text.to_owned())
            .map_err(|_| refuse("expected an absolute URL such as https://example.com/app.zip".to_owned()))?;
        Self::checked(uri).map_err(refuse)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.without_query())?;
        if self.0.has_query() {
            formatter.write_str("?…")
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Url({self})")
    }
}

#[cfg(test)]
mod tests;

//! The proxy for a URL, from the variables that curl, Go and Python read.

mod bypass;

use std::fmt;

use ureq::{Proxy, ProxyProtocol};

use self::bypass::Bypass;
use crate::error::{Error, Result};
use crate::http::url::Url;

/// The proxies in the environment.
#[derive(Debug, Clone)]
pub(super) struct Proxies {
    http: Option<Named>,
    https: Option<Named>,
    bypass: Bypass,
}

/// A proxy, and the variable that names it.
#[derive(Clone)]
pub(super) struct Named {
    variable: &'static str,
    value: String,
}

impl Proxies {
    pub(super) fn from_env() -> Self {
        // A non-Unicode value is refused by name when it is needed.
        Self::from_variables(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Lower case takes precedence, as in curl and Python. An empty variable means no proxy.
    fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Self {
        let named = |variables: &[&'static str]| {
            let found = variables
                .iter()
                .find_map(|variable| get(variable).map(|value| (*variable, value)));
            let (variable, value) = found?;
            let value = value.trim().to_owned();
            (!value.is_empty()).then_some(Named { variable, value })
        };
        // A web server passes a request's header `Proxy` to a CGI program as HTTP_PROXY: https://httpoxy.org
        let http: &[_] = if get("REQUEST_METHOD").is_some() {
            &["http_proxy", "all_proxy", "ALL_PROXY"]
        } else {
            &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        };
        let bypass = get("no_proxy").or_else(|| get("NO_PROXY"));
        Self {
            http: named(http),
            https: named(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            bypass: Bypass::new(&bypass.unwrap_or_default()),
        }
    }

    /// The proxy for this URL.
    pub(super) fn of(&self, url: &Url) -> Option<&Named> {
        let named = if url.is_secure() { &self.https } else { &self.http };
        named.as_ref().filter(|_| !self.bypass.covers(url))
    }
}

impl Named {
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an invalid URL or a SOCKS proxy, which must not be ignored.
    pub(super) fn proxy(&self) -> Result<Proxy> {
        let expected = "expected the address of an HTTP proxy, as in http://proxy.example.com:3128";
        let proxy = Proxy::new(&self.value)
            .map_err(|_| Error::invalid_input(self.variable, format!("{expected}, found something else")))?;
        match proxy.protocol() {
            ProxyProtocol::Http | ProxyProtocol::Https => Ok(proxy),
            other => Err(Error::invalid_input(
                self.variable,
                format!("{expected}, found scheme {other}, which is not supported"),
            )),
        }
    }

    /// For messages: the URL without user and password, and the variable.
    pub(super) fn describe(&self, proxy: &Proxy) -> String {
        let scheme = match proxy.protocol() {
            ProxyProtocol::Https => "https",
            _ => "http",
        };
        format!(
            "the proxy {scheme}://{}:{} (from {})",
            proxy.host(),
            proxy.port(),
            self.variable
        )
    }

    pub(super) fn variable(&self) -> &'static str {
        self.variable
    }
}

/// The value may contain a password.
impl fmt::Debug for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Named")
            .field("variable", &self.variable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! Connections through a proxy: `CONNECT` (RFC 9110 §9.3.6), also for plain http.

use std::fmt;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, NextTimeout, Transport, TransportAdapter};
use ureq::{Error, Proxy};

/// The longest head of a proxy's response.
const LONGEST_HEAD: usize = 16 << 10;

/// Requests a connection to the host of `details` from the proxy.
pub(super) fn open(
    proxy_connection: Box<dyn Transport>,
    proxy: &Proxy,
    details: &ConnectionDetails<'_>,
) -> Result<Box<dyn Transport>, Error> {
    let refused = |refusal: TunnelError| Error::Other(Box::new(refusal));
    let (Some(host), Some(port)) = (details.uri.host(), port(details)) else {
        return Err(Error::BadUri(details.uri.to_string()));
    };
    let mut adapter = TransportAdapter::new(proxy_connection, details.current_time.clone());
    adapter.set_timeout(details.timeout);
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if proxy.username().is_some() || proxy.password().is_some() {
        let (user, password) = (
            proxy.username().unwrap_or_default(),
            proxy.password().unwrap_or_default(),
        );
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(&BASE64.encode(format!("{user}:{password}")));
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    adapter.write_all(request.as_bytes())?;
    let mut connection = adapter.into_inner();
    let status = loop {
        let has_more = connection.await_input(details.timeout)?;
        let input = connection.buffers().input();
        if let Some(end) = input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let status = status(&input[..end]);
            connection.buffers().input_consume(end + 4);
            break status.ok_or_else(|| refused(TunnelError::NoHttp))?;
        }
        if !has_more || input.len() > LONGEST_HEAD {
            return Err(refused(TunnelError::NoHttp));
        }
    };
    if !(200..300).contains(&status) {
        return Err(refused(TunnelError::Status(status)));
    }
    Ok(Box::new(Tunnel(connection)))
}

fn port(details: &ConnectionDetails<'_>) -> Option<u16> {
    let default = || match details.uri.scheme_str()? {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    details.uri.port_u16().or_else(default)
}

/// The status in `HTTP/1.1 200 OK` and the headers after it.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let status = rest.get(2..5)?;
    std::str::from_utf8(status).ok()?.parse().ok()
}

/// Why a proxy did not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TunnelError {
    Status(u16),
    /// No response, or not HTTP.
    NoHttp,
}

impl fmt::Display for TunnelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "the proxy responded {status}"),
            Self::NoHttp => formatter.write_str("the proxy did not respond in HTTP"),
        }
    }
}

impl std::error::Error for TunnelError {}

/// The tunnelled bytes are for the server; TLS to the proxy does not secure them.
#[derive(Debug)]
struct Tunnel(Box<dyn Transport>);

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }
}

#[cfg(test)]
mod tests;

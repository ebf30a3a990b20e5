//! Establishes a connection: a socket, through a proxy if configured, with TLS for https.

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, TcpConnector, Transport};

use super::interruptible::Interruptible;
use super::tls::Tls;
use super::tunnel;

/// Replaces the connectors of `ureq`, whose errors do not mention the proxy or its response, and which accept no certificate
/// verifier.
#[derive(Debug)]
pub(super) struct NetworkConnector {
    pub(super) tls: Tls,
}

impl Connector<()> for NetworkConnector {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let connection = match details.config.proxy() {
            None => socket(details)?,
            Some(proxy) => {
                let to_proxy = self.to_proxy(details, proxy).map_err(BeforeProxy::of)?;
                tunnel::open(to_proxy, proxy, details)?
            }
        };
        if details.needs_tls() {
            return self.tls.wrap(connection, details).map(Some);
        }
        Ok(Some(connection))
    }
}

impl NetworkConnector {
    fn to_proxy(&self, details: &ConnectionDetails<'_>, proxy: &ureq::Proxy) -> Result<Box<dyn Transport>, Error> {
        let addrs = details.resolver.resolve(proxy.uri(), details.config, details.timeout)?;
        let details = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            config: details.config,
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        let connection = socket(&details)?;
        if details.needs_tls() {
            return self.tls.wrap(connection, &details);
        }
        Ok(connection)
    }
}

fn socket(details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> {
    let socket = TcpConnector::default().connect(details, None::<()>)?;
    let socket = socket.ok_or(Error::ConnectionFailed)?;
    Ok(Box::new(Interruptible(socket)))
}

/// The proxy itself is unreachable.
#[derive(Debug)]
pub(super) struct BeforeProxy(pub(super) Box<Error>);

impl BeforeProxy {
    fn of(error: Error) -> Error {
        Error::Other(Box::new(Self(Box::new(error))))
    }
}

impl fmt::Display for BeforeProxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the proxy is unreachable: {}", self.0)
    }
}

impl std::error::Error for BeforeProxy {}

//! TLS: trusted certificates, and the meaning of a failed handshake.

mod verifier;

use std::fmt;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, InvalidMessage, RootCertStore, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, LazyBuffers, NextTimeout, Transport, TransportAdapter};

use self::verifier::Verifier;
use crate::http::transport::TransportError;

/// Secures connections. Clones share sessions.
#[derive(Debug, Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the roots that Mozilla trusts.
    pub(super) fn trusting_mozilla() -> Result<Self, rustls::Error> {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self::trusting(roots, Vec::new())
    }

    /// Trusts only these certificates. Ignores unparseable ones, which bundles of operating systems contain.
    ///
    /// # Errors
    /// If none of them is usable.
    pub(super) fn trusting_only(certificates: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().cloned());
        Self::trusting(roots, certificates)
    }

    fn trusting(roots: RootCertStore, exactly: Vec<CertificateDer<'static>>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(roots, exactly, Arc::clone(&provider))?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// Performs the handshake with the host of `details`.
    pub(super) fn wrap(
        &self,
        connection: Box<dyn Transport>,
        details: &ConnectionDetails<'_>,
    ) -> Result<Box<dyn Transport>, Error> {
        let host = details.uri.host().unwrap_or_default();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Tls("the host name is invalid for TLS"))?;
        let mut session = ClientConnection::new(Arc::clone(&self.0), name)?;
        let mut socket = TransportAdapter::new(connection, details.current_time.clone());
        socket.set_timeout(details.timeout);
        session.complete_io(&mut socket)?;
        Ok(Box::new(TlsTransport {
            buffers: LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size()),
            stream: StreamOwned::new(session, socket),
        }))
    }
}

struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let amount = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

/// The transport error for a TLS failure.
pub(super) fn failure(error: &rustls::Error) -> TransportError {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => TransportError::UntrustedIssuer(
            "the connection is not secure: the server's certificate is signed by an authority that is not trusted \
             (UnknownIssuer)"
                .to_owned(),
        ),
        error if verifier::is_authority_itself(error) => TransportError::UntrustedIssuer(
            "the connection is not secure: the server's certificate signs itself, as `openssl req -x509` makes them, and is \
             not trusted (CaUsedAsEndEntity)"
                .to_owned(),
        ),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => TransportError::NoTls(
            "expected TLS, found another protocol: is this a port for plain http?".to_owned(),
        ),
        rustls::Error::InvalidCertificate(_)
        | rustls::Error::NoCertificatesPresented
        | rustls::Error::PeerIncompatible(_) => {
            TransportError::Refused(format!("the connection is not secure: {error}"))
        }
        other => TransportError::Broken(format!("TLS failed: {other}")),
    }
}

#[cfg(test)]
mod tests;

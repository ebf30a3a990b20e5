#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;

#[test]
fn permanent_tls_failures_are_distinguished_from_transient_ones() {
    let issuer = failure(&CertificateError::UnknownIssuer.into());
    assert!(matches!(issuer, TransportError::UntrustedIssuer(_)), "{issuer:?}");
    let itself = rustls::OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity));
    let itself = failure(&CertificateError::Other(itself).into());
    assert!(matches!(itself, TransportError::UntrustedIssuer(_)), "{itself:?}");
    let plain = failure(&InvalidMessage::InvalidContentType.into());
    assert!(
        matches!(&plain, TransportError::NoTls(problem) if problem.contains("plain http")),
        "{plain:?}"
    );
    let expired = failure(&CertificateError::Expired.into());
    assert!(matches!(expired, TransportError::Refused(_)), "{expired:?}");
    let cut = failure(&rustls::Error::General("cut".to_owned()));
    assert!(matches!(cut, TransportError::Broken(_)), "{cut:?}");
}

#[test]
fn trusting_only_unusable_certificates_is_an_error() {
    assert!(Tls::trusting_only(vec![CertificateDer::from(vec![1, 2, 3])]).is_err());
    assert!(Tls::trusting_mozilla().is_ok());
}

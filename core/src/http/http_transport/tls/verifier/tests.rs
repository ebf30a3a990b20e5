#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;

use super::*;

/// Self-signed and marked as an authority, as `openssl req -x509` creates it, for server.example and 127.0.0.1.
const SELF_SIGNED: &str = "-----BEGIN CERTIFICATE-----
MIIBqzCCAVCgAwIBAgIUDABGfL+j7v3rW2AcCinkSVb4yVkwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOY2FwYnVuZGxlIHRlc3QwIBcNMjYxMjAxMDIwNDQxWhgPMjEy
NjExMDcwMjA0NDFaMBkxFzAVBgNVBAMMDmNhcGJ1bmRsZSB0ZXN0MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEGpIzsUB4sjtObgdIZrSyzOLvOVlsxg9ocOCY1lbF
eC24RyIPFFnN+kbAa5xb8kIOQC48+1h2ZfE+Wpw8YOL2/qN0MHIwHQYDVR0OBBYE
FJUWYxCk010z0ve33ih7P3e+Y6yTMB8GA1UdIwQYMBaAFJUWYxCk010z0ve33ih7
P3e+Y6yTMA8GA1UdEwEB/wQFMAMBAf8wHwYDVR0RBBgwFoIOc2VydmVyLmV4YW1w
bGWHBH8AAAEwCgYIKoZIzj0EAwIDSQAwRgIhALdYxQVz3yLau8Zs3rCRfboP/tCr
8lZuFsR4kFVAfuhbAiEAl/0C4GgdB603inGxg/+k331v9Rc7/XiM6GPk4ISzX1c=
-----END CERTIFICATE-----
";
/// Signed by an unknown authority, for server.example.
const LEAF: &str = "-----BEGIN CERTIFICATE-----
MIIBozCCAUigAwIBAgIUMst0X3pSDLoomaJ76cZgHzLSEckwCgYIKoZIzj0EAwIw
IzEhMB8GA1UEAwwYY2FwYnVuZGxlIHRlc3QgYXV0aG9yaXR5MCAXDTI2MTIwMTAy
MDQ0MVoYDzIxMjYxMTA3MDIwNDQxWjAeMRwwGgYDVQQDDBNjYXBidW5kbGUgdGVz
dCBsZWFmMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEVrVQEv3QiaOrGNkUNEj5
FtuRDyeH2c51a4hE6TPFGdzEXaqw9AR7DHt2XdwvC6t9fmca8/EyY95PKA80CHeG
l6NdMFswGQYDVR0RBBIwEIIOc2VydmVyLmV4YW1wbGUwHQYDVR0OBBYEFBN+nFUP
KKXro7/7MB5zEB/60CXMMB8GA1UdIwQYMBaAFJPXnugBk80ud+SKgO9sDtpDK5/B
MAoGCCqGSM49BAMCA0kAMEYCIQDFV9w0KZce5bZspzd9/d8UcJI+mWlIIuRDXNGh
bjMBpAIhAO1Avx7NSfNTJnT5Vj3OYzRav39sFCkPuBuqGv6nPsMX
-----END CERTIFICATE-----
";
/// Both certificates are valid for a hundred years from December 2026.
const WITHIN: u64 = 1_900_000_000;
const AFTER: u64 = 5_000_000_000;
const BEFORE: u64 = 1_700_000_000;

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn verify(trusted: &str, presented: &str, name: &str, time: u64) -> Result<(), rustls::Error> {
    let trusted = certificate(trusted);
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let verifier = Verifier::new(roots, vec![trusted], Arc::new(ring::default_provider())).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(time));
    verifier
        .verify_server_cert(&certificate(presented), &[], &name, &[], now)
        .map(drop)
}

#[test]
fn a_server_certificate_is_accepted_if_it_is_trusted_itself() {
    for name in ["server.example", "127.0.0.1"] {
        verify(SELF_SIGNED, SELF_SIGNED, name, WITHIN).unwrap();
    }
    verify(LEAF, LEAF, "server.example", WITHIN).unwrap();
}

#[test]
fn name_and_dates_of_a_trusted_server_certificate_are_checked() {
    for (presented, name) in [
        (SELF_SIGNED, "other.example"),
        (SELF_SIGNED, "127.0.0.2"),
        (LEAF, "other.example"),
    ] {
        let error = verify(presented, presented, name, WITHIN).unwrap_err();
        assert!(error.to_string().contains("not valid for name"), "{error}");
    }
    for (time, expected) in [(AFTER, "expired"), (BEFORE, "not valid yet")] {
        let error = verify(SELF_SIGNED, SELF_SIGNED, "server.example", time).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(verify(LEAF, LEAF, "server.example", time).is_err());
    }
}

#[test]
fn a_trusted_server_certificate_does_not_make_others_trusted() {
    assert!(verify(LEAF, SELF_SIGNED, "server.example", WITHIN).is_err());
    let error = verify(SELF_SIGNED, LEAF, "server.example", WITHIN).unwrap_err();
    assert_eq!(error, CertificateError::UnknownIssuer.into());
}

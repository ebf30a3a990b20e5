#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Redirects with a body, and counts how often it is read.
#[derive(Debug, Default)]
struct Moved {
    length: Option<&'static str>,
    read: AtomicUsize,
}

impl Transport for Moved {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let moved = request.url.as_str().ends_with("/old");
        let mut headers = Headers::new();
        if moved {
            headers.add("location", "/new").map_err(TransportError::Receiver)?;
        }
        if let Some(length) = self.length {
            headers
                .add("content-length", length)
                .map_err(TransportError::Receiver)?;
        }
        let head = Head::new(if moved { 302 } else { 200 }, headers);
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        if moved {
            self.read.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Status(u16);

impl Receiver for Status {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.0 = head.status;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// Whether the body of the redirect was read.
fn reads_the_body(length: Option<&'static str>) -> bool {
    let moved = Moved {
        length,
        ..Moved::default()
    };
    let request = Request::new(Method::Get, "https://example.com/old".parse().unwrap());
    let mut status = Status::default();
    let exchange = Exchange::run(
        &moved,
        &request,
        Cleartext::LoopbackOnly,
        RedirectPolicy::Follow,
        &mut status,
    )
    .unwrap();
    assert!(matches!(exchange, Exchange::Complete));
    assert_eq!(status.0, 200);
    moved.read.load(Ordering::Relaxed) > 0
}

#[test]
fn the_body_of_a_redirect_is_not_read() {
    assert!(!reads_the_body(None));
    assert!(!reads_the_body(Some("100")));
    // An empty body leaves the connection reusable.
    assert!(reads_the_body(Some("0")));
}

/// Fails with a given error.
#[derive(Debug)]
struct Failing(fn() -> TransportError);

impl Transport for Failing {
    fn send(&self, _: &Request, _: &mut dyn Receiver) -> Result<(), TransportError> {
        Err((self.0)())
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    use crate::error::ErrorKind;

    let cases: [(fn() -> TransportError, ErrorKind); 4] = [
        (|| TransportError::Refused("expired".to_owned()), ErrorKind::NotTrusted),
        (
            || TransportError::UntrustedIssuer("unknown".to_owned()),
            ErrorKind::NotTrusted,
        ),
        (|| TransportError::NoTls("plain http".to_owned()), ErrorKind::NotTrusted),
        (|| TransportError::Proxy("the proxy".to_owned()), ErrorKind::Network),
    ];
    for (fails, kind) in cases {
        let request = Request::new(Method::Get, "https://example.com/a?secret=1".parse().unwrap());
        let outcome = Exchange::run(
            &Failing(fails),
            &request,
            Cleartext::LoopbackOnly,
            RedirectPolicy::Follow,
            &mut Status::default(),
        );
        let Err(error) = outcome else {
            panic!("{kind:?} is retried")
        };
        assert_eq!(error.kind(), kind);
        let text = error.to_string();
        assert!(
            text.contains("https://example.com/a") && !text.contains("secret"),
            "{text}"
        );
    }
}

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Redirects with a page that never ends, and says how much of it was taken.
#[derive(Debug, Default)]
struct Moved {
    length: Option<&'static str>,
    taken: AtomicUsize,
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
            self.taken.fetch_add(1, Ordering::Relaxed);
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

/// Whether the page that says "moved" was waited for.
fn waits_for_the_page(length: Option<&'static str>) -> bool {
    let moved = Moved {
        length,
        ..Moved::default()
    };
    let request = Request::new(Method::Get, "https://example.com/old".parse().unwrap());
    let mut status = Status::default();
    let exchange = Exchange::run(&moved, &request, Cleartext::LoopbackOnly, &mut status).unwrap();
    assert!(matches!(exchange, Exchange::Complete));
    assert_eq!(status.0, 200);
    moved.taken.load(Ordering::Relaxed) > 0
}

#[test]
fn a_page_that_only_says_moved_is_not_waited_for() {
    assert!(!waits_for_the_page(None));
    assert!(!waits_for_the_page(Some("100")));
    // Nothing comes, and the connection can be used again.
    assert!(waits_for_the_page(Some("0")));
}

/// Fails as it is told.
#[derive(Debug)]
struct Failing(fn() -> TransportError);

impl Transport for Failing {
    fn send(&self, _: &Request, _: &mut dyn Receiver) -> Result<(), TransportError> {
        Err((self.0)())
    }
}

#[test]
fn what_no_other_attempt_helps_is_an_error_at_once() {
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
            &mut Status::default(),
        );
        let Err(error) = outcome else {
            panic!("{kind:?} is tried again")
        };
        assert_eq!(error.kind(), kind);
        let text = error.to_string();
        assert!(
            text.contains("https://example.com/a") && !text.contains("secret"),
            "{text}"
        );
    }
}

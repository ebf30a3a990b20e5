//! Which requests are retried.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::error::ErrorKind;
use crate::http::body::Body;
use crate::http::mock_transport::{Answer, MockTransport};
use crate::http::transport::{Headers, Method, TransportError};

fn send(transport: &MockTransport, idempotency: Idempotency, max_response_len: usize) -> (Result<Response>, u32) {
    let control = Control::new();
    let client = Client::new(transport, &control, "send")
        .with_retry(RetryPolicy::new(5).with_first_wait(Duration::ZERO))
        .with_max_response_len(max_response_len);
    let mut made = 0;
    let response = client.send(
        idempotency,
        &mut || {
            made += 1;
            let mut request = Request::new(Method::Put, "https://store.example/key?secret=1".parse()?);
            request.body = Some(Body::Bytes(vec![1; 10]));
            Ok(request)
        },
        &mut (),
    );
    (response, made)
}

#[test]
fn a_request_to_an_overloaded_server_is_retried_until_it_succeeds() {
    let transport = MockTransport::new([
        Answer::new(503, b"").with("Retry-After", "0"),
        Answer::new(500, b""),
        Answer::new(200, b"par").then_breaks(),
        Answer::new(200, b"all of it"),
    ]);
    let (response, made) = send(&transport, Idempotency::Idempotent, 1_000);
    let response = response.unwrap();
    assert_eq!(
        (response.head.status, response.body.as_slice(), made),
        (200, b"all of it".as_slice(), 4)
    );
}

#[test]
fn the_last_attempt_returns_an_error_status_as_a_response() {
    let transport = MockTransport::new((0..9).map(|_| Answer::new(503, b"SlowDown")));
    let (response, made) = send(&transport, Idempotency::Idempotent, 1_000);
    let response = response.unwrap();
    assert_eq!(
        (response.head.status, response.body.as_slice(), made),
        (503, b"SlowDown".as_slice(), 5)
    );
}

#[test]
fn a_request_that_is_not_idempotent_is_retried_only_if_nothing_was_done() {
    for answer in [Answer::new(500, b""), Answer::new(502, b"")] {
        let (response, made) = send(&MockTransport::new([answer]), Idempotency::NonIdempotent, 1_000);
        assert!(response.unwrap().head.status >= 500 && made == 1);
    }
    let (response, made) = send(&MockTransport::new([]), Idempotency::NonIdempotent, 1_000);
    assert_eq!((response.unwrap_err().kind(), made), (ErrorKind::Network, 1));
    let refused = MockTransport::new([Answer::new(429, b""), Answer::new(200, b"")]);
    let (response, made) = send(&refused, Idempotency::NonIdempotent, 1_000);
    assert_eq!((response.unwrap().head.status, made), (200, 2));
}

#[test]
fn no_response_is_a_network_error_without_the_query() {
    let (response, made) = send(&MockTransport::new([]), Idempotency::Idempotent, 1_000);
    let problem = response.unwrap_err().to_string();
    assert!(
        problem.contains("tried 5 times") && !problem.contains("secret"),
        "{problem}"
    );
    assert_eq!(made, 5);
}

#[test]
fn an_endless_response_is_refused() {
    let (response, _) = send(
        &MockTransport::new([Answer::new(200, &[0; 5_000])]),
        Idempotency::Idempotent,
        2_000,
    );
    let problem = response.unwrap_err().to_string();
    assert!(problem.contains("longer than 2000 bytes"), "{problem}");
}

/// Sends one byte every 2 ms.
#[derive(Debug)]
struct Dripping;

impl Transport for Dripping {
    fn send(&self, _: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let head = Head::new(200, Headers::new());
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        for _ in 0..500 {
            std::thread::sleep(Duration::from_millis(2));
            receiver.write(b"x").map_err(TransportError::Receiver)?;
        }
        Ok(())
    }
}

#[test]
fn a_response_that_arrives_too_slowly_is_an_error() {
    let control = Control::new();
    let client = Client::new(&Dripping, &control, "send");
    let make = &mut || {
        let mut request = Request::new(Method::Get, "https://store.example/key".parse()?);
        request.stall_timeout = Duration::from_millis(5);
        Ok(request)
    };
    let error: Error = client.send(Idempotency::Idempotent, make, &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("too slowly"), "{error}");
}

#[test]
fn a_request_for_the_head_is_retried_after_a_transient_status() {
    let control = Control::new();
    let transport = MockTransport::new([Answer::new(503, b""), Answer::new(404, b"page")]);
    let client =
        Client::new(&transport, &control, "look").with_retry(RetryPolicy::new(5).with_first_wait(Duration::ZERO));
    let make = &mut || Ok(Request::new(Method::Get, "https://store.example/key".parse()?));
    let head: Result<Head> = client.head(make);
    assert_eq!((head.unwrap().status, transport.requests().len()), (404, 2));
}

#[test]
fn a_redirect_is_a_response_if_it_is_not_followed() {
    let control = Control::new();
    let transport = MockTransport::new([Answer::new(301, b"").with("Location", "https://other.example/")]);
    let client = Client::new(&transport, &control, "look").with_redirects(RedirectPolicy::Never);
    let make = &mut || Ok(Request::new(Method::Get, "https://store.example/key".parse()?));
    let head: Result<Head> = client.head(make);
    assert_eq!(head.unwrap().headers.get("location"), Some("https://other.example/"));
}

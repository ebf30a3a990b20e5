#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test fails")]

mod channels;
mod limits;
mod reports;

use std::time::Instant;

use super::*;
use crate::http::mock_transport::{Answer, MockTransport};
use crate::http::{Receiver, TransportError};
use crate::progress::CancelToken;

const URL: &str = "https://updates.example.com/updates?tenant=secret";
const UP_TO_DATE: &[u8] = br#"{"error":"no_new_version_available","message":"","kind":"up_to_date"}"#;
const PAGE: &[u8] = b"<!DOCTYPE html><title>Welcome</title><p>Please accept our terms.";

fn device() -> UpdateRequest {
    UpdateRequest {
        platform: "android".to_owned(),
        device_id: "0f4f5a3e-7c0a-4d3c-9d7e-2b1d6c6f0a11".to_owned(),
        app_id: "com.example.app".to_owned(),
        version_name: "1.0.0".to_owned(),
        version_os: "16".to_owned(),
        plugin_version: "8.51.14".to_owned(),
        ..UpdateRequest::default()
    }
}

fn url() -> Url {
    URL.parse().unwrap()
}

/// Calls a client whose attempts follow each other at once.
fn call<T>(
    answers: impl IntoIterator<Item = Answer>,
    call: impl FnOnce(&UpdateClient<'_>) -> Result<T>,
) -> (Result<T>, MockTransport) {
    let transport = MockTransport::new(answers);
    let control = Control::new();
    let client = UpdateClient::new(&transport, &control)
        .with_retry(RetryPolicy::new(3).with_first_wait(Duration::from_millis(1)));
    let result = call(&client);
    (result, transport)
}

fn asked(answers: impl IntoIterator<Item = Answer>) -> (Result<UpdateResponse>, MockTransport) {
    call(answers, |client| client.ask(&url(), &device()))
}

fn up_to_date() -> Answer {
    Answer::new(200, UP_TO_DATE)
}

fn body_of(request: &Request) -> Value {
    let Some(Body::Bytes(bytes)) = &request.body else {
        panic!("{request:?} has no body")
    };
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn a_request_is_the_one_of_the_plugin() {
    let transport = MockTransport::new([up_to_date()]);
    let answer = ask(&transport, &url(), &device(), &Control::new()).unwrap();
    assert!(matches!(answer, UpdateResponse::UpToDate(_)), "{answer:?}");
    let request = transport.requests().remove(0);
    assert_eq!((request.method, request.url.as_str()), (Method::Post, URL));
    assert_eq!(body_of(&request), serde_json::to_value(device()).unwrap());
    assert_eq!(request.headers.get("content-type"), Some("application/json"));
    assert_eq!(
        request.headers.get("user-agent"),
        Some("CapacitorUpdater/8.51.14 (com.example.app) android/16")
    );
    assert_eq!(request.connect_timeout, Duration::from_secs(20));
    assert_eq!(request.stall_timeout, Duration::from_secs(20));
}

#[test]
fn an_offer_is_returned_as_sent() {
    let offer = br#"{"version":"2.0.0","url":"https://cdn.example.com/2.zip","checksum":"00","session_key":"a:b"}"#;
    let (answer, _) = asked([Answer::new(200, offer)]);
    let UpdateResponse::Offer(offer) = answer.unwrap() else {
        panic!("no offer")
    };
    assert_eq!(
        (offer.version.as_str(), offer.url.as_str()),
        ("2.0.0", "https://cdn.example.com/2.zip")
    );
}

#[test]
fn a_user_agent_can_always_be_sent() {
    let strange = UpdateRequest {
        version_os: "16\r\nX-Evil: \u{e9}".to_owned(),
        plugin_version: String::new(),
        ..device()
    };
    let (answer, transport) = call([up_to_date()], |client| client.ask(&url(), &strange));
    answer.unwrap();
    assert_eq!(
        transport.request_headers("User-Agent"),
        ["CapacitorUpdater/unknown (com.example.app) android/16X-Evil:"]
    );
    let (_, transport) = call([up_to_date()], |client| {
        client.clone().with_user_agent("Mine/1").ask(&url(), &device())
    });
    assert_eq!(transport.request_headers("User-Agent"), ["Mine/1"]);
    let (refused, _) = call([up_to_date()], |client| {
        client.clone().with_user_agent("M\u{fc}ne").ask(&url(), &device())
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_timeout_of_zero_is_capgos_default() {
    for (set, used) in [(0, 20), (7, 7)] {
        let (_, transport) = call([up_to_date()], |client| {
            client
                .clone()
                .with_timeout(Duration::from_secs(set))
                .ask(&url(), &device())
        });
        assert_eq!(transport.requests()[0].stall_timeout, Duration::from_secs(used));
    }
}

#[test]
fn transient_failures_are_retried_and_others_are_not() {
    let (answer, transport) = asked([
        Answer::new(500, b""),
        Answer::new(200, b"{").then_breaks(),
        up_to_date(),
    ]);
    answer.unwrap();
    assert_eq!(transport.requests().len(), 3);
    assert_eq!(body_of(&transport.requests()[2])["app_id"], "com.example.app");

    let (failed, transport) = asked([]);
    let error = failed.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Network, 3));
    assert!(!error.to_string().contains("secret"), "{error}");

    let (failed, transport) = asked([Answer::new(404, b"")]);
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(transport.requests().len(), 1);

    let (failed, transport) = asked((0..9).map(|_| Answer::new(502, b"")));
    assert!(matches!(failed, Err(Error::Server { status: 502, .. })));
    assert_eq!(transport.requests().len(), 3);
}

#[test]
fn a_response_that_was_cut_is_requested_again_even_if_the_transport_missed_it() {
    let (answer, transport) = asked([
        Answer::new(200, &UP_TO_DATE[..10]).with("Content-Length", &UP_TO_DATE.len().to_string()),
        up_to_date(),
    ]);
    answer.unwrap();
    assert_eq!(transport.requests().len(), 2);
}

#[test]
fn a_login_page_is_an_error_that_is_not_retried_in_the_call() {
    for body in [PAGE.to_vec(), [PAGE, &vec![b' '; 9 << 20]].concat()] {
        let (failed, transport) = asked([Answer::new(200, &body)]);
        let error = failed.unwrap_err();
        assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Server, 1));
        assert!(error.to_string().contains("captive portal"), "{error}");
    }
}

#[test]
fn an_endless_response_is_stopped() {
    let (failed, transport) = asked([Answer::new(200, &vec![b' '; 9 << 20])]);
    let error = failed.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Server, 1));
    assert!(error.to_string().contains("at most 8388608 bytes"), "{error}");
    let (failed, _) = asked([Answer::new(403, &vec![b' '; 9 << 20])]);
    assert!(matches!(failed, Err(Error::Server { status: 403, .. })));
}

#[test]
fn only_redirects_that_keep_the_method_are_followed() {
    for status in [307, 308] {
        let moved = Answer::new(status, b"").with("Location", "https://other.example.com/updates");
        let (answer, transport) = asked([moved, up_to_date()]);
        answer.unwrap();
        let request = &transport.requests()[1];
        assert_eq!(
            (request.method, request.url.as_str()),
            (Method::Post, "https://other.example.com/updates")
        );
        assert_eq!(body_of(request)["app_id"], "com.example.app");
        assert_eq!(request.headers.get("content-type"), Some("application/json"));
    }
    for status in [301, 302, 303] {
        let moved = Answer::new(status, b"").with("Location", "https://other.example.com/login?token=secret");
        let (failed, transport) = asked([moved]);
        let error = failed.unwrap_err();
        assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Server, 1));
        let text = error.to_string();
        assert!(
            text.contains("redirects to https://other.example.com/login") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn a_redirect_to_an_invalid_address_is_a_network_error() {
    for location in ["ftp://example.com/", "https://", "http:///", "\\"] {
        let (failed, _) = asked([Answer::new(307, b"").with("Location", location)]);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Network, "{location}");
    }
}

#[test]
fn a_redirect_loop_ends() {
    let moved = || Answer::new(308, b"").with("Location", "/updates");
    let (failed, transport) = asked((0..99).map(|_| moved()));
    let error = failed.unwrap_err();
    assert_eq!((error.kind(), transport.requests().len()), (ErrorKind::Network, 6));
    assert!(error.to_string().contains("redirected more than 5 times"), "{error}");
}

#[test]
fn plain_http_is_used_only_if_it_is_allowed() {
    let plain: Url = "http://updates.example.com/updates".parse().unwrap();
    let (refused, transport) = call([up_to_date()], |client| client.ask(&plain, &device()));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
    assert_eq!(transport.requests().len(), 0);

    let (answer, _) = call([up_to_date()], |client| {
        client.clone().with_cleartext(Cleartext::Allowed).ask(&plain, &device())
    });
    answer.unwrap();

    let moved = Answer::new(307, b"").with("Location", plain.as_str());
    let (refused, transport) = call([moved], |client| {
        client.clone().with_cleartext(Cleartext::Allowed).ask(&url(), &device())
    });
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
    assert_eq!(transport.requests().len(), 1);
}

/// Fails, or sends a byte every 2 ms.
#[derive(Debug)]
enum Faulty {
    Untrusted,
    Dripping,
}

impl Transport for Faulty {
    fn send(&self, _: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        if matches!(self, Self::Untrusted) {
            return Err(TransportError::Refused("the certificate has expired".to_owned()));
        }
        let head = crate::http::Head::new(200, crate::http::Headers::new());
        receiver.begin(&head).map_err(TransportError::Receiver)?;
        loop {
            std::thread::sleep(Duration::from_millis(2));
            receiver.write(b" ").map_err(TransportError::Receiver)?;
        }
    }
}

#[test]
fn an_invalid_certificate_is_not_trusted() {
    let refused = ask(&Faulty::Untrusted, &url(), &device(), &Control::new());
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotTrusted);
}

#[test]
fn a_response_that_drips_is_stopped() {
    let started = Instant::now();
    let control = Control::new();
    let client = UpdateClient::new(&Faulty::Dripping, &control).with_timeout(Duration::from_millis(50));
    let error = client.ask(&url(), &device()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[test]
fn a_cancelled_call_ends_at_once() {
    let token = CancelToken::new();
    token.cancel();
    let control = Control::new().with_cancel_token(&token);
    let transport = MockTransport::new([up_to_date()]);
    let client = UpdateClient::new(&transport, &control);
    let cancelled = [
        client.ask(&url(), &device()).map(drop),
        client.report(&url(), &[StatsEvent::default()]).map(drop),
        client.channels(&url(), &device()).map(drop),
    ];
    for result in cancelled {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    }
    assert_eq!(transport.requests().len(), 0);
}

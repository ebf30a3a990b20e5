//! What is asked again and what is not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::error::ErrorKind;
use crate::http::body::Body;
use crate::http::mock_transport::{Answer, Scripted};
use crate::http::transport::{Headers, Method, TransportError};

fn ask(transport: &Scripted, repeat: Idempotency, largest_reply: usize) -> (Result<Response>, u32) {
    let control = Control::new();
    let mut question = Question::new(transport, &control, "ask");
    question.first_wait = Duration::ZERO;
    question.largest_reply = largest_reply;
    let mut made = 0;
    let reply = question.ask(
        repeat,
        &mut || {
            made += 1;
            let mut request = Request::new(Method::Put, "https://store.example/key?secret=1".parse()?);
            request.body = Some(Body::Bytes(vec![1; 10]));
            Ok(request)
        },
        &mut (),
    );
    (reply, made)
}

#[test]
fn an_overloaded_server_is_asked_again_and_its_answer_kept() {
    let transport = Scripted::new([
        Answer::new(503, b"").with("Retry-After", "0"),
        Answer::new(500, b""),
        Answer::new(200, b"par").then_breaks(),
        Answer::new(200, b"all of it"),
    ]);
    let (reply, made) = ask(&transport, Idempotency::Idempotent, 1_000);
    let reply = reply.unwrap();
    assert_eq!(
        (reply.head.status, reply.body.as_slice(), made),
        (200, b"all of it".as_slice(), 4)
    );
}

#[test]
fn an_error_status_is_an_answer_after_the_last_try() {
    let transport = Scripted::new((0..9).map(|_| Answer::new(503, b"SlowDown")));
    let (reply, made) = ask(&transport, Idempotency::Idempotent, 1_000);
    let reply = reply.unwrap();
    assert_eq!(
        (reply.head.status, reply.body.as_slice(), made),
        (503, b"SlowDown".as_slice(), 5)
    );
}

#[test]
fn what_may_have_been_done_is_not_done_again() {
    for answer in [Answer::new(500, b""), Answer::new(502, b"")] {
        let (reply, made) = ask(&Scripted::new([answer]), Idempotency::NonIdempotent, 1_000);
        assert!(reply.unwrap().head.status >= 500 && made == 1);
    }
    let (reply, made) = ask(&Scripted::new([]), Idempotency::NonIdempotent, 1_000);
    assert_eq!((reply.unwrap_err().kind(), made), (ErrorKind::Network, 1));
    let refused = Scripted::new([Answer::new(429, b""), Answer::new(200, b"")]);
    let (reply, made) = ask(&refused, Idempotency::NonIdempotent, 1_000);
    assert_eq!((reply.unwrap().head.status, made), (200, 2));
}

#[test]
fn nobody_there_is_a_network_error_without_the_query() {
    let (reply, made) = ask(&Scripted::new([]), Idempotency::Idempotent, 1_000);
    let problem = reply.unwrap_err().to_string();
    assert!(
        problem.contains("tried 5 times") && !problem.contains("secret"),
        "{problem}"
    );
    assert_eq!(made, 5);
}

#[test]
fn an_endless_answer_is_refused() {
    let (reply, _) = ask(
        &Scripted::new([Answer::new(200, &[0; 5_000])]),
        Idempotency::Idempotent,
        2_000,
    );
    let problem = reply.unwrap_err().to_string();
    assert!(problem.contains("longer than 2000 bytes"), "{problem}");
}

/// Sends a byte again and again.
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
fn an_answer_that_drips_is_not_waited_for() {
    let control = Control::new();
    let question = Question::new(&Dripping, &control, "ask");
    let make = &mut || {
        let mut request = Request::new(Method::Get, "https://store.example/key".parse()?);
        request.stall_timeout = Duration::from_millis(5);
        Ok(request)
    };
    let error: Error = question.ask(Idempotency::Idempotent, make, &mut ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().contains("too slowly"), "{error}");
}

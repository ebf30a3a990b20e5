//! What goes over the wire when a request has a body. Everything else about [`Http`] is tried against a server that
//! misbehaves, in `tests`.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::progress::{CancelToken, Control};
use crate::transport::Url;

#[derive(Default)]
struct Answer {
    status: u16,
    sent: u64,
    stop_after: Option<u64>,
}

impl Receiver for Answer {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.sent += count;
        if self.stop_after.is_some_and(|stop| self.sent > stop) {
            return Err(Error::Cancelled { operation: "upload" });
        }
        Ok(())
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        self.status = head.status;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

/// What a server that answers 204 was sent: its head and its body.
fn exchange(method: Method, body: Option<Body>, answer: &mut Answer) -> (Result<(), TransportError>, String, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            reader.read_line(&mut head).unwrap();
        }
        let head = head.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        (head, body)
    });
    let mut request = Request::new(method, url);
    request.body = body;
    let sent = Http::new().send(&request, answer);
    let (head, body) = server.join().unwrap();
    (sent, head, body)
}

fn file_of(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

#[test]
fn a_part_of_a_file_is_sent_with_its_length() {
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|number| u8::try_from(number % 251).unwrap())
        .collect();
    let body = Body::File {
        file: file_of(&bytes),
        offset: 1_000,
        length: 250_000,
    };
    let mut answer = Answer::default();
    let (sent, head, received) = exchange(Method::Put, Some(body), &mut answer);
    sent.unwrap();
    assert_eq!((answer.status, answer.sent), (204, 250_000));
    assert!(
        head.contains("content-length: 250000\r\n") && !head.contains("transfer-encoding"),
        "{head}"
    );
    assert!(received == bytes[1_000..251_000]);
}

#[test]
fn a_delete_may_have_a_body_and_a_post_may_have_none() {
    let (sent, head, body) = exchange(
        Method::Delete,
        Some(Body::Bytes(b"{}".to_vec())),
        &mut Answer::default(),
    );
    sent.unwrap();
    assert!(head.starts_with("delete /x ") && body == b"{}", "{head}");
    let (sent, head, _) = exchange(Method::Post, None, &mut Answer::default());
    sent.unwrap();
    assert!(head.contains("content-length: 0\r\n"), "{head}");
}

#[test]
fn a_file_that_became_shorter_is_not_sent_as_if_it_were_whole() {
    let body = Body::File {
        file: file_of(&[7; 1_000]),
        offset: 0,
        length: 2_000,
    };
    let (sent, _, received) = exchange(Method::Put, Some(body), &mut Answer::default());
    let problem = sent.unwrap_err();
    assert!(
        matches!(&problem, TransportError::Broken(problem) if problem.contains("1000 bytes early")),
        "{problem:?}"
    );
    assert_eq!(received.len(), 1_000);
}

#[test]
fn sending_ends_when_whoever_sends_it_says_so() {
    let body = Body::File {
        file: file_of(&vec![7; 2_000_000]),
        offset: 0,
        length: 2_000_000,
    };
    let mut answer = Answer {
        stop_after: Some(100_000),
        ..Answer::default()
    };
    let (sent, _, received) = exchange(Method::Put, Some(body), &mut answer);
    assert!(
        matches!(sent, Err(TransportError::Receiver(Error::Cancelled { .. }))),
        "{sent:?}"
    );
    assert!(received.len() < 2_000_000);
}

/// A server that says so much and then nothing more, for as long as the connection stands.
fn silent_after(said: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(said).unwrap();
        // Ends when the other side does.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    url.parse().unwrap()
}

#[test]
fn a_cancelled_request_does_not_wait_for_a_silent_server() {
    for said in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"] {
        let token = CancelToken::new();
        let mut request = Request::new(Method::Get, silent_after(said));
        request.stall_timeout = Duration::from_mins(10);
        request.control = Control::new().cancelled_by(&token);
        let cancelling = thread::spawn(move || {
            thread::sleep(Duration::from_millis(150));
            token.cancel();
        });
        let sent = Http::new().send(&request, &mut Answer::default());
        assert!(
            matches!(sent, Err(TransportError::Receiver(Error::Cancelled { .. }))),
            "{sent:?}"
        );
        cancelling.join().unwrap();
    }
}

#[test]
fn a_silent_server_is_given_up_after_the_stall_time() {
    let mut request = Request::new(
        Method::Get,
        silent_after(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
    );
    request.stall_timeout = Duration::from_millis(350);
    let sent = Http::new().send(&request, &mut Answer::default());
    assert!(
        matches!(&sent, Err(TransportError::Broken(problem)) if problem.contains("0.35 s")),
        "{sent:?}"
    );
}

/// What comes of a request whose answer takes longer than anything else may.
fn asked_for_long(answer_timeout: Option<Duration>) -> Result<(), TransportError> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        thread::sleep(Duration::from_millis(600));
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    let mut request = Request::new(Method::Put, url);
    request.stall_timeout = Duration::from_millis(200);
    request.answer_timeout = answer_timeout;
    Http::new().send(&request, &mut Answer::default())
}

#[test]
fn a_server_that_works_before_it_answers_has_the_time_it_is_given() {
    asked_for_long(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(asked_for_long(None), Err(TransportError::Broken(_))));
}

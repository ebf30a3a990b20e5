//! Request bodies on the wire, and servers that stall or never end. The package `tests` covers the rest of [`Http`] with a
//! misbehaving server.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::*;
use crate::error::Error;
use crate::http::url::Url;
use crate::progress::{CancelToken, Control};

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

/// The outcome, and the head and body that a server received before it responded 204.
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
fn a_range_of_a_file_is_sent_with_its_length() {
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
fn a_delete_can_have_a_body_and_a_post_can_lack_one() {
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
fn sending_a_truncated_file_is_an_error() {
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
fn an_error_of_the_receiver_ends_the_sending() {
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

/// A server that sends these bytes, and then nothing while the connection is open.
fn silent_after(sent: &'static [u8]) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(sent).unwrap();
        // Ends when the client closes the connection.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    url.parse().unwrap()
}

#[test]
fn a_cancelled_request_does_not_wait_for_a_silent_server() {
    for sent in [b"".as_slice(), b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"] {
        let token = CancelToken::new();
        let mut request = Request::new(Method::Get, silent_after(sent));
        request.stall_timeout = Duration::from_mins(10);
        request.control = Control::new().with_cancel_token(&token);
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
fn a_silent_server_fails_after_the_stall_timeout() {
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

/// The outcome of a request whose response takes longer than the stall timeout.
fn send_to_slow_server(answer_timeout: Option<Duration>) -> Result<(), TransportError> {
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
fn the_answer_timeout_allows_a_server_to_work_before_it_responds() {
    send_to_slow_server(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!(send_to_slow_server(None), Err(TransportError::Broken(_))));
}

/// A server that sends these bytes, and then repeats `repeated` as fast as it can until the connection is closed.
fn endless(start: &'static [u8], repeated: &'static [u8]) -> (Url, thread::JoinHandle<u64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(start).unwrap();
        let repeated = repeated.repeat(8_000 / repeated.len());
        let mut sent = 0;
        // Bounded, so that a failing test ends.
        while sent < 1 << 30 && stream.write_all(&repeated).is_ok() {
            sent += repeated.len() as u64;
        }
        sent
    });
    (url.parse().unwrap(), server)
}

#[test]
fn endless_data_outside_the_body_is_refused() {
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";
    for (start, repeated) in [
        (CHUNKED, b"X-Many: 1\r\n".as_slice()),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    ] {
        let (url, server) = endless(start, repeated);
        let sent = Http::new().send(&Request::new(Method::Get, url), &mut Answer::default());
        assert!(matches!(sent, Err(TransportError::Broken(_))), "{sent:?}");
        let sent = server.join().unwrap();
        assert!(sent < 64 << 20, "{sent} bytes of {}", repeated.escape_ascii());
    }
}

/// A server that sends these bytes, and then one byte every 5 ms until the connection is closed.
fn dripping(start: &'static [u8], drop: u8) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(start).unwrap();
        for _ in 0..10_000 {
            if stream.write_all(&[drop]).is_err() {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
    });
    url.parse().unwrap()
}

#[test]
fn bytes_outside_the_body_are_not_progress() {
    const BODY: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    for (after_body, drop) in [("1;", b'a'), ("", b'0'), ("0\r\nX-Long: ", b'a')] {
        let start = format!("{BODY}{after_body}").leak().as_bytes();
        let mut request = Request::new(Method::Get, dripping(start, drop));
        request.stall_timeout = Duration::from_millis(300);
        let started = std::time::Instant::now();
        let sent = Http::new().send(&request, &mut Answer::default());
        assert!(
            matches!(&sent, Err(TransportError::Broken(problem)) if problem.contains("0.3 s")),
            "{sent:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_body_in_chunks_of_one_byte_is_accepted() {
    const LENGTH: usize = 400_000;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Closing a socket with unread data resets the connection, and the client loses the response.
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .unwrap();
        stream.write_all("1\r\nx\r\n".repeat(LENGTH).as_bytes()).unwrap();
        stream.write_all(b"0\r\n\r\n").unwrap();
    });
    let mut counted = Counted(0);
    Http::new().send(&Request::new(Method::Get, url), &mut counted).unwrap();
    assert_eq!(counted.0, LENGTH);
    server.join().unwrap();
}

struct Counted(usize);

impl Receiver for Counted {
    fn begin(&mut self, _: &Head) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0 += bytes.len();
        Ok(())
    }
}

#[test]
fn tls_to_a_port_for_plain_http_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/x", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let sent = Http::new().send(&Request::new(Method::Get, url.parse().unwrap()), &mut Answer::default());
    assert!(
        matches!(&sent, Err(TransportError::NoTls(problem)) if problem.contains("plain http")),
        "{sent:?}"
    );
}

//! One client, with or without a key, does not block the server for others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::test_server::{APP, TestServer, connect, receive, request};

/// Far less than the 30 s that a client may send nothing, and far more than a response takes on a busy machine.
const SOON: Duration = Duration::from_secs(12);

fn answered_soon(ask: impl Fn() -> u16) {
    let started = Instant::now();
    assert_eq!(ask(), 200);
    assert!(started.elapsed() < SOON, "answered after {:?}", started.elapsed());
}

/// A request whose body starts and does not end.
fn incomplete(server: &TestServer, from: &str) -> TcpStream {
    let mut stream = connect(server.address);
    let head = format!("POST /updates HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {from}\r\ncontent-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The status with which an incomplete request was rejected immediately, if it was.
fn rejected_immediately(mut stream: TcpStream) -> Option<u16> {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).ok()?;
    String::from_utf8_lossy(&status[9..]).parse().ok()
}

#[test]
fn incomplete_requests_of_one_client_do_not_block_others() {
    // By default 256 requests are processed at once.
    let server = TestServer::start();
    let held: Vec<TcpStream> = (0..256).map(|_| incomplete(&server, "")).collect();
    // From the same address: requests without a body are limited only by rate.
    answered_soon(|| server.send("GET", "/updates", &[], b"").status);
    drop(held);
}

#[test]
fn behind_a_proxy_the_incomplete_requests_of_each_client_are_limited() {
    let server = TestServer::start_with(|config| config.behind_proxy = true);
    let mut held: Vec<TcpStream> = (0..256).map(|_| incomplete(&server, "198.51.100.1")).collect();
    let body = request().to_string();
    let ask = |from: &str| server.send("POST", "/updates", &[("x-forwarded-for", from)], body.as_bytes());
    answered_soon(|| u16::from(ask("198.51.100.2").header("retry-after") != Some("1")) * 200);
    let rejected = ask("198.51.100.1");
    assert_eq!((rejected.status, rejected.header("retry-after")), (429, Some("1")));
    assert_eq!(rejected_immediately(held.pop().unwrap()), Some(429));
    drop(held);
    // Closed requests no longer count.
    let started = Instant::now();
    while ask("198.51.100.1").header("retry-after") == Some("1") {
        assert!(started.elapsed() < SOON, "still rejected");
    }
}

#[test]
fn the_addresses_of_one_ipv6_network_count_as_one_client() {
    let server = TestServer::start_with(|config| config.behind_proxy = true);
    let held: Vec<TcpStream> = (0..64)
        .map(|host| incomplete(&server, &format!("2001:db8:1:2::{host:x}")))
        .collect();
    let body = request().to_string();
    let ask = |from: &str| {
        let response = server.send("POST", "/updates", &[("x-forwarded-for", from)], body.as_bytes());
        response.header("retry-after").map(str::to_owned)
    };
    assert_eq!(ask("2001:db8:1:2::ffff").as_deref(), Some("1"));
    assert_ne!(ask("2001:db8:1:3::1").as_deref(), Some("1"));
    drop(held);
}

#[test]
fn a_small_body_must_arrive_within_seconds() {
    let server = TestServer::start();
    let started = Instant::now();
    assert_eq!(receive(&mut incomplete(&server, "")).status, 408);
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "after {:?}",
        started.elapsed()
    );
}

#[test]
fn idle_connections_of_one_client_do_not_block_others() {
    let server = TestServer::start_with(|config| config.limits.connections = 128);
    // They send nothing, or only the start of a request.
    let held: Vec<TcpStream> = (0..200)
        .map(|number| {
            let mut stream = connect(server.address);
            if number % 2 == 0 {
                stream.write_all(b"GET /health HTTP/1.1\r\nho").unwrap();
            }
            stream
        })
        .collect();
    answered_soon(|| server.send("GET", "/updates", &[], b"").status);
    drop(held);
}

/// Resident memory of this process, in MiB.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[test]
fn a_form_that_never_reaches_its_file_is_rejected_before_it_uses_memory() {
    const SENT: usize = 24 << 20;
    let server = TestServer::start();
    for start in [
        "",
        "--edge\r\n",
        "--edge\r\ncontent-disposition: form-data; name=\"",
        "--edge\r\n\r\n",
    ] {
        let mut stream = connect(server.address);
        let head = format!(
            "POST /upload/{APP} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\n\
             content-type: multipart/form-data; boundary=edge\r\ncontent-length: {}\r\n\r\n{start}",
            server.key,
            1 << 30
        );
        stream.write_all(head.as_bytes()).unwrap();
        let piece = vec![b'x'; 64 << 10];
        let mut sent = 0;
        // The server responds and closes, which ends the loop.
        while sent < SENT && stream.write_all(&piece).is_ok() {
            sent += piece.len();
        }
        assert!(sent < SENT, "{start:?}: the server received {sent} bytes");
    }
    #[cfg(target_os = "linux")]
    assert!(resident() < 200, "{} MiB", resident());
    answered_soon(|| server.send("GET", "/updates", &[], b"").status);
}

//! One client, with or without a key, does not shut the server to the others.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod running;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use running::{APP, Running, connect, receive, request};

/// Far less than the 30 s for which a silent client may be silent, and far more than an answer takes on a busy machine.
const SOON: Duration = Duration::from_secs(12);

fn answered_soon(ask: impl Fn() -> u16) {
    let started = Instant::now();
    assert_eq!(ask(), 200);
    assert!(started.elapsed() < SOON, "answered after {:?}", started.elapsed());
}

/// A request whose body begins and does not end.
fn unfinished(server: &Running, from: &str) -> TcpStream {
    let mut stream = connect(server.address);
    let head = format!("POST /updates HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {from}\r\ncontent-length: 100\r\n\r\n{{");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// The status with which an unfinished request was refused at once, if it was.
fn refused_at_once(mut stream: TcpStream) -> Option<u16> {
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).ok()?;
    String::from_utf8_lossy(&status[9..]).parse().ok()
}

#[test]
fn unfinished_requests_of_one_client_keep_nobody_from_being_answered() {
    // 256 are worked on at once, as by default.
    let server = Running::start();
    let held: Vec<TcpStream> = (0..256).map(|_| unfinished(&server, "")).collect();
    // From the same address: what has no body is bounded by its rate alone.
    answered_soon(|| server.send("GET", "/updates", &[], b"").status);
    drop(held);
}

#[test]
fn behind_a_proxy_one_clients_unfinished_requests_are_capped_and_another_client_is_answered() {
    let server = Running::start_with(|config| config.behind_proxy = true);
    let mut held: Vec<TcpStream> = (0..256).map(|_| unfinished(&server, "198.51.100.1")).collect();
    let body = request().to_string();
    let ask = |from: &str| server.send("POST", "/updates", &[("x-forwarded-for", from)], body.as_bytes());
    answered_soon(|| u16::from(ask("198.51.100.2").header("retry-after") != Some("1")) * 200);
    let refused = ask("198.51.100.1");
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused_at_once(held.pop().unwrap()), Some(429));
    drop(held);
    // What was given up counts no more.
    let started = Instant::now();
    while ask("198.51.100.1").header("retry-after") == Some("1") {
        assert!(started.elapsed() < SOON, "still refused");
    }
}

#[test]
fn networks_of_one_ipv6_client_count_together() {
    let server = Running::start_with(|config| config.behind_proxy = true);
    let held: Vec<TcpStream> = (0..64)
        .map(|host| unfinished(&server, &format!("2001:db8:1:2::{host:x}")))
        .collect();
    let body = request().to_string();
    let ask = |from: &str| {
        let reply = server.send("POST", "/updates", &[("x-forwarded-for", from)], body.as_bytes());
        reply.header("retry-after").map(str::to_owned)
    };
    assert_eq!(ask("2001:db8:1:2::ffff").as_deref(), Some("1"));
    assert_ne!(ask("2001:db8:1:3::1").as_deref(), Some("1"));
    drop(held);
}

#[test]
fn a_small_body_must_come_within_seconds() {
    let server = Running::start();
    let started = Instant::now();
    assert_eq!(receive(&mut unfinished(&server, "")).status, 408);
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "after {:?}",
        started.elapsed()
    );
}

#[test]
fn idle_connections_of_one_client_keep_nobody_from_being_answered() {
    let server = Running::start_with(|config| config.limits.connections = 128);
    // None of them says a word, or only the first ones of a head.
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
fn a_form_that_never_comes_to_its_file_is_given_up_before_it_costs_memory() {
    const SENT: usize = 24 << 20;
    let server = Running::start();
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
        // The server answers and closes, which ends the sending.
        while sent < SENT && stream.write_all(&piece).is_ok() {
            sent += piece.len();
        }
        assert!(sent < SENT, "{start:?}: {sent} bytes were taken");
    }
    #[cfg(target_os = "linux")]
    assert!(resident() < 200, "{} MiB", resident());
    answered_soon(|| server.send("GET", "/updates", &[], b"").status);
}

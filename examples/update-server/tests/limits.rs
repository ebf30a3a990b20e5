//! Limits, and the routes outside of the APIs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use crate::test_server::{APP, TestServer, connect, receive, request, send};
use capbundle_update_server::{Config, Error, Server};
use serde_json::json;

#[test]
fn a_client_over_its_rate_gets_retry_after() {
    let server = TestServer::start_with(|config| config.limits.per_address = 3);
    let ask = || server.send("POST", "/updates", &[], request().to_string().as_bytes());
    for _ in 0..3 {
        assert_eq!(ask().json()["error"], "on_premise_app");
    }
    let rejected = ask();
    assert_eq!(
        (rejected.status, &rejected.json()["error"]),
        (429, &json!("too_many_requests"))
    );
    let seconds = rejected.header("retry-after").unwrap().to_owned();
    assert_eq!(
        (rejected.header("x-ratelimit-reset").unwrap(), seconds.as_str()),
        ("20", "20")
    );
    assert_eq!(rejected.json()["moreInfo"]["retryAfterSeconds"], 20);
    assert_eq!(
        server.send("GET", "/health", &[], b"").status,
        200,
        "/health has no limit"
    );
}

#[test]
fn behind_a_proxy_each_client_has_its_own_rate() {
    let server = TestServer::start_with(|config| (config.limits.per_address, config.behind_proxy) = (1, true));
    let ask = |from: &str| server.send("GET", "/updates", &[("x-forwarded-for", from)], b"").status;
    assert_eq!(
        (ask("198.51.100.1"), ask("198.51.100.2"), ask("198.51.100.1")),
        (200, 200, 429)
    );
    assert_eq!(
        ask("198.51.100.9, 198.51.100.1"),
        429,
        "addresses that the client sent are ignored"
    );
}

#[test]
fn without_a_proxy_a_client_cannot_choose_its_address() {
    let server = TestServer::start_with(|config| config.limits.per_address = 1);
    let ask = |from: &str| server.send("GET", "/updates", &[("x-forwarded-for", from)], b"").status;
    assert_eq!((ask("198.51.100.1"), ask("198.51.100.2")), (200, 429));
}

#[test]
fn each_key_has_its_own_rate() {
    let server = TestServer::start_with(|config| config.limits.per_key = 2);
    let path = format!("/channel?app_id={APP}");
    let ask = |key: &str| server.send("GET", &path, &[("authorization", key)], b"").status;
    assert_eq!((ask(&server.key), ask(&server.key), ask(&server.key)), (200, 200, 429));
    assert_eq!(ask(&server.limited_key(&[APP], false)), 200);
}

#[test]
fn a_body_over_the_limit_is_rejected() {
    let server = TestServer::start_with(|config| config.limits.json_bytes = 1000);
    let response = server.send("POST", "/updates", &[], &[b' '; 1001]);
    assert_eq!(
        (response.status, &response.json()["error"]),
        (413, &json!("payload_too_large"))
    );
    let response = server.send("POST", "/bundle", &[("authorization", &server.key)], &[b' '; 1001]);
    assert_eq!(response.status, 413);
}

#[test]
fn a_client_that_sends_nothing_times_out() {
    let server = TestServer::start_with(|config| config.limits.timeout = Duration::from_millis(200));
    let mut slow_head = connect(server.address);
    slow_head.write_all(b"GET /health HTTP/1.1\r\nho").unwrap();
    let mut slow_body = connect(server.address);
    slow_body
        .write_all(b"POST /updates HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n{")
        .unwrap();
    let mut slow_upload = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\ncontent-length: 10\r\n\r\nx",
        server.key
    );
    slow_upload.write_all(head.as_bytes()).unwrap();
    let mut nothing = Vec::new();
    // Closed with or without a response.
    let _ = std::io::Read::read_to_end(&mut slow_head, &mut nothing);
    assert!(!nothing.starts_with(b"HTTP/1.1 2"));
    assert_eq!(receive(&mut slow_body).status, 408);
    assert_eq!(receive(&mut slow_upload).status, 408);
}

/// More than the buffers of a connection hold, so that the server's writes block if the client does not read.
const MORE_THAN_BUFFERED: usize = 24 << 20;

#[test]
fn clients_that_do_not_read_do_not_block_the_server() {
    let server = TestServer::start_with(|config| {
        (config.limits.connections, config.limits.timeout) = (3, Duration::from_secs(1));
    });
    let url = server.upload(&vec![7; MORE_THAN_BUFFERED])["url"].clone();
    let path = url.as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    let stalled: Vec<_> = (0..6)
        .map(|_| {
            let mut client = connect(server.address);
            let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
            client.write_all(head.as_bytes()).unwrap();
            client
        })
        .collect();
    assert_eq!(server.send("GET", "/health", &[], b"").status, 200);
    drop(stalled);
}

#[test]
fn a_client_that_reads_slowly_gets_the_whole_archive() {
    let server = TestServer::start_with(|config| config.limits.timeout = Duration::from_millis(500));
    let url = server.upload(&vec![7; MORE_THAN_BUFFERED])["url"].clone();
    let path = url.as_str().unwrap().strip_prefix(&server.url()).unwrap().to_owned();
    let mut client = connect(server.address);
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    client.write_all(head.as_bytes()).unwrap();
    let mut chunk = vec![0; 2 << 20];
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(150));
        client.read_exact(&mut chunk).unwrap();
    }
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!(10 * chunk.len() + rest.len() > MORE_THAN_BUFFERED);
}

#[test]
fn uploads_over_the_limit_are_rejected_until_one_ends() {
    let server = TestServer::start_with(|config| config.limits.uploads = 1);
    let mut busy = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\nexpect: 100-continue\r\n\
         content-length: 2\r\n\r\n",
        server.key
    );
    busy.write_all(head.as_bytes()).unwrap();
    let mut receiving = [0; 25];
    // The server has started to read the body.
    busy.read_exact(&mut receiving).unwrap();
    assert!(receiving.starts_with(b"HTTP/1.1 100"));
    let path = format!("/upload/{APP}");
    let upload = |bytes: &[u8]| server.send("PUT", &path, &[("authorization", &server.key)], bytes);
    let rejected = upload(b"x");
    assert_eq!(rejected.status, 503);
    assert_eq!(
        (rejected.header("retry-after"), &rejected.json()["error"]),
        (Some("1"), &json!("too_many_requests"))
    );
    assert_eq!(
        server.send("GET", "/updates", &[], b"").status,
        200,
        "other requests are answered"
    );
    busy.write_all(b"xy").unwrap();
    assert_eq!(receive(&mut busy).status, 201);
    assert_eq!(upload(b"z").status, 201);
}

#[test]
fn an_overloaded_server_rejects_requests_but_answers_health() {
    let server = TestServer::start_with(|config| config.limits.concurrent = 0);
    let rejected = server.send("GET", "/updates", &[], b"");
    assert_eq!((rejected.status, rejected.header("retry-after")), (503, Some("1")));
    assert_eq!(server.send("GET", "/health", &[], b"").status, 200);
}

#[test]
fn metrics_require_a_key_unless_open_and_contain_no_secrets() {
    let server = TestServer::start();
    server.promote(server.publish("2.0.0"));
    server.update(|_| ());
    assert_eq!(server.send("GET", "/metrics", &[], b"").status, 401);
    let response = server.send("GET", "/metrics", &[("authorization", &server.key)], b"");
    let text = String::from_utf8(response.body).unwrap();
    for line in [
        "capbundle_updates_total{outcome=\"update\"} 1",
        "capbundle_requests_total{method=\"POST\",route=\"/updates\",status=\"200\"} 1",
        "capbundle_requests_total{method=\"GET\",route=\"/metrics\",status=\"401\"} 1",
        "capbundle_uploaded_bytes_total 20",
        "capbundle_requests_in_flight 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains(&server.key));
    let open = TestServer::start_with(|config| config.open_metrics = true);
    assert_eq!(open.send("GET", "/metrics", &[], b"").status, 200);
}

#[test]
fn unknown_routes_and_methods_have_their_codes() {
    let server = TestServer::start();
    let missing = server.send("GET", "/nothing", &[], b"");
    assert_eq!((missing.status, &missing.json()["error"]), (404, &json!("not_found")));
    let wrong = server.send("PATCH", "/bundle", &[], b"");
    assert_eq!(
        (wrong.status, &wrong.json()["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert_eq!(server.send("GET", "/updates", &[], b"").json(), json!({"status": "ok"}));
}

#[test]
fn a_public_url_that_phones_reject_is_rejected_at_the_start() {
    let start = |url: Option<&str>, listen: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::loopback(folder.path());
        (config.public_url, config.listen) = (url.map(str::to_owned), listen.parse().unwrap());
        Server::start(config).map(|server| server.url().to_owned())
    };
    for wrong in [
        "http://updates.example.com",
        "updates.example.com",
        "https://updates.example.com/?a=b",
    ] {
        assert!(
            matches!(start(Some(wrong), "127.0.0.1:0"), Err(Error::InvalidSetting { .. })),
            "{wrong}"
        );
    }
    assert!(
        matches!(start(None, "0.0.0.0:0"), Err(Error::InvalidSetting { .. })),
        "other addresses than loopback need a public URL"
    );
    let good = start(Some("https://updates.example.com/"), "127.0.0.1:0").unwrap();
    assert_eq!(good, "https://updates.example.com");
    assert_eq!(
        start(Some("http://localhost:8080"), "127.0.0.1:0").unwrap(),
        "http://localhost:8080"
    );
}

#[test]
fn two_servers_do_not_share_a_folder() {
    let server = TestServer::start();
    let second = Server::start(Config::loopback(server.folder.path()));
    assert!(matches!(second, Err(Error::InUse { .. })));
    let address = server.address;
    assert_eq!(
        send(address, "GET", "/health", &[], b"").status,
        200,
        "the first server still answers"
    );
}

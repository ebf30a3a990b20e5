//! What is too much, and what is answered beside the APIs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod running;

use std::io::{Read as _, Write as _};
use std::time::Duration;

use capbundle_update_server::{Config, Error, Server};
use running::{APP, Running, connect, receive, request, send};
use serde_json::json;

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let server = Running::start_with(|config| config.limits.per_address = 3);
    let ask = || server.send("POST", "/updates", &[], request().to_string().as_bytes());
    for _ in 0..3 {
        assert_eq!(ask().json()["error"], "on_premise_app");
    }
    let refused = ask();
    assert_eq!(
        (refused.status, &refused.json()["error"]),
        (429, &json!("too_many_requests"))
    );
    let seconds = refused.header("retry-after").unwrap().to_owned();
    assert_eq!(
        (refused.header("x-ratelimit-reset").unwrap(), seconds.as_str()),
        ("20", "20")
    );
    assert_eq!(refused.json()["moreInfo"]["retryAfterSeconds"], 20);
    assert_eq!(
        server.send("GET", "/health", &[], b"").status,
        200,
        "health is always answered"
    );
}

#[test]
fn behind_a_proxy_each_client_counts_for_itself() {
    let server = Running::start_with(|config| (config.limits.per_address, config.behind_proxy) = (1, true));
    let ask = |from: &str| server.send("GET", "/updates", &[("x-forwarded-for", from)], b"").status;
    assert_eq!(
        (ask("198.51.100.1"), ask("198.51.100.2"), ask("198.51.100.1")),
        (200, 200, 429)
    );
    assert_eq!(
        ask("198.51.100.9, 198.51.100.1"),
        429,
        "what the client claims does not count"
    );
}

#[test]
fn a_client_cannot_claim_an_address_where_no_proxy_is() {
    let server = Running::start_with(|config| config.limits.per_address = 1);
    let ask = |from: &str| server.send("GET", "/updates", &[("x-forwarded-for", from)], b"").status;
    assert_eq!((ask("198.51.100.1"), ask("198.51.100.2")), (200, 429));
}

#[test]
fn one_key_does_not_use_up_the_rate_of_another() {
    let server = Running::start_with(|config| config.limits.per_key = 2);
    let path = format!("/channel?app_id={APP}");
    let ask = |key: &str| server.send("GET", &path, &[("authorization", key)], b"").status;
    assert_eq!((ask(&server.key), ask(&server.key), ask(&server.key)), (200, 200, 429));
    assert_eq!(ask(&server.limited_key(&[APP], false)), 200);
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let server = Running::start_with(|config| config.limits.json_bytes = 1000);
    let reply = server.send("POST", "/updates", &[], &[b' '; 1001]);
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (413, &json!("payload_too_large"))
    );
    let reply = server.send("POST", "/bundle", &[("authorization", &server.key)], &[b' '; 1001]);
    assert_eq!(reply.status, 413);
}

#[test]
fn a_client_that_sends_nothing_is_let_go() {
    let server = Running::start_with(|config| config.limits.patience = Duration::from_millis(200));
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
    // Closed, with or without a word.
    let _ = std::io::Read::read_to_end(&mut slow_head, &mut nothing);
    assert!(!nothing.starts_with(b"HTTP/1.1 2"));
    assert_eq!(receive(&mut slow_body).status, 408);
    assert_eq!(receive(&mut slow_upload).status, 408);
}

/// More than the buffers of a connection hold, so that a client that does not read is felt.
const MORE_THAN_BUFFERED: usize = 24 << 20;

#[test]
fn clients_that_do_not_read_do_not_hold_the_server() {
    let server = Running::start_with(|config| {
        (config.limits.connections, config.limits.patience) = (3, Duration::from_secs(1));
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
fn a_client_that_reads_slowly_gets_all_of_it() {
    let server = Running::start_with(|config| config.limits.patience = Duration::from_millis(500));
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
fn a_server_with_too_many_uploads_turns_away_and_recovers() {
    let server = Running::start_with(|config| config.limits.uploads = 1);
    let mut busy = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\nexpect: 100-continue\r\n\
         content-length: 2\r\n\r\n",
        server.key
    );
    busy.write_all(head.as_bytes()).unwrap();
    let mut receiving = [0; 25];
    // The server has begun to read the body.
    busy.read_exact(&mut receiving).unwrap();
    assert!(receiving.starts_with(b"HTTP/1.1 100"));
    let path = format!("/upload/{APP}");
    let upload = |bytes: &[u8]| server.send("PUT", &path, &[("authorization", &server.key)], bytes);
    let refused = upload(b"x");
    assert_eq!(refused.status, 503);
    assert_eq!(
        (refused.header("retry-after"), &refused.json()["error"]),
        (Some("1"), &json!("too_many_requests"))
    );
    assert_eq!(
        server.send("GET", "/updates", &[], b"").status,
        200,
        "others are answered meanwhile"
    );
    busy.write_all(b"xy").unwrap();
    assert_eq!(receive(&mut busy).status, 201);
    assert_eq!(upload(b"z").status, 201);
}

#[test]
fn a_server_with_too_much_to_do_turns_away_but_says_that_it_lives() {
    let server = Running::start_with(|config| config.limits.concurrent = 0);
    let refused = server.send("GET", "/updates", &[], b"");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert_eq!(server.send("GET", "/health", &[], b"").status, 200);
}

#[test]
fn metrics_want_a_key_unless_they_are_open_and_tell_no_secrets() {
    let server = Running::start();
    server.promote(server.publish("2.0.0"));
    server.update(|_| ());
    assert_eq!(server.send("GET", "/metrics", &[], b"").status, 401);
    let reply = server.send("GET", "/metrics", &[("authorization", &server.key)], b"");
    let text = String::from_utf8(reply.body).unwrap();
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
    let open = Running::start_with(|config| config.open_metrics = true);
    assert_eq!(open.send("GET", "/metrics", &[], b"").status, 200);
}

#[test]
fn what_is_not_there_says_so() {
    let server = Running::start();
    let lost = server.send("GET", "/nothing", &[], b"");
    assert_eq!((lost.status, &lost.json()["error"]), (404, &json!("not_found")));
    let wrong = server.send("PATCH", "/bundle", &[], b"");
    assert_eq!(
        (wrong.status, &wrong.json()["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert_eq!(server.send("GET", "/updates", &[], b"").json(), json!({"status": "ok"}));
}

#[test]
fn a_public_url_that_phones_refuse_is_refused_at_the_start() {
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
            matches!(start(Some(wrong), "127.0.0.1:0"), Err(Error::Setting { .. })),
            "{wrong}"
        );
    }
    assert!(
        matches!(start(None, "0.0.0.0:0"), Err(Error::Setting { .. })),
        "devices cannot reach an address without a name"
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
    let server = Running::start();
    let second = Server::start(Config::loopback(server.folder.path()));
    assert!(matches!(second, Err(Error::InUse { .. })));
    let address = server.address;
    assert_eq!(
        send(address, "GET", "/health", &[], b"").status,
        200,
        "the first one is not disturbed"
    );
}

//! Uploads and downloads of archives.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::io::Write as _;
use std::net::Shutdown;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::test_server::{APP, Response, TestServer, connect, receive};
use capbundle::digest::Sha256Digest;
use serde_json::json;

/// All files in the folders of archives and incoming uploads.
fn files(server: &TestServer) -> Vec<PathBuf> {
    let list = |folder: &str| {
        let folder = server.folder.path().join(folder);
        std::fs::read_dir(folder).map_or_else(
            |_| Vec::new(),
            |entries| entries.map(|entry| entry.unwrap().path()).collect(),
        )
    };
    [list(&format!("bundles/{APP}")), list("incoming")].concat()
}

fn get(server: &TestServer, url: &str, headers: &[(&str, &str)]) -> Response {
    server.send("GET", url.strip_prefix(&server.url()).unwrap(), headers, b"")
}

#[test]
fn an_archive_is_served_whole_with_its_headers() {
    let server = TestServer::start();
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|number| u8::try_from(number % 251).unwrap())
        .collect();
    let upload = server.upload(&bytes);
    let digest = Sha256Digest::of(&bytes).to_string();
    assert_eq!((&upload["sha256"], &upload["size"]), (&json!(digest), &json!(300_000)));
    let url = upload["url"].as_str().unwrap();
    let response = get(&server, url, &[("origin", "capacitor://localhost")]);
    assert_eq!((response.status, &response.body), (200, &bytes));
    assert_eq!(response.header("content-type"), Some("application/zip"));
    assert_eq!(response.header("etag"), Some(format!("\"{digest}\"").as_str()));
    assert_eq!(response.header("accept-ranges"), Some("bytes"));
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    assert!(
        response
            .header("access-control-expose-headers")
            .unwrap()
            .contains("Content-Range")
    );
    assert!(response.header("cache-control").unwrap().contains("immutable"));
    let head = server.send("HEAD", url.strip_prefix(&server.url()).unwrap(), &[], b"");
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("300000"), 0)
    );
}

#[test]
fn a_range_is_served_only_of_the_same_archive() {
    let server = TestServer::start();
    let upload = server.upload(b"0123456789");
    let (url, etag) = (
        upload["url"].as_str().unwrap(),
        format!("\"{}\"", upload["sha256"].as_str().unwrap()),
    );
    let part = get(&server, url, &[("range", "bytes=4-6"), ("if-range", &etag)]);
    assert_eq!(
        (part.status, part.header("content-range"), part.body.as_slice()),
        (206, Some("bytes 4-6/10"), &b"456"[..])
    );
    let other = get(&server, url, &[("range", "bytes=4-6"), ("if-range", "\"other\"")]);
    assert_eq!((other.status, other.body.as_slice()), (200, &b"0123456789"[..]));
    let beyond = get(&server, url, &[("range", "bytes=10-")]);
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, Some("bytes */10"))
    );
    let known = get(&server, url, &[("if-none-match", &etag)]);
    assert_eq!((known.status, known.body.len()), (304, 0));
}

#[test]
fn preflight_requests_of_web_views_are_answered() {
    let server = TestServer::start();
    for path in ["/updates", "/channel_self", "/stats"] {
        let response = server.send("OPTIONS", path, &[("origin", "capacitor://localhost")], b"");
        assert_eq!(
            (response.status, response.header("access-control-allow-origin")),
            (204, Some("*")),
            "{path}"
        );
    }
    let publishers = server.send("OPTIONS", "/bundle", &[("origin", "https://evil.example")], b"");
    assert_eq!(publishers.header("access-control-allow-origin"), None);
}

#[test]
fn a_form_is_accepted_as_curl_sends_it() {
    let server = TestServer::start();
    let form = "--edge\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"app.zip\"\r\n\
                content-type: application/zip\r\n\r\narchive\r\n--edge--\r\n";
    let headers = [
        ("authorization", server.key.as_str()),
        ("content-type", "multipart/form-data; boundary=edge"),
    ];
    let response = server.send("POST", &format!("/upload/{APP}"), &headers, form.as_bytes());
    assert_eq!(
        (response.status, &response.json()["sha256"]),
        (201, &json!(Sha256Digest::of(b"archive").to_string()))
    );
    let cut = server.send(
        "POST",
        &format!("/upload/{APP}"),
        &headers,
        &form.as_bytes()[..form.len() - 20],
    );
    assert_eq!(cut.status, 400, "{cut:?}");
    let none = server.send("POST", &format!("/upload/{APP}"), &headers, b"--edge--\r\n");
    assert_eq!((none.status, &none.json()["error"]), (400, &json!("missing_file")));
    assert_eq!(files(&server).len(), 1);
}

#[test]
fn an_incomplete_upload_is_never_served_and_leaves_no_file() {
    let server = TestServer::start();
    server.upload(b"whole");
    let digest = Sha256Digest::of(b"first half, second half");
    let mut stream = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\nx-checksum-sha256: {digest}\r\ncontent-length: 23\r\n\r\nfirst half,",
        server.key
    );
    stream.write_all(head.as_bytes()).unwrap();
    let incoming = || {
        files(&server)
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "part"))
            .count()
    };
    wait_until(|| incoming() == 1);
    assert_eq!(
        server
            .send("GET", &format!("/bundles/{APP}/{digest}.zip"), &[], b"")
            .status,
        404
    );
    stream.shutdown(Shutdown::Both).unwrap();
    wait_until(|| incoming() == 0);
    assert_eq!(files(&server).len(), 1);
    assert_eq!(
        server
            .send("GET", &format!("/bundles/{APP}/{digest}.zip"), &[], b"")
            .status,
        404
    );
}

/// Waits for another thread, at most one minute.
fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "timed out");
        std::thread::yield_now();
    }
}

#[test]
fn an_upload_that_breaks_off_is_reported_and_nothing_of_it_is_served() {
    let server = TestServer::start();
    let half = b"first half,";
    let whole = Sha256Digest::of(b"first half, second half");
    let mut stream = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ncontent-length: 23\r\n\r\n",
        server.key
    );
    stream.write_all(&[head.as_bytes(), half].concat()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();

    let response = receive(&mut stream);

    assert_eq!(
        (response.status, &response.json()["error"]),
        (400, &json!("upload_broken_off"))
    );
    assert!(files(&server).is_empty());
    for digest in [whole, Sha256Digest::of(half)] {
        let download = server.send("GET", &format!("/bundles/{APP}/{digest}.zip"), &[], b"");
        assert_eq!(download.status, 404);
    }
}

#[test]
fn an_incomplete_chunked_upload_is_rejected() {
    let server = TestServer::start();
    let mut stream = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n",
        server.key
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut left = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut left);
    assert!(!left.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&left));
    wait_until(|| files(&server).is_empty());
}

#[test]
fn an_archive_with_another_digest_is_rejected() {
    let server = TestServer::start();
    let wrong = "0".repeat(64);
    let headers = [("authorization", server.key.as_str()), ("x-checksum-sha256", &wrong)];
    let response = server.send("PUT", &format!("/upload/{APP}"), &headers, b"archive");
    assert_eq!(
        (response.status, &response.json()["error"]),
        (400, &json!("checksum_mismatch"))
    );
    let empty = server.send("PUT", &format!("/upload/{APP}"), &headers[..1], b"");
    assert_eq!((empty.status, &empty.json()["error"]), (400, &json!("missing_file")));
    assert!(files(&server).is_empty());
}

#[test]
fn an_archive_over_the_limit_is_rejected_with_or_without_a_length() {
    let server = TestServer::start_with(|config| config.limits.upload_bytes = 1000);
    let response = server.send(
        "PUT",
        &format!("/upload/{APP}"),
        &[("authorization", &server.key)],
        &[7; 1001],
    );
    assert_eq!(
        (response.status, &response.json()["error"]),
        (413, &json!("payload_too_large"))
    );
    let mut stream = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        server.key
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
        .write_all(format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001)).as_bytes())
        .unwrap();
    assert_eq!(receive(&mut stream).status, 413);
    assert!(files(&server).is_empty());
    assert_eq!(
        server
            .send(
                "PUT",
                &format!("/upload/{APP}"),
                &[("authorization", &server.key)],
                &[7; 1000]
            )
            .status,
        201
    );
}

#[test]
fn no_path_leaves_the_folder() {
    let server = TestServer::start();
    server.upload(b"archive");
    let digest = "0".repeat(64);
    for path in [
        "/bundles/../capbundle.sqlite",
        "/bundles/com.example.app/../../capbundle.sqlite",
        "/bundles/com.example.app/..%2f..%2fcapbundle.sqlite",
        "/bundles/..%2f/capbundle.sqlite",
        "/bundles/%2e%2e/capbundle.sqlite",
        &format!("/bundles/..%2fincoming/{digest}.zip"),
        &format!("/bundles/{APP}/{digest}.zip%00"),
        "//etc/passwd",
    ] {
        assert_eq!(server.send("GET", path, &[], b"").status, 404, "{path}");
    }
    for app in ["..", "%2e%2e", "..%2f..", "-x", "com.example.app%2f..%2f.."] {
        let response = server.send(
            "PUT",
            &format!("/upload/{app}"),
            &[("authorization", &server.key)],
            b"x",
        );
        assert!((400..500).contains(&response.status), "{app}: {response:?}");
    }
    assert_eq!(files(&server).len(), 1);
}

#[test]
fn concurrent_uploads_of_one_archive_are_one_file_and_new_once() {
    let server = TestServer::start();
    let bytes = vec![5; 200_000];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..8).map(|_| scope.spawn(|| put(&server, &bytes).status)).collect();
        uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
    });
    assert_eq!(files(&server).len(), 1);
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        1,
        "{statuses:?}"
    );
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)));
    let url = server.upload(&bytes)["url"].as_str().unwrap().to_owned();
    assert_eq!(get(&server, &url, &[]).body, bytes);
}

fn put(server: &TestServer, bytes: &[u8]) -> Response {
    server.send(
        "PUT",
        &format!("/upload/{APP}"),
        &[("authorization", &server.key)],
        bytes,
    )
}

/// Deletes an upload. Returns the status and the error code.
fn delete_upload(server: &TestServer, key: &str, name: &str) -> (u16, String) {
    let response = server.send(
        "DELETE",
        &format!("/upload/{APP}/{name}"),
        &[("authorization", key)],
        b"",
    );
    (
        response.status,
        response.json()["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn an_unregistered_upload_is_deleted() {
    let server = TestServer::start();
    let upload = server.upload(b"archive");
    let name = format!("{}.zip", upload["sha256"].as_str().unwrap());
    let done = (200, String::new());
    assert_eq!(delete_upload(&server, &server.key, &name), done);
    assert!(files(&server).is_empty());
    // Idempotent.
    assert_eq!(delete_upload(&server, &server.key, &name), done);
    let body = json!({"app_id": APP, "version": "1.0.0", "external_url": upload["url"], "checksum": upload["sha256"]});
    assert_eq!(server.error_code("POST", "/bundle", &body), "cannot_create_bundle");
}

#[test]
fn an_archive_that_a_bundle_references_is_not_deleted() {
    let server = TestServer::start();
    server.publish("1.0.0");
    let digest = Sha256Digest::of(b"the archive of 1.0.0");
    let name = format!("{digest}.zip");
    let rejected = (400, "cannot_delete_upload".to_owned());
    assert_eq!(delete_upload(&server, &server.key, &name), rejected);
    assert_eq!(files(&server).len(), 1);
    let (status, _) = server.api("DELETE", "/bundle", &json!({"app_id": APP, "version": "1.0.0"}));
    assert_eq!((status, files(&server).len()), (200, 0));
}

#[test]
fn only_publishers_of_the_app_delete_uploads() {
    let server = TestServer::start();
    let name = format!("{}.zip", server.upload(b"archive")["sha256"].as_str().unwrap());
    for (key, status) in [
        (String::new(), 401),
        (server.limited_key(&[APP], false), 403),
        (server.limited_key(&["com.example.other"], true), 403),
    ] {
        assert_eq!(delete_upload(&server, &key, &name).0, status);
    }
    for name in ["app.zip", "..%2f..%2fcapbundle.sqlite", &name.to_uppercase()] {
        assert_eq!(delete_upload(&server, &server.key, name).1, "invalid_name", "{name}");
    }
    assert_eq!(files(&server).len(), 1);
    assert_eq!(delete_upload(&server, &server.limited_key(&[APP], true), &name).0, 200);
}

#[test]
fn when_registration_and_deletion_race_exactly_one_succeeds() {
    let server = TestServer::start();
    for number in 0..20 {
        let bytes = format!("archive {number}").into_bytes();
        let upload = server.upload(&bytes);
        let name = format!("{}.zip", upload["sha256"].as_str().unwrap());
        let version = format!("1.0.{number}");
        let body =
            json!({"app_id": APP, "version": version, "external_url": upload["url"], "checksum": upload["sha256"]});
        let (registered, deleted) = std::thread::scope(|scope| {
            let registering = scope.spawn(|| server.api("POST", "/bundle", &body).0 == 200);
            let deleting = scope.spawn(|| delete_upload(&server, &server.key, &name).0 == 200);
            (registering.join().unwrap(), deleting.join().unwrap())
        });
        let exists = get(&server, upload["url"].as_str().unwrap(), &[]).status == 200;
        assert_eq!((registered, deleted), (exists, !exists), "{version}");
    }
}

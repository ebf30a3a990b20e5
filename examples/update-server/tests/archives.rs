//! Archives: taken whole or not at all, served whole or in part.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod running;

use std::io::Write as _;
use std::net::Shutdown;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use capbundle::digest::Sha256Digest;
use running::{APP, Reply, Running, connect, receive};
use serde_json::json;

/// Every file under the folders of archives, whole and coming.
fn files(server: &Running) -> Vec<PathBuf> {
    let list = |folder: &str| {
        let folder = server.folder.path().join(folder);
        std::fs::read_dir(folder).map_or_else(
            |_| Vec::new(),
            |entries| entries.map(|entry| entry.unwrap().path()).collect(),
        )
    };
    [list(&format!("bundles/{APP}")), list("incoming")].concat()
}

fn get(server: &Running, url: &str, headers: &[(&str, &str)]) -> Reply {
    server.send("GET", url.strip_prefix(&server.url()).unwrap(), headers, b"")
}

#[test]
fn an_archive_comes_back_whole_with_its_headers() {
    let server = Running::start();
    let bytes: Vec<u8> = (0..300_000_u32)
        .map(|number| u8::try_from(number % 251).unwrap())
        .collect();
    let upload = server.upload(&bytes);
    let digest = Sha256Digest::of(&bytes).to_string();
    assert_eq!((&upload["sha256"], &upload["size"]), (&json!(digest), &json!(300_000)));
    let url = upload["url"].as_str().unwrap();
    let reply = get(&server, url, &[("origin", "capacitor://localhost")]);
    assert_eq!((reply.status, &reply.body), (200, &bytes));
    assert_eq!(reply.header("content-type"), Some("application/zip"));
    assert_eq!(reply.header("etag"), Some(format!("\"{digest}\"").as_str()));
    assert_eq!(reply.header("accept-ranges"), Some("bytes"));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert!(
        reply
            .header("access-control-expose-headers")
            .unwrap()
            .contains("Content-Range")
    );
    assert!(reply.header("cache-control").unwrap().contains("immutable"));
    let head = server.send("HEAD", url.strip_prefix(&server.url()).unwrap(), &[], b"");
    assert_eq!(
        (head.status, head.header("content-length"), head.body.len()),
        (200, Some("300000"), 0)
    );
}

#[test]
fn a_part_is_served_only_of_the_same_archive() {
    let server = Running::start();
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
fn web_views_may_ask_first() {
    let server = Running::start();
    for path in ["/updates", "/channel_self", "/stats"] {
        let reply = server.send("OPTIONS", path, &[("origin", "capacitor://localhost")], b"");
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin")),
            (204, Some("*")),
            "{path}"
        );
    }
    let publishers = server.send("OPTIONS", "/bundle", &[("origin", "https://evil.example")], b"");
    assert_eq!(publishers.header("access-control-allow-origin"), None);
}

#[test]
fn a_form_is_taken_as_curl_sends_it() {
    let server = Running::start();
    let form = "--edge\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nhello\r\n\
                --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"app.zip\"\r\n\
                content-type: application/zip\r\n\r\narchive\r\n--edge--\r\n";
    let headers = [
        ("authorization", server.key.as_str()),
        ("content-type", "multipart/form-data; boundary=edge"),
    ];
    let reply = server.send("POST", &format!("/upload/{APP}"), &headers, form.as_bytes());
    assert_eq!(
        (reply.status, &reply.json()["sha256"]),
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
fn a_half_upload_is_never_served_and_leaves_nothing() {
    let server = Running::start();
    server.upload(b"whole");
    let digest = Sha256Digest::of(b"first half, second half");
    let mut stream = connect(server.address);
    let head = format!(
        "PUT /upload/{APP} HTTP/1.1\r\nhost: x\r\nauthorization: {}\r\nx-checksum-sha256: {digest}\r\ncontent-length: 23\r\n\r\nfirst half,",
        server.key
    );
    stream.write_all(head.as_bytes()).unwrap();
    let coming = || {
        files(&server)
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "part"))
            .count()
    };
    wait_until(|| coming() == 1);
    assert_eq!(
        server
            .send("GET", &format!("/bundles/{APP}/{digest}.zip"), &[], b"")
            .status,
        404
    );
    stream.shutdown(Shutdown::Both).unwrap();
    wait_until(|| coming() == 0);
    assert_eq!(files(&server).len(), 1);
    assert_eq!(
        server
            .send("GET", &format!("/bundles/{APP}/{digest}.zip"), &[], b"")
            .status,
        404
    );
}

/// Waits for what another thread is about to do; a minute means never.
fn wait_until(done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn an_upload_that_breaks_off_in_chunks_is_refused() {
    let server = Running::start();
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
fn an_archive_that_is_not_the_expected_one_is_refused() {
    let server = Running::start();
    let wrong = "0".repeat(64);
    let headers = [("authorization", server.key.as_str()), ("x-checksum-sha256", &wrong)];
    let reply = server.send("PUT", &format!("/upload/{APP}"), &headers, b"archive");
    assert_eq!(
        (reply.status, &reply.json()["error"]),
        (400, &json!("checksum_mismatch"))
    );
    let empty = server.send("PUT", &format!("/upload/{APP}"), &headers[..1], b"");
    assert_eq!((empty.status, &empty.json()["error"]), (400, &json!("missing_file")));
    assert!(files(&server).is_empty());
}

#[test]
fn an_archive_over_the_limit_is_refused_declared_or_not() {
    let server = Running::start_with(|config| config.limits.upload_bytes = 1000);
    let reply = server.send(
        "PUT",
        &format!("/upload/{APP}"),
        &[("authorization", &server.key)],
        &[7; 1001],
    );
    assert_eq!(
        (reply.status, &reply.json()["error"]),
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
fn no_path_leads_out_of_the_folder() {
    let server = Running::start();
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
        let reply = server.send(
            "PUT",
            &format!("/upload/{app}"),
            &[("authorization", &server.key)],
            b"x",
        );
        assert!((400..500).contains(&reply.status), "{app}: {reply:?}");
    }
    assert_eq!(files(&server).len(), 1);
}

#[test]
fn the_same_archive_from_many_at_once_is_one_file_and_new_once() {
    let server = Running::start();
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

fn put(server: &Running, bytes: &[u8]) -> Reply {
    server.send(
        "PUT",
        &format!("/upload/{APP}"),
        &[("authorization", &server.key)],
        bytes,
    )
}

/// Takes an upload back; gives the status and the code of a refusal.
fn take_back(server: &Running, key: &str, name: &str) -> (u16, String) {
    let reply = server.send(
        "DELETE",
        &format!("/upload/{APP}/{name}"),
        &[("authorization", key)],
        b"",
    );
    (
        reply.status,
        reply.json()["error"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn an_upload_that_nobody_registered_is_taken_back() {
    let server = Running::start();
    let upload = server.upload(b"archive");
    let name = format!("{}.zip", upload["sha256"].as_str().unwrap());
    let done = (200, String::new());
    assert_eq!(take_back(&server, &server.key, &name), done);
    assert!(files(&server).is_empty());
    // Twice is the same as once.
    assert_eq!(take_back(&server, &server.key, &name), done);
    let body = json!({"app_id": APP, "version": "1.0.0", "external_url": upload["url"], "checksum": upload["sha256"]});
    assert_eq!(server.refusal("POST", "/bundle", &body), "cannot_create_bundle");
}

#[test]
fn an_archive_that_a_bundle_needs_is_not_taken_back() {
    let server = Running::start();
    server.publish("1.0.0");
    let digest = Sha256Digest::of(b"the archive of 1.0.0");
    let name = format!("{digest}.zip");
    let refused = (400, "cannot_delete_upload".to_owned());
    assert_eq!(take_back(&server, &server.key, &name), refused);
    assert_eq!(files(&server).len(), 1);
    let (status, _) = server.api("DELETE", "/bundle", &json!({"app_id": APP, "version": "1.0.0"}));
    assert_eq!((status, files(&server).len()), (200, 0));
}

#[test]
fn only_publishers_of_the_app_take_uploads_back() {
    let server = Running::start();
    let name = format!("{}.zip", server.upload(b"archive")["sha256"].as_str().unwrap());
    for (key, status) in [
        (String::new(), 401),
        (server.limited_key(&[APP], false), 403),
        (server.limited_key(&["com.example.other"], true), 403),
    ] {
        assert_eq!(take_back(&server, &key, &name).0, status);
    }
    for name in ["app.zip", "..%2f..%2fcapbundle.sqlite", &name.to_uppercase()] {
        assert_eq!(take_back(&server, &server.key, name).1, "invalid_name", "{name}");
    }
    assert_eq!(files(&server).len(), 1);
    assert_eq!(take_back(&server, &server.limited_key(&[APP], true), &name).0, 200);
}

#[test]
fn of_registering_and_taking_back_at_once_one_wins_whole() {
    let server = Running::start();
    for number in 0..20 {
        let bytes = format!("archive {number}").into_bytes();
        let upload = server.upload(&bytes);
        let name = format!("{}.zip", upload["sha256"].as_str().unwrap());
        let version = format!("1.0.{number}");
        let body =
            json!({"app_id": APP, "version": version, "external_url": upload["url"], "checksum": upload["sha256"]});
        let (registered, taken) = std::thread::scope(|scope| {
            let registering = scope.spawn(|| server.api("POST", "/bundle", &body).0 == 200);
            let taking = scope.spawn(|| take_back(&server, &server.key, &name).0 == 200);
            (registering.join().unwrap(), taking.join().unwrap())
        });
        let there = get(&server, upload["url"].as_str().unwrap(), &[]).status == 200;
        assert_eq!((registered, taken), (there, !there), "{version}");
    }
}

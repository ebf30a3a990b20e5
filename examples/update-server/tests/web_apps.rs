//! Web apps: pages of another origin request updates and download archives, as browsers permit it (Fetch standard, CORS).

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use crate::test_server::{APP, Response, TestServer, request, send};

const ORIGIN: &str = "https://app.example.com";
/// The methods that need no preflight.
const SAFE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

/// The response, which a page may read only if the server allows its origin.
fn readable(response: Response) -> Response {
    let allowed = response.header("access-control-allow-origin");
    assert!(
        allowed == Some("*") || allowed == Some(ORIGIN),
        "the page cannot read it: {response:?}"
    );
    response
}

/// Sends a request as a browser does for a page of [`ORIGIN`], with a preflight if the standard requires one.
fn fetch(server: &TestServer, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let unsafe_names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    if !SAFE_METHODS.contains(&method) || !unsafe_names.is_empty() {
        let names = unsafe_names.join(",");
        let preflight_headers = [
            ("origin", ORIGIN),
            ("access-control-request-method", method),
            ("access-control-request-headers", names.as_str()),
        ];
        let preflight = readable(send(server.address, "OPTIONS", path, &preflight_headers, b""));
        assert!((200..300).contains(&preflight.status), "{preflight:?}");
        let list = |name: &str| preflight.header(name).unwrap_or_default().to_ascii_lowercase();
        let has = |list: &str, wanted: &str| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted));
        assert!(
            SAFE_METHODS.contains(&method) || has(&list("access-control-allow-methods"), method),
            "{method}"
        );
        for name in unsafe_names {
            assert!(has(&list("access-control-allow-headers"), name), "{name}");
        }
    }
    let headers = [&[("origin", ORIGIN)], headers].concat();
    readable(send(server.address, method, path, &headers, body))
}

#[test]
fn a_page_requests_an_update_and_downloads_it_whole_and_in_ranges() {
    let server = TestServer::start();
    server.promote(server.publish("2.0.0"));
    let json = [("content-type", "application/json")];
    let offer = fetch(&server, "POST", "/updates", &json, request().to_string().as_bytes()).json();
    let url = offer["url"]
        .as_str()
        .unwrap()
        .strip_prefix(&server.url())
        .unwrap()
        .to_owned();
    let whole = fetch(&server, "GET", &url, &[], b"");
    assert_eq!(whole.body, b"the archive of 2.0.0");
    let etag = whole.header("etag").unwrap().to_owned();
    let part = fetch(
        &server,
        "GET",
        &url,
        &[("range", "bytes=4-10"), ("if-range", &etag)],
        b"",
    );
    assert_eq!((part.status, part.body.as_slice()), (206, &b"archive"[..]));
    // A page can read only the exposed headers.
    let exposed = part
        .header("access-control-expose-headers")
        .unwrap()
        .to_ascii_lowercase();
    for name in [
        "content-range",
        "content-length",
        "etag",
        "accept-ranges",
        "retry-after",
    ] {
        assert!(exposed.contains(name), "{name}");
    }
}

#[test]
fn a_page_reports_events_and_chooses_its_channel() {
    let server = TestServer::start();
    server.publish("1.0.0");
    server.set_channel("beta", &serde_json::json!({"allow_device_self_set": true}));
    let json = [("content-type", "application/json")];
    let mut body = request();
    body["action"] = "set".into();
    assert_eq!(
        fetch(&server, "POST", "/stats", &json, body.to_string().as_bytes()).status,
        200
    );
    body["channel"] = "beta".into();
    for method in ["POST", "PUT", "DELETE"] {
        let device = body["device_id"].as_str().unwrap();
        let path = format!("/channel_self?app_id={APP}&device_id={device}&platform=android");
        assert_eq!(
            fetch(&server, method, &path, &json, body.to_string().as_bytes()).status,
            200,
            "{method}"
        );
    }
}

#[test]
fn a_page_can_read_error_responses() {
    let server = TestServer::start_with(|config| config.limits.per_address = 2);
    let body = request().to_string();
    let post = || fetch(&server, "POST", "/updates", &[], body.as_bytes());
    let [_, _, rejected] = [post(), post(), post()];
    assert_eq!(
        (rejected.status, rejected.json()["error"].as_str()),
        (429, Some("too_many_requests"))
    );
    let missing = fetch(
        &TestServer::start(),
        "GET",
        &format!("/bundles/{APP}/{}.zip", "0".repeat(64)),
        &[],
        b"",
    );
    assert_eq!(missing.status, 404);
}

#[test]
fn routes_for_publishers_are_not_open_to_pages() {
    let server = TestServer::start();
    for (method, path) in [
        ("GET", "/bundle"),
        ("GET", "/channel"),
        ("PUT", "/upload/com.example.app"),
        ("OPTIONS", "/bundle"),
    ] {
        let response = send(server.address, method, path, &[("origin", ORIGIN)], b"");
        assert_eq!(response.header("access-control-allow-origin"), None, "{method} {path}");
    }
}

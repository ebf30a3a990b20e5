//! Manifests: the single files of bundles.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::path::PathBuf;

use crate::test_server::{APP, CHECKSUM, TestServer};
use capbundle::digest::Sha256Digest;
use serde_json::{Value, json};

/// Uploads a file of a manifest. Returns its URL.
fn upload(server: &TestServer, bytes: &[u8]) -> String {
    let path = format!("/upload/{APP}/{}.bin", Sha256Digest::of(bytes));
    let response = server.send("PUT", &path, &[("authorization", &server.key)], bytes);
    assert!(response.status < 300, "{response:?}");
    response.json()["url"].as_str().unwrap().to_owned()
}

fn entry(name: &str, bytes: &[u8], url: &str) -> Value {
    json!({
        "file_name": name, "file_hash": Sha256Digest::of(bytes).to_string(), "download_url": url, "file_size": bytes.len(),
    })
}

fn put_manifest(server: &TestServer, entries: &Value) -> (u16, Value) {
    let path = format!("/upload/{APP}/manifest.json");
    let body = entries.to_string();
    let response = server.send("PUT", &path, &[("authorization", &server.key)], body.as_bytes());
    (response.status, response.json())
}

fn register(server: &TestServer, version: &str, manifest: Option<&Value>) -> (u16, Value) {
    let mut body = json!({
        "app_id": APP, "version": version, "external_url": "https://404.capgo.app/no.zip", "checksum": CHECKSUM,
    });
    if let Some(digest) = manifest {
        body["manifest_sha256"] = digest.clone();
    }
    server.api("POST", "/bundle", &body)
}

fn stored(server: &TestServer, bytes: &[u8]) -> PathBuf {
    let name = format!("bundles/{APP}/{}.bin", Sha256Digest::of(bytes));
    server.folder.path().join(name)
}

/// Registers a version with one file.
fn publish(server: &TestServer, version: &str, name: &str, bytes: &[u8]) {
    let url = upload(server, bytes);
    let (status, answer) = put_manifest(server, &json!([entry(name, bytes, &url)]));
    assert!(status < 300, "{answer}");
    let (status, answer) = register(server, version, Some(&answer["sha256"]));
    assert_eq!(status, 200, "{answer}");
}

#[test]
fn files_are_served_and_may_be_empty() {
    let server = TestServer::start();
    for bytes in [&b"content"[..], b""] {
        let url = upload(&server, bytes);
        let response = server.send("GET", url.strip_prefix(&server.url()).unwrap(), &[], b"");
        assert_eq!((response.status, response.body.as_slice()), (200, bytes));
        assert_eq!(response.header("content-type"), Some("application/octet-stream"));
    }
}

#[test]
fn a_manifest_with_a_missing_file_is_refused_and_leaves_nothing() {
    let server = TestServer::start();
    let url = upload(&server, b"one");
    let missing = url.replace(
        &Sha256Digest::of(b"one").to_string(),
        &Sha256Digest::of(b"two").to_string(),
    );
    let entries = json!([entry("a", b"one", &url), entry("b", b"two", &missing)]);
    let (status, answer) = put_manifest(&server, &entries);
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_manifest")));
    let deleted = server.send(
        "DELETE",
        url.strip_prefix(&server.url())
            .unwrap()
            .replace("/bundles/", "/upload/")
            .as_str(),
        &[("authorization", &server.key)],
        b"",
    );
    assert_eq!(deleted.status, 200, "{deleted:?}");
    assert!(!stored(&server, b"one").exists());
}

#[test]
fn unsafe_and_duplicate_names_and_bad_hashes_are_refused() {
    let server = TestServer::start();
    let url = upload(&server, b"one");
    let external = "https://cdn.example.com/a";
    let long = format!("{url}x");
    let bad = [
        json!([]),
        json!([entry("../a", b"one", &url)]),
        json!([entry("/a", b"one", &url)]),
        json!([entry(".br", b"one", &url)]),
        json!([entry("a", b"one", &url), entry("a.br", b"one", &url)]),
        json!([{ "file_name": "a", "file_hash": "00", "download_url": external }]),
        json!([entry("a", b"one", "http://cdn.example.com/a")]),
        json!([entry("a", b"one", &long)]),
        json!({}),
    ];
    for entries in bad {
        let (status, answer) = put_manifest(&server, &entries);
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_manifest")),
            "{entries}"
        );
    }
    let (status, answer) = put_manifest(&server, &json!([entry("a", b"one", external)]));
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn files_are_kept_while_a_bundle_has_them_and_removed_with_the_last() {
    let server = TestServer::start();
    publish(&server, "1.0.0", "a.js", b"shared");
    publish(&server, "1.0.1", "b.js", b"shared");
    let path = format!("/upload/{APP}/{}.bin", Sha256Digest::of(b"shared"));
    assert_eq!(server.error_code("DELETE", &path, &Value::Null), "cannot_delete_upload");
    for (version, exists) in [("1.0.0", true), ("1.0.1", false)] {
        let (status, answer) = server.api("DELETE", "/bundle", &json!({ "app_id": APP, "version": version }));
        assert_eq!(status, 200, "{answer}");
        assert_eq!(stored(&server, b"shared").exists(), exists, "{version}");
    }
}

#[test]
fn a_publisher_learns_which_files_are_stored() {
    let server = TestServer::start();
    publish(&server, "1.0.0", "a.js", b"known");
    let (known, other) = (
        Sha256Digest::of(b"known").to_string(),
        Sha256Digest::of(b"other").to_string(),
    );
    let request = json!({ "app_id": APP, "sha256": [known, other] });
    let (status, answer) = server.api("POST", "/bundle/files", &request);
    assert_eq!(status, 200, "{answer}");
    let url = format!("{}/bundles/{APP}/{known}.bin", server.url());
    assert_eq!(answer["known"], json!({ known: url }));
}

#[test]
fn the_size_of_a_download_is_known() {
    let server = TestServer::start();
    publish(&server, "1.0.0", "a.js", b"12345");
    let file = entry("a.js", b"12345", "https://any.example/a");
    let other = json!({ "file_name": "b.js", "file_hash": "00", "download_url": null });
    let request = json!({ "app_id": APP, "version": "1.0.0", "manifest": [file, other] });
    let (status, answer) = server.device("POST", "/updates/manifest_size", &request);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        (&answer["totalSize"], &answer["knownFiles"], &answer["unknownFiles"]),
        (&json!(5), &json!(1), &json!(1))
    );
    assert_eq!(
        (&answer["files"][0]["size"], &answer["files"][1]["error"]),
        (&json!(5), &json!("size_not_found"))
    );
}

#[test]
fn a_bundle_without_an_archive_needs_a_manifest_that_exists() {
    let server = TestServer::start();
    let (_, answer) = register(&server, "1.0.0", None);
    assert_eq!(answer["code"], "missing_manifest", "{answer}");
    let (_, answer) = register(&server, "1.0.0", Some(&json!(CHECKSUM)));
    assert_eq!(answer["code"], "invalid_manifest", "{answer}");
}

//! `--verify-external`: an external archive is downloaded and verified before it is registered, and the download gives clients no
//! access to the server's network.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::test_server::https::{Https, certificate};
use crate::test_server::{APP, TestServer};
use capbundle::capgo::ChecksumForm;
use capbundle::capgo::{Encrypted, Encryption, encrypt};
use capbundle::digest::Sha256Digest;
use capbundle::keys::{KeyBits, SigningKey};
use capbundle::progress::Control;
use capbundle_update_server::{AppRules, Config, Error, Server, create_app};
use serde_json::{Value, json};

const ARCHIVE: &[u8] = b"the archive";

fn verifying(config: &mut Config) {
    config.verify_external = true;
    config.verify_ca_file = Some(certificate());
    config.allow_verify_from = vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
}

fn bundle(url: &str) -> Value {
    json!({"app_id": APP, "version": "1.0.0", "external_url": url, "checksum": Sha256Digest::of(ARCHIVE).to_string()})
}

/// The code and the message of an error.
fn rejected(server: &TestServer, body: &Value) -> (String, String) {
    let (status, answer) = server.api("POST", "/bundle", body);
    assert_eq!(status, 400, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

fn assert_cannot_verify(server: &TestServer, url: &str, reason: &str) {
    let (code, message) = rejected(server, &bundle(url));
    assert_eq!(code, "cannot_verify_bundle", "{url}: {message}");
    assert!(message.contains(reason), "{url}: {message}");
}

fn registered(server: &TestServer) -> usize {
    let (status, answer) = server.api("GET", &format!("/bundle?app_id={APP}"), &Value::Null);
    if status == 200 {
        answer["data"].as_array().unwrap().len()
    } else {
        0
    }
}

#[test]
fn the_archive_is_verified_before_it_is_registered() {
    let server = TestServer::start_with(verifying);
    let other = Https::with_file(b"another archive");
    let (code, message) = rejected(&server, &bundle(&other.url("/a.zip")));
    assert_eq!(code, "checksum_mismatch");
    assert!(
        message.contains(&Sha256Digest::of(b"another archive").to_string()),
        "{message}"
    );
    assert_eq!(registered(&server), 0);
    let archives = Https::with_file(ARCHIVE);
    let (status, answer) = server.api("POST", "/bundle", &bundle(&archives.url("/a.zip?signature=s")));
    assert_eq!((status, &answer["bundle"]["size"]), (200, &json!(11)), "{answer}");
    // A bundle that cannot be registered is not downloaded.
    assert_eq!(
        server.error_code("POST", "/bundle", &bundle(&archives.url("/a.zip"))),
        "version_already_exists"
    );
    assert_eq!(archives.connections(), 1);
}

#[test]
fn an_address_that_is_not_public_is_never_connected_to() {
    let archives = Https::with_file(ARCHIVE);
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.allow_verify_from = vec!["10.0.0.0/8".parse().unwrap()];
    });
    let port = archives.address.port();
    let hosts = [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
    ];
    for host in hosts {
        assert_cannot_verify(&server, &format!("https://{host}:{port}/a.zip"), "not public");
    }
    assert_cannot_verify(&server, &format!("https://user@127.0.0.1:{port}/"), "user name");
    assert_eq!(archives.connections(), 0);
}

#[test]
fn a_redirect_is_checked_like_the_first_url() {
    let archives = Https::with_file(ARCHIVE);
    let to = archives.url("/a.zip");
    let from = Https::start(move |path, out| {
        let to = match path {
            "/good" => to.clone(),
            "/loop" => "/loop".to_owned(),
            "/plain" => to.replace("https", "http"),
            "/metadata" => "https://169.254.169.254/latest/meta-data".to_owned(),
            "/nowhere" => return write!(out, "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n"),
            _ => return write!(out, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        };
        write!(out, "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
    });
    let server = TestServer::start_with(verifying);
    for (path, reason) in [
        ("/metadata", "not public"),
        ("/plain", "expected an https URL"),
        ("/loop", "redirects"),
        ("/nowhere", "no valid Location"),
        ("/missing", "404"),
    ] {
        assert_cannot_verify(&server, &from.url(path), reason);
    }
    assert_eq!(archives.connections(), 0);
    assert_eq!(server.api("POST", "/bundle", &bundle(&from.url("/good"))).0, 200);
}

#[test]
fn an_untrusted_certificate_is_rejected() {
    let archives = Https::with_file(ARCHIVE);
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.verify_ca_file = None;
    });
    assert_cannot_verify(&server, &archives.url("/a.zip"), "TLS");
}

#[test]
fn the_size_and_time_of_a_download_are_limited() {
    let endless = Https::start(|path, out| {
        write!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            if path == "/drip" {
                // The size of the chunk never ends.
                write!(out, "0")?;
                out.flush()?;
                std::thread::sleep(Duration::from_millis(20));
            } else {
                write!(out, "400\r\n{}\r\n", "x".repeat(1024))?;
            }
        }
    });
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.limits.upload_bytes = 100_000;
        config.limits.verify_timeout = Duration::from_secs(2);
    });
    assert_cannot_verify(&server, &endless.url("/flood"), "more than 100000 bytes");
    let started = Instant::now();
    let (code, _) = rejected(&server, &bundle(&endless.url("/drip")));
    assert_eq!(code, "cannot_verify_bundle");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
}

#[test]
fn a_download_does_not_block_other_requests() {
    let reached = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reached);
    let slow = Https::start(move |_, out| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(3));
        write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", ARCHIVE.len())?;
        out.write_all(ARCHIVE)
    });
    let server = TestServer::start_with(|config| {
        verifying(config);
        // Only one request is processed at once, and the download takes longer than a request may.
        config.limits.concurrent = 1;
        config.limits.timeout = Duration::from_secs(1);
    });
    std::thread::scope(|scope| {
        let registering = scope.spawn(|| server.api("POST", "/bundle", &bundle(&slow.url("/a.zip"))).0);
        while reached.load(Ordering::Relaxed) == 0 {
            assert!(!registering.is_finished());
            std::thread::yield_now();
        }
        assert_eq!(server.send("GET", "/updates", &[], b"").status, 200);
        assert!(
            !registering.is_finished(),
            "the request was answered during the download"
        );
        assert_eq!(registering.join().unwrap(), 200);
    });
}

#[test]
fn an_app_overrides_the_setting_of_the_server() {
    let other = Https::with_file(b"another archive");
    let body = bundle(&other.url("/a.zip"));
    let rules = |verify_external| AppRules {
        verify_external,
        ..AppRules::default()
    };
    let relaxed = TestServer::start_with(|config| {
        verifying(config);
        config.verify_external = false;
    });
    create_app(relaxed.folder.path(), APP, &rules(Some(true))).unwrap();
    assert_eq!(relaxed.error_code("POST", "/bundle", &body), "checksum_mismatch");
    create_app(relaxed.folder.path(), APP, &rules(None)).unwrap();
    assert_eq!(relaxed.api("POST", "/bundle", &body).0, 200);
    let strict = TestServer::start_with(verifying);
    create_app(strict.folder.path(), APP, &rules(Some(false))).unwrap();
    assert_eq!(strict.api("POST", "/bundle", &body).0, 200);
}

/// A key and an archive that is encrypted with it.
fn encrypted(folder: &std::path::Path) -> (SigningKey, Encrypted, Vec<u8>) {
    let key = SigningKey::generate(KeyBits::B2048).unwrap();
    let (plain, to) = (folder.join("plain.zip"), folder.join("sealed.zip"));
    std::fs::write(&plain, ARCHIVE).unwrap();
    let sealed = encrypt(
        &plain,
        &to,
        &Encryption {
            expected: &Sha256Digest::of(ARCHIVE),
            key: &key,
            form: ChecksumForm::V3,
        },
        &Control::new(),
    )
    .unwrap();
    (key, sealed, std::fs::read(to).unwrap())
}

#[test]
fn an_encrypted_bundle_is_verified_only_with_the_key_of_the_app() {
    let folder = tempfile::tempdir().unwrap();
    let (key, sealed, bytes) = encrypted(folder.path());
    let archives = Https::with_file(&bytes);
    let plain = Https::with_file(ARCHIVE);
    let server = TestServer::start_with(verifying);
    let body = |url: String| {
        json!({"app_id": APP, "version": "1.0.0", "external_url": url, "checksum": sealed.checksum.to_string(),
               "session_key": sealed.iv_session_key.to_string()})
    };
    let right = body(archives.url("/a.zip"));
    assert_eq!(server.error_code("POST", "/bundle", &right), "not_verifiable");
    assert_eq!(archives.connections(), 0);
    let public = key.verifying_key().to_pem();
    let rules = |public_key: String| AppRules {
        public_key: Some(public_key),
        ..AppRules::default()
    };
    let wrong = SigningKey::generate(KeyBits::B2048).unwrap().verifying_key().to_pem();
    create_app(server.folder.path(), APP, &rules(wrong)).unwrap();
    assert_eq!(server.error_code("POST", "/bundle", &right), "checksum_mismatch");
    create_app(server.folder.path(), APP, &rules(public)).unwrap();
    assert_eq!(
        server.error_code("POST", "/bundle", &body(plain.url("/a.zip"))),
        "checksum_mismatch"
    );
    let (status, answer) = server.api("POST", "/bundle", &right);
    assert_eq!(
        (status, &answer["bundle"]["size"]),
        (200, &json!(sealed.size)),
        "{answer}"
    );
    let left = std::fs::read_dir(server.folder.path().join("incoming"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "the downloaded archive is removed");
}

#[test]
fn invalid_settings_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::loopback(folder.path());
    config.verify_ca_file = Some(folder.path().join("none.pem"));
    assert!(matches!(
        Server::start(config),
        Err(Error::InvalidSetting {
            setting: "--verify-ca-file",
            ..
        })
    ));
    let rules = AppRules {
        public_key: Some("not-a-key".to_owned()),
        ..AppRules::default()
    };
    assert!(matches!(
        create_app(folder.path(), APP, &rules),
        Err(Error::InvalidSetting {
            setting: "--public-key",
            ..
        })
    ));
}

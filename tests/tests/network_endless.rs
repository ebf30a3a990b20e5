//! Servers whose responses are endless outside of the body: trailers, chunk sizes, chunk extensions, headers and
//! interim responses.
//!
//! Every call is aborted after a bounded time and number of bytes, and the next call succeeds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::time::{Duration, Instant};

use capbundle::ChannelName;
use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Download, DownloadOptions, Remote, download};
use capbundle::http::{Http, Url};
use capbundle::progress::Control;
use capbundle::update::channel::Site;
use capbundle::{AppId, ErrorKind};
use capbundle_publish::http_upload::{HttpUpload, HttpUploadOptions, put};
use capbundle_publish::site::verify::{VerifyOptions, verify};
use capbundle_publish::url_check::{Expected, UrlCheckOptions, check};
use capbundle_tests::rough_server::{RoughServer, contents};

const SIZE: usize = 20_000;
/// The part of the response that is endless, before or after the complete body.
const PARTS: [&str; 6] = ["interim", "header", "chunk-size", "extension", "trailer", "trailers"];
/// As fast as possible, and byte by byte.
const PACES: [&str; 2] = ["", "&pace=5"];
/// The most bytes that the server sends for one call: the limit of each attempt and the socket buffers. Without limits
/// they are gigabytes.
const MAX_BYTES: u64 = 200 << 20;
/// Well below the minute after which the server closes each connection.
const MAX_TIME: Duration = Duration::from_secs(40);
const STALL: Duration = Duration::from_millis(300);

/// Runs `call` with a URL for each endless part, and expects that it fails within the bounds.
fn assert_each_is_aborted(what: &str, mut call: impl FnMut(&Url, &str) -> Result<(), capbundle_publish::Error>) {
    for part in PARTS {
        for pace in PACES {
            let server = RoughServer::start();
            let name = format!("{what}_{part}{}", pace.len());
            // Without range support: otherwise the next attempt could complete a file whose body arrived.
            let words = format!("endless={part}{pace}&ranges=no");
            let url = server.url(&format!("{name}?size={SIZE}&{words}")).parse().unwrap();
            let started = Instant::now();
            let error = call(&url, &name).expect_err(&words);
            assert_eq!(error.kind(), ErrorKind::Network, "{words}: {error}");
            assert!(started.elapsed() < MAX_TIME, "{words}: {:?}", started.elapsed());
            assert!(server.sent() < MAX_BYTES, "{words}: {} bytes", server.sent());
        }
    }
}

fn options() -> DownloadOptions {
    let mut options = DownloadOptions::default();
    options.attempts = 2;
    options.first_wait = Duration::from_millis(2);
    options.stall_timeout = STALL;
    options.space_margin = 0;
    options
}

#[test]
fn an_endless_download_is_aborted_and_the_next_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let healthy = RoughServer::start();
    assert_each_is_aborted("download", |url, name| {
        let mut remote = Remote::new(url.clone());
        remote.digest = Some(Sha256Digest::of(&contents(name, SIZE)));
        let fetch = |remote: &Remote| {
            let wanted = Download {
                remote,
                folder: folder.path(),
                options: &options(),
            };
            download(&Http::new(), &wanted, &Control::new())
        };
        let error = fetch(&remote).map(drop).map_err(Into::into);
        remote.url = healthy.url(&format!("{name}?size={SIZE}")).parse().unwrap();
        let found = fetch(&remote).unwrap();
        assert!(found.verified);
        error
    });
}

#[test]
fn an_endless_url_check_is_aborted() {
    assert_each_is_aborted("check", |url, name| {
        let expected = Expected::of_digest(Sha256Digest::of(&contents(name, SIZE)));
        let mut options = UrlCheckOptions::new(expected);
        options.attempts = 2;
        options.first_wait = Duration::from_millis(2);
        options.stall_timeout = STALL;
        check(&Http::new(), url, &options, &Control::new()).map(drop)
    });
}

#[test]
fn an_endless_response_to_an_upload_is_aborted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.zip");
    fs::write(&file, b"the file").unwrap();
    assert_each_is_aborted("upload", |url, _| {
        let mut options = HttpUploadOptions::default();
        options.tries = 2;
        options.first_wait = Duration::from_millis(2);
        options.stall_timeout = STALL;
        options.answer_timeout = None;
        let upload = HttpUpload {
            url,
            file: &file,
            options: &options,
        };
        put(&Http::new(), &upload, &Control::new()).map(drop)
    });
}

#[test]
fn an_endless_site_verification_is_aborted() {
    let staging = tempfile::tempdir().unwrap();
    let app: AppId = "com.example.app".parse().unwrap();
    let channels: Vec<ChannelName> = vec!["production".parse().unwrap()];
    assert_each_is_aborted("site", |url, _| {
        let mut verifying = VerifyOptions::new(&app, &channels, staging.path().to_owned());
        verifying.download = options();
        let site = Site::new(url.clone());
        verify(&Http::new(), &site, &verifying, &Control::new()).map(drop)
    });
}

//! Downloads over real sockets from a faulty server, and the files that they leave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fs;
use std::time::{Duration, Instant};

use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::http::download::{Download, DownloadOptions, Downloaded, Remote, download};
use capbundle::progress::Control;
use capbundle::{ErrorKind, Result};
use capbundle_tests::rough_server::{RoughServer, contents};
use tempfile::TempDir;

const SIZE: usize = 300_000;

struct Device {
    server: RoughServer,
    http: Http,
    folder: TempDir,
    options: DownloadOptions,
}

impl Device {
    fn new() -> Self {
        let mut options = DownloadOptions::default();
        options.first_wait = Duration::from_millis(2);
        options.stall_timeout = Duration::from_millis(300);
        options.connect_timeout = Duration::from_secs(2);
        options.space_margin = 0;
        Self {
            server: RoughServer::start(),
            http: Http::new(),
            folder: tempfile::tempdir().unwrap(),
            options,
        }
    }

    fn remote(&self, name: &str, words: &str) -> Remote {
        let mut remote = Remote::new(self.server.url(&format!("{name}?size={SIZE}&{words}")).parse().unwrap());
        remote.digest = Some(Sha256Digest::of(&contents(name, SIZE)));
        remote
    }

    fn download(&self, remote: &Remote) -> Result<Downloaded> {
        let wanted = Download {
            remote,
            folder: self.folder.path(),
            options: &self.options,
        };
        download(&self.http, &wanted, &Control::new())
    }

    /// Expects the verified file, and no other file in the folder.
    fn expect_file(&self, remote: &Remote) -> Downloaded {
        let downloaded = self
            .download(remote)
            .unwrap_or_else(|error| panic!("{}: {error}", remote.url.as_str()));
        assert!(downloaded.verified);
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 1);
        downloaded
    }

    /// Expects an error of this kind, and that the next download without faults succeeds.
    fn expect_error(&self, name: &str, words: &str, kind: ErrorKind) -> String {
        let error = self.download(&self.remote(name, words)).unwrap_err();
        assert_eq!(error.kind(), kind, "{words}: {error}");
        let without_faults = self.remote(name, "");
        self.expect_file(&without_faults).remove().unwrap();
        error.to_string()
    }
}

#[test]
fn a_download_survives_every_temporary_fault() {
    let device = Device::new();
    let faults = [
        "",
        "cut=0",
        "cut=1",
        "cut=65536.1.2.3.4",
        "cut=299999",
        "cut=300000",
        "cut=100000&ranges=no",
        "cut=100000&ranges=wrong-start",
        "cut=100000&ranges=wrong-total",
        "cut=100000&ranges=unsaid",
        "cut=100000&early-416=1",
        "cut=100000&etag=weak",
        "cut=100000&etag=none",
        "cut=100000&etag=changing",
        "cut=100000&chunked=1",
        "chunked=1",
        "stall=0",
        "stall=100000.100000",
        "status=503",
        "status=500.502.503.504",
        "status=429&retry-after=0",
        "status=503&retry-after=Fri,%2013%20Nov%202020%2010:00:00%20GMT",
        "status=408.425",
        "html=2",
        "redirect=/elsewhere",
    ];
    for (number, words) in faults.iter().enumerate() {
        // The target of the redirect serves the same file.
        let name = if words.starts_with("redirect") {
            "elsewhere"
        } else {
            &format!("file{number}")
        };
        let words = words.replace("redirect=/elsewhere", &format!("redirect=/elsewhere?size={SIZE}"));
        device.expect_file(&device.remote(name, &words)).remove().unwrap();
    }
}

#[test]
fn a_download_resumes_wherever_the_connection_is_cut() {
    let device = Device::new();
    for cut in (0..SIZE).step_by(SIZE / 40) {
        let name = format!("cut{cut}");
        let downloaded = device.expect_file(&device.remote(&name, &format!("cut={cut}")));
        let received = downloaded.received;
        downloaded.remove().unwrap();
        assert!(
            received <= SIZE as u64,
            "received {received} bytes for a file of {SIZE}"
        );
        assert_eq!(device.server.requests(&name), 2);
    }
}

#[test]
fn with_half_of_all_connections_cut_45_megabytes_arrive_and_few_bytes_twice() {
    let mut device = Device::new();
    // The server generates the file before it responds, which takes a while on a busy machine.
    device.options.stall_timeout = Duration::from_secs(20);
    let (name, size) = ("large", 45 << 20);
    let mut remote = Remote::new(
        device
            .server
            .url(&format!("{name}?size={size}&cut-half=7"))
            .parse()
            .unwrap(),
    );
    remote.digest = Some(Sha256Digest::of(&contents(name, size)));
    let mut total = 0;
    for round in 0..8 {
        remote.url = device
            .server
            .url(&format!("{name}?size={size}&cut-half={round}"))
            .parse()
            .unwrap();
        let downloaded = device.download(&remote).unwrap();
        total += downloaded.received;
        downloaded.remove().unwrap();
    }
    let wanted = 8 * size as u64;
    println!(
        "measured {} bytes received for {wanted}, over {} connections",
        total,
        device.server.requests(name)
    );
    assert!(total * 100 <= wanted * 105, "received {total} bytes for {wanted}");
    assert!(device.server.requests(name) > 10, "no connection was cut");
}

#[test]
fn a_permanent_fault_ends_in_the_right_error() {
    let device = Device::new();
    let fails = |name, words, kind| device.expect_error(name, words, kind);
    fails("a", "status=404", ErrorKind::Server);
    fails("b", "status=403", ErrorKind::Server);
    fails("c", "status=503.503.503.503.503.503.503", ErrorKind::Server);
    fails("d", "status=429&retry-after=86400", ErrorKind::Server);
    fails("e", "cut=0.0.0.0.0.0.0", ErrorKind::Network);
    fails("f", "stall=0.0.0.0.0.0.0", ErrorKind::Network);
    fails("g", "loop=1", ErrorKind::Network);
    fails("h", "encoding=gzip", ErrorKind::Server);
    let page = fails("i", "html=9", ErrorKind::Server);
    assert!(page.contains("web page"), "{page}");
    fails("j", "redirect=http://192.0.2.1/app.zip", ErrorKind::NotTrusted);
}

#[test]
fn an_endless_file_is_aborted_at_the_size_limit() {
    let mut device = Device::new();
    device.options.max_size = 5 << 20;
    let message = device.expect_error("endless", "endless=1", ErrorKind::LimitExceeded);
    assert!(message.contains("5242880"), "{message}");
}

#[test]
fn a_stalled_connection_is_retried_after_the_timeout() {
    let device = Device::new();
    let started = Instant::now();
    device.expect_file(&device.remote("stalled", "stall=1000"));
    assert!(started.elapsed() >= device.options.stall_timeout);
}

#[test]
fn an_unreachable_server_is_a_network_error() {
    let device = Device::new();
    let mut remote = device.remote("x", "");
    // A port that was just released, so that nothing listens on it.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    remote.url = format!("http://127.0.0.1:{port}/x").parse().unwrap();
    assert_eq!(device.download(&remote).unwrap_err().kind(), ErrorKind::Network);
    remote.url = "https://unknown.invalid/x".parse().unwrap();
    assert_eq!(device.download(&remote).unwrap_err().kind(), ErrorKind::Network);
}

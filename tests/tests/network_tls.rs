//! Downloads from a real TLS server (`openssl s_server`) with trusted and untrusted certificates.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use capbundle::digest::Sha256Digest;
use capbundle::http::Http;
use capbundle::http::download::{Download, DownloadOptions, Downloaded, Remote, download};
use capbundle::progress::Control;
use capbundle::update::ask;
use capbundle::update::protocol::UpdateRequest;
use capbundle::{ErrorKind, Result};
use capbundle_tests::peers::run;
use capbundle_tests::skip::tool;
use tempfile::TempDir;

/// `openssl s_server` with a certificate for one address. Stopped on drop.
struct TlsServer {
    folder: TempDir,
    process: Child,
    port: u16,
}

impl TlsServer {
    fn start(address: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut request = Command::new(tool("openssl")?);
        request
            .current_dir(folder.path())
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        request.args([
            "-subj",
            "/CN=capbundle test",
            "-addext",
            &format!("subjectAltName=IP:{address}"),
        ]);
        request.args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ]);
        let _silent = run(&mut request).expect_success();
        fs::write(folder.path().join("app.zip"), b"the file").unwrap();
        let mut server = Command::new(tool("openssl")?);
        server
            .current_dir(folder.path())
            .args(["s_server", "-WWW", "-accept", "127.0.0.1:0"]);
        server
            .args(["-cert", "cert.pem", "-key", "key.pem"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = server.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned));
        let port = address
            .expect("openssl prints its port")
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        // Drains further output, so that the server does not block.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { folder, process, port })
    }

    fn download(&self, http: &Http, to: &Path) -> Result<Downloaded> {
        let mut remote = Remote::new(format!("https://127.0.0.1:{}/app.zip", self.port).parse().unwrap());
        remote.digest = Some(Sha256Digest::of(b"the file"));
        let wanted = Download {
            remote: &remote,
            folder: to,
            options: &DownloadOptions::default(),
        };
        download(http, &wanted, &Control::new())
    }

    fn trusting(&self) -> Http {
        Http::trusting_only(&fs::read_to_string(self.folder.path().join("cert.pem")).unwrap()).unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
fn only_a_trusted_certificate_allows_the_download() {
    let Some(server) = TlsServer::start("127.0.0.1") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let error = server.download(&Http::new(), folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted, "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");

    assert!(server.download(&server.trusting(), folder.path()).unwrap().verified);
}

#[test]
fn an_update_request_needs_a_trusted_certificate() {
    let Some(server) = TlsServer::start("127.0.0.1") else {
        return;
    };
    let url = format!("https://127.0.0.1:{}/updates", server.port).parse().unwrap();
    let error = ask(&Http::new(), &url, &UpdateRequest::default(), &Control::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted, "{error}");
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let Some(server) = TlsServer::start("127.0.0.2") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let error = server.download(&server.trusting(), folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotTrusted, "{error}");
}

#[test]
fn roots_that_are_not_certificates_are_refused() {
    for pem in ["", "no PEM"] {
        let refused = Http::trusting_only(pem).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::InvalidInput), "{pem}");
    }
}

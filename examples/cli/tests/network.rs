//! Errors for proxies, certificates and ports with another protocol, and the number of attempts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use capbundle_tests::skip::tool;
use tempfile::TempDir;

use crate::project::{Project, Run};

/// A server with one response for all connections, which it counts.
struct Stub {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Stub {
    fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        thread::spawn(move || {
            for connection in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                let mut connection = connection.unwrap();
                // A disconnecting client ends only its own connection.
                let _ = connection
                    .read(&mut [0; 4096])
                    .and_then(|_| connection.write_all(answer.as_bytes()));
            }
        });
        Self { address, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

const NO_ACCESS: &str = "HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"error\":\"no\"}\n";

/// Lists bundles, ignoring the environment of the tests.
fn list(base: &str, more: &str, variables: &[(&str, String)]) -> Run {
    let mut all: Vec<(&str, String)> = ["SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE", "CAPBUNDLE_CA_FILE"]
        .into_iter()
        .chain(["http_proxy", "https_proxy", "all_proxy", "no_proxy"])
        .map(|name| (name, String::new()))
        .collect();
    all.extend_from_slice(variables);
    let line = format!("bundle list com.example.app --api-url {base} -a key {more} --json");
    Project::new().run_where(&line, &all)
}

/// A port without a listener: one that was just released.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_dead_proxy_is_reported_without_its_password_and_not_retried() {
    let (server, port) = (Stub::answering(NO_ACCESS), closed_port());
    let proxy = format!("http://user:secret@127.0.0.1:{port}");
    let run = list(&format!("http://{}", server.address), "", &[("http_proxy", proxy)]);
    let message = run.fails("network", 1);
    let expected = format!("the proxy http://127.0.0.1:{port} (from http_proxy) is unreachable");
    assert!(message.contains(&expected), "{message}");
    assert!(!message.contains("secret") && !message.contains("tried"), "{message}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_proxy_that_requires_a_password_is_reported_and_not_retried() {
    const ANSWER: &str = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
    let (server, proxy) = (Stub::answering(NO_ACCESS), Stub::answering(ANSWER));
    let base = format!("http://{}", server.address);
    let message = list(&base, "", &[("http_proxy", format!("http://{}", proxy.address))]).fails("network", 1);
    for part in [
        &format!("the proxy http://{}", proxy.address),
        "407",
        "USER:PASSWORD",
        "http_proxy",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!((proxy.connections(), server.connections()), (1, 0));

    let with_password = format!("http://user:secret@{}", proxy.address);
    let message = list(&base, "", &[("http_proxy", with_password)]).fails("network", 1);
    assert!(message.contains("wrong user or password"), "{message}");
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn hosts_after_a_space_and_other_schemes_need_no_proxy() {
    let (server, proxy) = (Stub::answering(NO_ACCESS), Stub::answering(NO_ACCESS));
    let base = format!("http://{}", server.address);
    let address = format!("http://{}", proxy.address);
    let listed = [
        ("http_proxy", address.clone()),
        ("no_proxy", "localhost, 127.0.0.1".to_owned()),
    ];
    let _refused = list(&base, "", &listed);
    let _refused = list(&base, "", &[("https_proxy", address)]);
    assert_eq!((server.connections(), proxy.connections()), (2, 0));
}

#[test]
fn tls_to_a_plain_http_port_is_reported_and_not_retried() {
    const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let server = Stub::answering(ANSWER);
    let message = list(&format!("https://{}", server.address), "", &[]).fails("not_trusted", 1);
    assert!(
        message.contains("plain http") && message.contains("http://"),
        "{message}"
    );
    assert_eq!(server.connections(), 1);

    let bucket = Stub::answering(ANSWER);
    let message = list_bucket(&bucket.address.to_string(), &[]).fails("not_trusted", 1);
    assert!(
        message.contains("plain http") && message.contains("--no-s3-ssl"),
        "{message}"
    );
    assert_eq!(bucket.connections(), 1);
}

fn list_bucket(address: &str, variables: &[(&str, String)]) -> Run {
    let mut all = vec![
        ("SSL_CERT_FILE", String::new()),
        ("SSL_CERT_DIR", String::new()),
        ("AWS_CA_BUNDLE", String::new()),
        ("CAPBUNDLE_CA_FILE", String::new()),
        ("https_proxy", String::new()),
    ];
    all.extend_from_slice(variables);
    let line = format!(
        "release list --app-id com.example.app --to s3://bucket --s3-endpoint https://{address} --s3-region us-east-1 \
         --s3-apikey key --s3-apisecret secret --json"
    );
    Project::new().run_where(&line, &all)
}

/// `openssl s_server` with a certificate from `openssl req -x509`; stops when dropped.
struct TlsServer {
    folder: TempDir,
    process: Child,
    address: String,
}

impl TlsServer {
    fn start() -> Option<Self> {
        let openssl = tool("openssl")?;
        let folder = tempfile::tempdir().unwrap();
        let mut request = Command::new(&openssl);
        request
            .current_dir(folder.path())
            .args("req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj".split(' '))
            .args(["/CN=capbundle test", "-addext", "subjectAltName=IP:127.0.0.1"]);
        assert!(request.output().unwrap().status.success());
        let mut server = Command::new(openssl)
            .current_dir(folder.path())
            .args("s_server -www -accept 127.0.0.1:0 -cert cert.pem -key key.pem".split(' '))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned));
        // Drain the rest of its output.
        thread::spawn(move || lines.for_each(drop));
        Some(Self {
            folder,
            process: server,
            address: address.expect("it says where it listens"),
        })
    }

    fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Whether the TLS connection was accepted. The server's response over it is not one of an API or a bucket.
fn is_trusted(run: &Run) -> bool {
    !run.stdout.contains("not_trusted") && run.code == 1
}

#[test]
fn an_unknown_ca_is_reported_with_the_option_and_a_self_signed_certificate_can_be_trusted() {
    let Some(server) = TlsServer::start() else { return };
    let base = format!("https://{}", server.address);
    let message = list(&base, "", &[]).fails("not_trusted", 1);
    assert!(
        message.contains("UnknownIssuer") || message.contains("CaUsedAsEndEntity"),
        "{message}"
    );
    assert!(message.contains("--ca-file"), "{message}");

    let certificate = server.certificate().display().to_string();
    let other = server.folder.path().join("other.pem");
    fs::write(&other, fs::read(server.folder.path().join("key.pem")).unwrap()).unwrap();
    let by_option = list(&base, &format!("--ca-file {certificate}"), &[]);
    assert!(is_trusted(&by_option), "{}", by_option.stdout);
    for variable in ["CAPBUNDLE_CA_FILE", "SSL_CERT_FILE"] {
        let run = list(&base, "", &[(variable, certificate.clone())]);
        assert!(is_trusted(&run), "{variable}: {}", run.stdout);
    }
    let broken = ("SSL_CERT_FILE", other.display().to_string());
    let first = list(
        &base,
        &format!("--ca-file {certificate}"),
        std::slice::from_ref(&broken),
    );
    assert!(is_trusted(&first), "the option goes first: {}", first.stdout);
    let message = list(&base, "", &[broken]).fails("invalid_input", 1);
    assert!(message.contains("SSL_CERT_FILE"), "{message}");
    let for_s3_only = list(&base, "", &[("AWS_CA_BUNDLE", certificate)]);
    assert!(!is_trusted(&for_s3_only), "{}", for_s3_only.stdout);
}

#[test]
fn aws_ca_bundle_applies_to_s3() {
    let Some(server) = TlsServer::start() else { return };
    let message = list_bucket(&server.address, &[]).fails("not_trusted", 1);
    assert!(message.contains("--ca-file"), "{message}");
    let certificate = server.certificate().display().to_string();
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "CAPBUNDLE_CA_FILE"] {
        let run = list_bucket(&server.address, &[(variable, certificate.clone())]);
        assert!(is_trusted(&run), "{variable}: {}", run.stdout);
    }
}

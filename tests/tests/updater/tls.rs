//! Certificates that are not trusted, in the check and in the download of an update.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use capbundle::http::Http;
use capbundle::updater::{ServerSource, Source, UpdateMode};
use capbundle_tests::peers::run;
use capbundle_tests::skip::tool;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::app::{App, Behaviour, Published};

/// The certificate that a server shows, which can be replaced.
type Shown = Arc<Mutex<Arc<ServerConfig>>>;

/// Creates a self-signed certificate for 127.0.0.1. Returns it as PEM text, too.
fn certificate(openssl: &Path) -> (Arc<ServerConfig>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut request = Command::new(openssl);
    request.current_dir(folder.path()).args(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=capbundle -addext subjectAltName=IP:127.0.0.1 -addext \
         basicConstraints=critical,CA:FALSE -keyout key.pem -out cert.pem"
            .split_whitespace(),
    );
    let _silent = run(&mut request).expect_success();
    let (pem, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let chain = vec![CertificateDer::from_pem_file(&pem).unwrap()];
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key);
    (Arc::new(config.unwrap()), fs::read_to_string(pem).unwrap())
}

/// Serves `server` with TLS, one request for each connection. Its thread ends with the tests.
fn secure(server: SocketAddr, shown: &Shown) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let shown = Arc::clone(shown);
    thread::spawn(move || {
        for client in listener.incoming() {
            let config = Arc::clone(&shown.lock().unwrap());
            // The client reports what fails.
            thread::spawn(move || client.and_then(|client| forward(client, config, server)).is_ok());
        }
    });
    address
}

fn forward(client: TcpStream, config: Arc<ServerConfig>, server: SocketAddr) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut secure = BufReader::new(StreamOwned::new(connection, client));
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if secure.read_line(&mut head)? == 0 {
            return Ok(());
        }
        if let Some(value) = head[start..].to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    secure.read_exact(&mut body)?;
    let mut plain = TcpStream::connect(server)?;
    plain.write_all(head.as_bytes())?;
    plain.write_all(&body)?;
    plain.shutdown(std::net::Shutdown::Write)?;
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer)?;
    let secure = secure.get_mut();
    secure.write_all(&answer)?;
    secure.conn.send_close_notify();
    secure.flush()
}

#[test]
fn an_untrusted_certificate_fails_the_check_and_the_download_and_the_next_try_succeeds_with_a_trusted_one() {
    let Some(openssl) = tool("openssl") else { return };
    let (good, trusted) = certificate(&openssl);
    let (bad, _) = certificate(&openssl);
    let shown: Shown = Arc::new(Mutex::new(Arc::clone(&bad)));

    let update = Published::plain("2.0.0", 40_000);
    let mut app = App::new(UpdateMode::AtBackground, Behaviour::idle());
    let address = secure(app.server.address(), &shown);
    let archive = format!("https://{address}/bundle.zip");
    let offering = |then: Arc<ServerConfig>| {
        let (mut behaviour, offered) = (Behaviour::offering(&update), update.clone());
        let (shown, archive) = (Arc::clone(&shown), archive.clone());
        behaviour.update = Box::new(move |_| {
            *shown.lock().unwrap() = Arc::clone(&then);
            offered.offer(&archive)
        });
        behaviour
    };
    app.transport = Arc::new(Http::trusting_only(&trusted).unwrap());
    app.options.source = Source::Server(ServerSource::new(format!("https://{address}/updates").parse().unwrap()));
    let mut process = app.process();
    process.confirm();

    // In the check.
    app.behave(offering(Arc::clone(&good)));
    process.work();
    let result = app.told.last("updateCheckResult");
    assert_eq!((&result["kind"], &result["statusCode"]), (&"failed".into(), &0.into()));
    assert_eq!(result["error"], "not_trusted");
    assert!(app.told.names().contains(&"downloadFailed"));
    assert!(app.requests("/updates").is_empty());

    // In the download.
    *shown.lock().unwrap() = Arc::clone(&good);
    app.behave(offering(bad));
    process.updater.connectivity_returned();
    process.work();
    assert_eq!(app.told.last("downloadFailed")["version"], "2.0.0");
    assert!(app.requests("/bundle.zip").is_empty());
    app.told.names();
    process.background();
    assert_eq!(process.version(), "builtin");

    *shown.lock().unwrap() = Arc::clone(&good);
    app.behave(offering(good));
    process.foreground();
    process.work();
    let told = app.told.names();
    assert!(
        told.contains(&"setNext") && !told.contains(&"downloadFailed"),
        "{told:?}"
    );
    process.background();
    assert_eq!(process.title(), "2.0.0");
}

//! The hosts of Capgo's documentation on this machine: Amazon S3, Capgo's API and update server, and the reader's own
//! hosts.
//!
//! The command reaches them through a proxy: `HTTPS_PROXY` points to one that answers for each host with a certificate
//! that `CAPBUNDLE_CA_FILE` trusts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use capbundle_tests::s3_store::{S3Store, Settings};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::project::Run;

/// Host names of the store. A prefix of the host name is the bucket, else the first folder of the path.
const STORES: [&str; 5] = [
    "s3.us-east-1.amazonaws.com",
    "s3.us-west-2.amazonaws.com",
    "s3.your-provider.com",
    "your-domain.com",
    "your-cdn.com",
];
/// Host names of the update server.
const UPDATES: [&str; 2] = ["api.capgo.app", "plugin.capgo.app"];
/// The buckets, and the folder of the documentation on the reader's own hosts.
const BUCKETS: [&str; 3] = ["your-bucket-name", "your-app-bundles", "bundles"];
/// As in the documentation.
const CREDENTIALS: (&str, &str) = ("YOUR_ACCESS_KEY", "YOUR_SECRET_KEY");

/// All hosts. They stop when dropped.
pub(crate) struct Internet {
    folder: TempDir,
    proxy: SocketAddr,
    _store: S3Store,
    _runtime: Runtime,
}

impl Internet {
    /// Starts all hosts, with the update server at this address. `None` without openssl: the test is skipped.
    pub(crate) fn start(updates: SocketAddr, test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let tls = certified(folder.path(), test)?;
        for bucket in BUCKETS {
            fs::create_dir_all(folder.path().join("store").join(bucket)).unwrap();
        }
        let settings = Settings {
            credentials: CREDENTIALS,
            domains: &STORES,
            public: true,
        };
        let store = S3Store::start(&folder.path().join("store"), settings);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let proxy = listener.local_addr().unwrap();
        let storage = store.address;
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let tls = tls.clone();
                // The client reports the errors of a connection.
                tokio::spawn(async move { serve(socket, tls, updates, storage).await.is_ok() });
            }
        });
        Some(Self {
            folder,
            proxy,
            _store: store,
            _runtime: runtime,
        })
    }

    /// The environment variables for using the hosts.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let certificate = self.folder.path().join("cert.pem");
        vec![
            ("HTTPS_PROXY", format!("http://{}", self.proxy)),
            ("CAPBUNDLE_CA_FILE", certificate.to_string_lossy().into_owned()),
        ]
    }

    /// Stores a file at `https://your-domain.com/bundles/NAME` and `https://your-cdn.com/bundles/NAME`.
    pub(crate) fn host(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join("store/bundles").join(name), bytes).unwrap();
    }

    pub(crate) fn object(&self, bucket: &str, key: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("store").join(bucket).join(key)).unwrap()
    }
}

/// Handles a connection: a CONNECT request, then TLS with the requested host.
async fn serve(
    mut socket: TcpStream,
    tls: TlsAcceptor,
    updates: SocketAddr,
    storage: SocketAddr,
) -> std::io::Result<()> {
    let host = asked_for(&mut socket).await?;
    let to = if UPDATES.contains(&host.as_str()) {
        updates
    } else if STORES
        .iter()
        .any(|name| host == *name || host.ends_with(&format!(".{name}")))
    {
        storage
    } else {
        return socket.write_all(b"HTTP/1.1 502 no such host\r\n\r\n").await;
    };
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    let mut secure = tls.accept(socket).await?;
    let mut server = TcpStream::connect(to).await?;
    copy_bidirectional(&mut secure, &mut server).await.map(drop)
}

/// Reads the host of `CONNECT host:443`. The client sends nothing else before the response.
async fn asked_for(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut lines = BufReader::new(socket).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
    let host = first.strip_prefix("CONNECT ").and_then(|rest| rest.split_once(":443 "));
    Ok(host.expect("https at its usual port").0.to_owned())
}

/// Creates a certificate for all host names in `cert.pem`.
fn certified(folder: &Path, test: &str) -> Option<TlsAcceptor> {
    let names = STORES
        .iter()
        .flat_map(|name| [format!("DNS:{name}"), format!("DNS:*.{name}")]);
    let names: Vec<String> = names.chain(UPDATES.map(|name| format!("DNS:{name}"))).collect();
    let mut request = Command::new("openssl");
    request.current_dir(folder);
    request.args("req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem".split(' '));
    request.args([
        "-subj",
        "/CN=capbundle test",
        "-addext",
        &format!("subjectAltName={}", names.join(",")),
    ]);
    request.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    if !request.output().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED {test}: openssl is not installed");
        assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped");
        return None;
    }
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Some(TlsAcceptor::from(Arc::new(config)))
}

/// Runs a line of the documentation in a shell, with `capbundle` instead of `npx @capgo/cli@latest`.
pub(crate) fn shell(line: &str, folder: &Path, variables: &[(&str, String)]) -> Run {
    let command = format!("'{}'", env!("CARGO_BIN_EXE_capbundle"));
    assert!(line.contains("npx @capgo/cli@latest"), "{line}");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &line.replace("npx @capgo/cli@latest", &command)])
        .current_dir(folder);
    // Ignore settings in the environment of the tests.
    let own = std::env::vars_os().map(|(name, _)| name);
    for name in own.filter(|name| name.to_string_lossy().starts_with("AWS_")) {
        shell.env_remove(name);
    }
    for name in [
        "ALL_PROXY",
        "all_proxy",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "CAPBUNDLE_API_URL",
    ] {
        shell.env_remove(name);
    }
    shell
        .env("HOME", folder)
        .envs(variables.iter().map(|(name, value)| (*name, value)));
    Run::from(shell.output().unwrap())
}

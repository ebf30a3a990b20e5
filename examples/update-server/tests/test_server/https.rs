//! An https server on the loopback address for tests. Its certificate in `certificate/` is for 127.0.0.1 and localhost, and only
//! these tests trust it.

use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

type Handler = dyn Fn(&str, &mut dyn Write) -> std::io::Result<()> + Send + Sync;

pub(crate) struct Https {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/test_server/certificate")
        .join(name)
}

/// The certificate that clients must trust.
pub(crate) fn certificate() -> PathBuf {
    file("cert.pem")
}

impl Https {
    /// Starts a server. `handler` writes the complete response for a path.
    pub(crate) fn start(handler: impl Fn(&str, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_file(file("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let (tls, handler): (_, Arc<Handler>) = (Arc::new(tls), Arc::new(handler));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, stopped) = (Arc::clone(&connections), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
                let (tls, handler) = (Arc::clone(&tls), Arc::clone(&handler));
                // The thread ends when the client disconnects.
                std::thread::spawn(move || serve_connection(stream.unwrap(), tls, &*handler).is_ok());
            }
        });
        Self {
            address,
            connections,
            stop,
            thread: Some(thread),
        }
    }

    /// Starts a server that serves `content` at every path.
    pub(crate) fn with_file(content: &[u8]) -> Self {
        let content = content.to_vec();
        Self::start(move |_, out| {
            write!(out, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", content.len())?;
            out.write_all(&content)
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn serve_connection(stream: TcpStream, tls: Arc<ServerConfig>, handler: &Handler) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let connection = ServerConnection::new(tls).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    handler(head.split(' ').nth(1).unwrap_or_default(), &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()
}

impl Drop for Https {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, so that it sees the flag.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

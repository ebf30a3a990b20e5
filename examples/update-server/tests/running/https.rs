//! An https server on loopback that answers as a test says, with the certificate in `certificate/`: made for this test, for
//! 127.0.0.1 and localhost, and trusted by nothing else.

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

type Answer = dyn Fn(&str, &mut dyn Write) -> std::io::Result<()> + Send + Sync;

pub(crate) struct Https {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/running/certificate")
        .join(name)
}

/// What a client must trust.
pub(crate) fn certificate() -> PathBuf {
    file("cert.pem")
}

impl Https {
    /// `answer` writes the whole answer to a request for a path.
    pub(crate) fn start(answer: impl Fn(&str, &mut dyn Write) -> std::io::Result<()> + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_file(file("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let (tls, answer): (_, Arc<Answer>) = (Arc::new(tls), Arc::new(answer));
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
                let (tls, answer) = (Arc::clone(&tls), Arc::clone(&answer));
                // Ends with its client.
                std::thread::spawn(move || converse(stream.unwrap(), tls, &*answer).is_ok());
            }
        });
        Self {
            address,
            connections,
            stop,
            thread: Some(thread),
        }
    }

    /// Has the file `content` at every path.
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

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn converse(stream: TcpStream, tls: Arc<ServerConfig>, answer: &Answer) -> std::io::Result<()> {
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
    answer(head.split(' ').nth(1).unwrap_or_default(), &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()
}

impl Drop for Https {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // So that it sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

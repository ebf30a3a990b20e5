//! A web server for the demo: a few files on a loopback port, until it is dropped.
//!
//! Written here because the demo needs `GET` of a handful of known paths and nothing else; a server crate would bring
//! more code than these lines, into a command that people install in CI.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::codes::{Failure, Result};

/// A request head larger than this is none of the demo's.
const MAX_HEAD: u64 = 8 << 10;
/// A client that stays silent longer is gone.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    stopping: AtomicBool,
}

impl Shared {
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        // A map is whole whenever a thread could have panicked with it.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// Listens on a free loopback port.
    pub(super) fn start() -> Result<Self> {
        let failed = |error: io::Error| Failure::refused("network", format!("no local server: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || serve(&listener, &serving));
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// Serves `bytes` at `path`; gives the URL.
    pub(super) fn publish(&self, path: &str, bytes: Vec<u8>) -> String {
        self.shared.files().insert(path.to_owned(), bytes);
        format!("http://{}{path}", self.address)
    }

    /// Serves the file `from` at `path`; gives the URL.
    pub(super) fn publish_file(&self, path: &str, from: &Path) -> Result<String> {
        let bytes = std::fs::read(from).map_err(|error| Failure::io("read", from, &error))?;
        Ok(self.publish(path, bytes))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // `accept` has no other end than a connection. If even that fails the thread ends with the process.
        if TcpStream::connect_timeout(&self.address, PATIENCE).is_ok()
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
    }
}

fn serve(listener: &TcpListener, shared: &Shared) {
    for connection in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        // A connection that breaks is the client's to report: it sees the same.
        drop(connection.and_then(|stream| answer(&stream, shared)));
    }
}

fn answer(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(stream.take(MAX_HEAD));
    let mut request = String::new();
    head.read_line(&mut request)?;
    let mut header = String::new();
    while head.read_line(&mut header)? > 0 && !header.trim_end().is_empty() {
        header.clear();
    }
    let file = request
        .strip_prefix("GET ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|path| shared.files().get(path).cloned());
    let (status, body) = file.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)?;
    stream.flush()
}

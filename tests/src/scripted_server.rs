//! A web server whose every response a test decides, with the faults of real networks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than any test waits. Closes the connections of tests that ended.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// The headers, with lower-case names.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The path without its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// What happens to the body of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// Nothing: it arrives.
    #[default]
    None,
    /// The connection closes after this many bytes.
    Cut(usize),
    /// Nothing more arrives after this many bytes.
    Stall(usize),
    /// A byte arrives every 100 ms.
    Drip,
    /// It has no length and ends with the connection.
    NoLength,
    /// It has no length, and endless zeros follow it.
    Endless,
    /// The connection closes before any response.
    Refuse,
}

/// A response.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fault: Fault,
}

impl Reply {
    /// A response with this status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            fault: Fault::None,
        }
    }

    /// A successful response with this JSON.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self::new(200, body.to_string()).header("Content-Type", "application/json")
    }

    /// The part of a file that the request asks for.
    ///
    /// # Panics
    /// If the range of the request is not of the form `bytes=N-`.
    #[must_use]
    pub fn file(request: &Received, bytes: &[u8], etag: &str) -> Self {
        let start = request.headers.get("range").map_or(0, |range| {
            let start = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
            start.and_then(|start| start.parse().ok()).expect("a range bytes=N-")
        });
        let is_same = request.headers.get("if-range").is_none_or(|known| known == etag);
        let reply = if start == 0 || !is_same {
            Self::new(200, bytes)
        } else if start >= bytes.len() {
            Self::new(416, "").header("Content-Range", &format!("bytes */{}", bytes.len()))
        } else {
            let range = format!("bytes {start}-{}/{}", bytes.len() - 1, bytes.len());
            Self::new(206, &bytes[start..]).header("Content-Range", &range)
        };
        reply.header("ETag", etag)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets what happens to the body.
    #[must_use]
    pub fn with(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

struct Shared {
    stopping: AtomicBool,
    script: Box<Script>,
    received: Mutex<Vec<Received>>,
    sent: AtomicU64,
}

/// A running server, stopped on drop.
pub struct ScriptedServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl ScriptedServer {
    /// Starts a server on a free port of the loopback address. `script` is called for each request.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            stopping: AtomicBool::new(false),
            script: Box::new(script),
            received: Mutex::default(),
            sent: AtomicU64::new(0),
        });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &accepting));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far.
    ///
    /// # Panics
    /// If a thread of the server panicked.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("the lock is not poisoned").clone()
    }

    /// The number of body bytes sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            thread.join().expect("the server does not panic");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let shared = Arc::clone(shared);
        // Errors are expected: in most tests the client disconnects early.
        thread::spawn(move || connection.and_then(|connection| serve(&connection, &shared)));
    }
}

fn serve(mut connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_read_timeout(Some(CONNECTION_LIMIT))?;
    connection.set_write_timeout(Some(CONNECTION_LIMIT))?;
    let Some(request) = read(connection)? else {
        return Ok(());
    };
    let reply = (shared.script)(&request);
    shared.received.lock().expect("the lock is not poisoned").push(request);
    if reply.fault == Fault::Refuse {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    if !matches!(reply.fault, Fault::NoLength | Fault::Endless) {
        write!(head, "Content-Length: {}\r\n", reply.body.len()).expect("a string takes it");
    }
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").expect("a string takes it");
    }
    connection.write_all((head + "\r\n").as_bytes())?;
    let send = |bytes: &[u8]| {
        shared.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let mut connection = connection;
        connection.write_all(bytes)
    };
    match reply.fault {
        Fault::None | Fault::NoLength | Fault::Refuse => send(&reply.body),
        Fault::Cut(bytes) => send(&reply.body[..bytes.min(reply.body.len())]),
        Fault::Stall(bytes) => {
            send(&reply.body[..bytes.min(reply.body.len())])?;
            wait_while(shared, connection);
            Ok(())
        }
        Fault::Drip => {
            for byte in &reply.body {
                send(&[*byte])?;
                thread::sleep(Duration::from_millis(100));
                if shared.stopping.load(Ordering::Relaxed) {
                    break;
                }
            }
            Ok(())
        }
        Fault::Endless => {
            send(&reply.body)?;
            while !shared.stopping.load(Ordering::Relaxed) {
                send(&[0; 1 << 14])?;
            }
            Ok(())
        }
    }
}

/// Waits until the client leaves or the server stops.
fn wait_while(shared: &Shared, mut connection: &TcpStream) {
    let _ = connection.set_read_timeout(Some(Duration::from_millis(50)));
    while !shared.stopping.load(Ordering::Relaxed) {
        match connection.read(&mut [0]) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            _ => return,
        }
    }
}

fn read(connection: &TcpStream) -> io::Result<Option<Received>> {
    let mut reader = BufReader::new(connection);
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Received {
        method,
        target,
        headers,
        body,
    }))
}

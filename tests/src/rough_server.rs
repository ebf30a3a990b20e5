//! A web server with faults on request, to test downloads.
//!
//! The query of the URL selects the faults, so that tests in Rust, Kotlin and Swift use the same ones. `/NAME?size=N&…` sends N
//! bytes that depend only on NAME. The fault of the n-th request for a NAME depends on n and never on the time.
//! `rough_server/plan.rs` lists the parameters. The server listens on the loopback address and stops when it is dropped.

mod plan;
mod response;

use std::collections::HashMap;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use plan::Plan;
pub use plan::contents;

/// Longer than any test waits. Closes the connections of tests that ended.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// A running server, stopped on drop.
#[derive(Debug)]
pub struct RoughServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopping: AtomicBool,
    /// The number of requests, by name.
    requests: Mutex<HashMap<String, u64>>,
    /// The number of body bytes sent.
    sent: AtomicU64,
}

impl RoughServer {
    /// Starts a server on a free port of the loopback address.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &accepting));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The URL of a path with its query.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The number of requests for a name.
    ///
    /// # Panics
    /// If a thread of the server panicked.
    #[must_use]
    pub fn requests(&self, name: &str) -> u64 {
        let requests = self.shared.requests.lock().expect("the lock is not poisoned");
        requests.get(name).copied().unwrap_or_default()
    }

    /// The total number of body bytes sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for RoughServer {
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
        thread::spawn(move || connection.and_then(|connection| serve(connection, &shared)));
    }
}

fn serve(connection: TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_read_timeout(Some(CONNECTION_LIMIT))?;
    connection.set_write_timeout(Some(CONNECTION_LIMIT))?;
    let Some(request) = Request::read(&connection)? else {
        return Ok(());
    };
    let (name, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let name = name.trim_start_matches('/');
    let number = {
        let mut requests = shared.requests.lock().expect("the lock is not poisoned");
        let count = requests.entry(name.to_owned()).or_default();
        *count += 1;
        *count
    };
    let plan = Plan::new(name, query, number);
    response::send(connection, &request, &plan, &shared.sent)
}

/// The head of a request. Its body was read and is not kept.
struct Request {
    target: String,
    headers: HashMap<String, String>,
}

impl Request {
    fn read(connection: &TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(connection);
        let mut lines = reader.by_ref().lines();
        let Some(first) = lines.next().transpose()? else {
            return Ok(None);
        };
        let target = first.split(' ').nth(1).unwrap_or("/").to_owned();
        let mut headers = HashMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        // Closing a socket with unread data resets the connection, and the client loses the response.
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        io::copy(&mut reader.take(length.unwrap_or(0)), &mut io::sink())?;
        Ok(Some(Self { target, headers }))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

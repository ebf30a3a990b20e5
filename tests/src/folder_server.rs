//! A web server for a folder, like a CDN or a bucket. It can cut a response once, and send a wrong length.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than any test waits. Closes the connections of tests that ended.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// A running server, stopped on drop.
#[derive(Debug)]
pub struct FolderServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    stopping: AtomicBool,
    /// The number of bytes after which the next response for a path is cut.
    cuts: Mutex<HashMap<String, usize>>,
    faults: Mutex<HashMap<String, LengthFault>>,
    /// The number of body bytes sent.
    sent: AtomicU64,
    requests: Mutex<Vec<String>>,
}

/// A fault in the length of a file.
#[derive(Debug, Clone, Copy)]
pub enum LengthFault {
    /// The response has this length, with zeros after the content of the file.
    Length(u64),
    /// The response has no length, and endless zeros follow the content of the file.
    Endless,
}

impl FolderServer {
    /// Serves the folder on a free port of the loopback address.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn serving(folder: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            stopping: AtomicBool::new(false),
            cuts: Mutex::default(),
            faults: Mutex::default(),
            sent: AtomicU64::default(),
            requests: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &accepting));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The URL of the folder.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts the next response for this path after this many bytes.
    ///
    /// # Panics
    /// If a thread of the server panicked.
    pub fn cut(&self, path: &str, after: usize) {
        let mut cuts = self.shared.cuts.lock().expect("the lock is not poisoned");
        cuts.insert(path.to_owned(), after);
    }

    /// Applies a fault to all further responses for this path.
    ///
    /// # Panics
    /// If a thread of the server panicked.
    pub fn set_length_fault(&self, path: &str, fault: LengthFault) {
        let mut faults = self.shared.faults.lock().expect("the lock is not poisoned");
        faults.insert(path.to_owned(), fault);
    }

    /// The total number of body bytes sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// The paths requested since the last call, with the start of a range.
    ///
    /// # Panics
    /// If a thread of the server panicked.
    #[must_use]
    pub fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.requests.lock().expect("the lock is not poisoned"))
    }
}

impl Drop for FolderServer {
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
        thread::spawn(move || connection.and_then(|connection| serve(connection, &shared)));
    }
}

fn serve(mut connection: TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_read_timeout(Some(CONNECTION_LIMIT))?;
    connection.set_write_timeout(Some(CONNECTION_LIMIT))?;
    let (path, from) = read_head(&connection)?;
    let request = if from > 0 {
        format!("{path} from {from}")
    } else {
        path.clone()
    };
    shared.requests.lock().expect("the lock is not poisoned").push(request);
    let Ok(bytes) = fs::read(shared.folder.join(&path)) else {
        return connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let fault = shared
        .faults
        .lock()
        .expect("the lock is not poisoned")
        .get(&path)
        .copied();
    if let Some(fault) = fault {
        return serve_with_fault(&mut connection, &bytes, fault, shared);
    }
    let range = format!(
        "Content-Range: bytes {from}-{}/{}\r\n",
        bytes.len().max(1) - 1,
        bytes.len()
    );
    let (status, range) = if from > 0 {
        ("206 Partial Content", range.as_str())
    } else {
        ("200 OK", "")
    };
    let length = bytes.len() - from;
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nETag: \"{}\"\r\n{range}Connection: close\r\n\r\n",
        bytes.len()
    )?;
    let cut = shared.cuts.lock().expect("the lock is not poisoned").remove(&path);
    let body = &bytes[from..cut.unwrap_or(bytes.len())];
    shared.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
    connection.write_all(body)
}

fn serve_with_fault(connection: &mut TcpStream, bytes: &[u8], fault: LengthFault, shared: &Shared) -> io::Result<()> {
    let (length, header) = match fault {
        LengthFault::Length(length) => (length, format!("Content-Length: {length}\r\n")),
        LengthFault::Endless => (u64::MAX, String::new()),
    };
    write!(connection, "HTTP/1.1 200 OK\r\n{header}Connection: close\r\n\r\n")?;
    let mut left = length;
    let zeros = vec![0; 64 << 10];
    for chunk in std::iter::once(bytes).chain(std::iter::repeat(zeros.as_slice())) {
        let chunk = &chunk[..chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        if chunk.is_empty() || shared.stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        connection.write_all(chunk)?;
        left -= chunk.len() as u64;
        shared.sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// The requested path, and the start of the requested range.
fn read_head(connection: &TcpStream) -> io::Result<(String, usize)> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let mut from = 0;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap_or_default();
        }
    }
    Ok((path.to_owned(), from))
}

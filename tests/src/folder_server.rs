//! A web server before a folder: what a CDN or a bucket is to a device. It can cut one answer short, once, and lie about a
//! length.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than any test waits; a connection of a test that died must not hold the server.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// A running server; stops when dropped.
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
    /// Bytes after which the next answer of a path breaks off.
    cuts: Mutex<HashMap<String, usize>>,
    lies: Mutex<HashMap<String, Lie>>,
    /// Bytes of bodies that were sent.
    sent: AtomicU64,
    asked: Mutex<Vec<String>>,
}

/// How a file is sent that is none of its length.
#[derive(Debug, Clone, Copy)]
pub enum Lie {
    /// It is said to have so many bytes. As many come, zeros behind its own.
    Length(u64),
    /// It is not said how many bytes it has, and zeros come behind its own for as long as somebody reads.
    Endless,
}

impl FolderServer {
    /// Serves the folder on a free port of the loopback interface.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn serving(folder: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            stopping: AtomicBool::new(false),
            cuts: Mutex::default(),
            lies: Mutex::default(),
            sent: AtomicU64::default(),
            asked: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || accept(&listener, &accepting));
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// The address of the folder.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has the next answer for this path break off after so many bytes.
    ///
    /// # Panics
    /// When a thread of the server did.
    pub fn cut(&self, path: &str, after: usize) {
        let mut cuts = self.shared.cuts.lock().expect("nobody panics with it");
        cuts.insert(path.to_owned(), after);
    }

    /// Has every answer for this path lie, from now on.
    ///
    /// # Panics
    /// When a thread of the server did.
    pub fn lie(&self, path: &str, lie: Lie) {
        let mut lies = self.shared.lies.lock().expect("nobody panics with it");
        lies.insert(path.to_owned(), lie);
    }

    /// Bytes of bodies that were sent, all together.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// What was asked for since this was last asked, a range behind its path.
    ///
    /// # Panics
    /// When a thread of the server did.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.asked.lock().expect("nobody panics with it"))
    }
}

impl Drop for FolderServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the one who accepts.
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
    let asked = if from > 0 {
        format!("{path} from {from}")
    } else {
        path.clone()
    };
    shared.asked.lock().expect("nobody panics with it").push(asked);
    let Ok(bytes) = fs::read(shared.folder.join(&path)) else {
        return connection.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let lie = shared.lies.lock().expect("nobody panics with it").get(&path).copied();
    if let Some(lie) = lie {
        return serve_lie(&mut connection, &bytes, lie, shared);
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
    let cut = shared.cuts.lock().expect("nobody panics with it").remove(&path);
    let body = &bytes[from..cut.unwrap_or(bytes.len())];
    shared.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
    connection.write_all(body)
}

fn serve_lie(connection: &mut TcpStream, bytes: &[u8], lie: Lie, shared: &Shared) -> io::Result<()> {
    let (length, told) = match lie {
        Lie::Length(length) => (length, format!("Content-Length: {length}\r\n")),
        Lie::Endless => (u64::MAX, String::new()),
    };
    write!(connection, "HTTP/1.1 200 OK\r\n{told}Connection: close\r\n\r\n")?;
    let mut left = length;
    let zeros = vec![0; 64 << 10];
    for piece in std::iter::once(bytes).chain(std::iter::repeat(zeros.as_slice())) {
        let piece = &piece[..piece.len().min(usize::try_from(left).unwrap_or(usize::MAX))];
        if piece.is_empty() || shared.stopping.load(Ordering::Relaxed) {
            return Ok(());
        }
        connection.write_all(piece)?;
        left -= piece.len() as u64;
        shared.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// The path that is asked for, and the byte to begin with.
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

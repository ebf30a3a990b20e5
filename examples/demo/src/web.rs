//! A web server for the files of a folder, on a loopback port of this process, which is all that a static channel
//! needs. It stops when dropped.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use capbundle::http::Url;

use crate::failure::{Failure, Result};

/// Timeout for the only client, the demo's device.
const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Web {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    pub(crate) fn serving(folder: &Path) -> Result<Self> {
        let failed = |error: io::Error| Failure::io("serve", folder, &error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, root) = (Arc::clone(&stop), folder.to_owned());
        let thread = thread::Builder::new().name("web".to_owned()).spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A client that disconnects early retries.
                let _ = socket.and_then(|socket| answer(socket, &root));
            }
        });
        Ok(Self {
            address,
            stop,
            thread: Some(thread.map_err(failed)?),
        })
    }

    pub(crate) fn url(&self) -> Result<Url> {
        Ok(format!("http://{}", self.address).parse()?)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread. If the connection fails, it has already ended.
        let _ = TcpStream::connect_timeout(&self.address, TIMEOUT);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut socket: TcpStream, root: &Path) -> io::Result<()> {
    socket.set_read_timeout(Some(TIMEOUT))?;
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut from = 0;
    // The head ends with an empty line. Of its fields, a server of files needs where an interrupted download continues.
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.split('-').next().and_then(|from| from.parse().ok()).unwrap_or(0);
        }
    }
    match file(root, &first).map(fs::read) {
        Some(Ok(bytes)) => answer_from(&mut socket, &bytes, from),
        _ => socket.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    }
}

fn answer_from(socket: &mut TcpStream, bytes: &[u8], from: usize) -> io::Result<()> {
    let (status, range, body) = match bytes.get(from..) {
        Some(rest) if from > 0 && !rest.is_empty() => {
            let range = format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
            ("206 Partial Content", range, rest)
        }
        _ => ("200 OK", String::new(), bytes),
    };
    let length = body.len();
    write!(
        socket,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}Connection: close\r\n\r\n"
    )?;
    socket.write_all(body)
}

/// The requested file, always inside the folder.
fn file(root: &Path, request: &str) -> Option<PathBuf> {
    let path = request.strip_prefix("GET /")?.split([' ', '?']).next()?;
    path.split('/')
        .all(|name| !name.is_empty() && !name.starts_with('.'))
        .then(|| root.join(path))
}

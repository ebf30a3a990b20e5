//! A web server for a folder. It stops when dropped.
#![allow(dead_code, reason = "each test file uses another part of it")]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

pub(crate) struct Web {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    pub(crate) fn serving(folder: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, folder) = (Arc::clone(&stop), folder.to_owned());
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A client that checks an archive disconnects after the head.
                let _ = answer(socket.unwrap(), &folder);
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _ = TcpStream::connect(self.address);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn answer(mut socket: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(socket.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path: PathBuf = folder.join(first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/'));
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(from) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            let (from, to) = from.split_once('-').unwrap();
            range = Some((from.parse::<usize>().unwrap(), to.parse::<usize>().ok()));
        }
    }
    let Ok(bytes) = std::fs::read(path) else {
        return socket.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let (status, body, more) = match range {
        Some((from, to)) if from < bytes.len() => {
            let to = to.map_or(bytes.len() - 1, |to| to.min(bytes.len() - 1));
            let range = format!("content-range: bytes {from}-{to}/{}\r\n", bytes.len());
            ("206 Partial Content", &bytes[from..=to], range)
        }
        _ => ("200 OK", &bytes[..], String::new()),
    };
    write!(
        socket,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}connection: close\r\n\r\n",
        body.len()
    )?;
    socket.write_all(body)
}

//! What stands between a client and its server, and does what it is told.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Longer than any test waits.
const LIMIT: Duration = Duration::from_secs(60);

/// What happens to a request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// This answer, at once, with its length; the body of the request is read first.
    Answer(&'static str),
    /// So many bytes of its body go through, then both ends are cut.
    CutAfter(u64),
    /// It goes through, the answer does not.
    LoseAnswer,
    /// It is read in part, and nothing more happens.
    Hang,
    /// So many bytes of its body go through; then whoever waits on the other end is told, and nothing more happens.
    HoldAfter(u64, Arc<AtomicBool>),
    /// It waits until it is let go, or long enough.
    Wait(Arc<AtomicBool>),
    /// One byte of the body is another.
    Damage,
    /// This text in its head is that one.
    Forge(&'static str, &'static str),
    /// This answer, if a header begins like this; else it goes through.
    RefuseHeader(&'static str, &'static str),
    /// It goes through, and the answer has one more header.
    AddToAnswer(String),
}

/// A fault for requests that begin like this, for the first so many of them.
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// Somewhere in path and query.
    pub(crate) target: &'static str,
    pub(crate) times: u32,
    pub(crate) fault: Fault,
}

/// A proxy in front of one server; stops when dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    /// Method and target of each request.
    seen: Mutex<Vec<String>>,
    /// Requests that wait to be let go.
    waiting: AtomicUsize,
    stopping: AtomicBool,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr, rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            rules: Mutex::new(rules),
            seen: Mutex::new(Vec::new()),
            waiting: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if accepting.stopping.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // What a connection comes to is what the client says of it.
                thread::spawn(move || connection.and_then(|client| serve(client, &shared)));
            }
        });
        Self { address, shared }
    }

    /// How many requests began like this.
    pub(crate) fn count(&self, method: &str, target: &str) -> usize {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter()
            .filter(|line| line.starts_with(method) && line.contains(target))
            .count()
    }

    /// How many requests wait to be let go.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// One more rule, from now on.
    pub(crate) fn follow(&self, rule: Rule) {
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// The server is good from now on.
    pub(crate) fn behave(&self) {
        self.shared.rules.lock().unwrap().clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn fault_of(&self, line: &str) -> Option<Fault> {
        let (method, target) = line.split_once(' ')?;
        let mut rules = self.rules.lock().unwrap();
        let matching = |rule: &&mut Rule| rule.times > 0 && rule.method == method && target.contains(rule.target);
        let rule = rules.iter_mut().find(matching)?;
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}

fn serve(client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(LIMIT))?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        // One request each, so that no answer need be understood.
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    let line = head.lines().next().unwrap_or_default();
    let line = line.rsplit_once(' ').map_or(line, |(line, _)| line).to_owned();
    shared.seen.lock().unwrap().push(line.clone());
    let mut body = reader.take(length);
    let mut client = client;
    match shared.fault_of(&line) {
        None => forward(&mut client, &head, &mut body, shared, true),
        Some(Fault::LoseAnswer) => forward(&mut client, &head, &mut body, shared, false),
        Some(Fault::Answer(said)) => answer(&mut client, &line, &mut body, said),
        Some(Fault::RefuseHeader(name, said)) => {
            let names = head.lines().map(str::to_ascii_lowercase);
            if names.into_iter().any(|line| line.starts_with(name)) {
                answer(&mut client, &line, &mut body, said)
            } else {
                forward(&mut client, &head, &mut body, shared, true)
            }
        }
        Some(Fault::AddToAnswer(header)) => {
            let mut upstream = TcpStream::connect(shared.upstream)?;
            upstream.set_read_timeout(Some(LIMIT))?;
            upstream.write_all(head.as_bytes())?;
            io::copy(&mut body, &mut upstream)?;
            let mut said = BufReader::new(upstream);
            let mut status = String::new();
            said.read_line(&mut status)?;
            client.write_all(format!("{status}{header}\r\n").as_bytes())?;
            io::copy(&mut said, &mut client)?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::CutAfter(count)) => {
            let mut upstream = TcpStream::connect(shared.upstream)?;
            upstream.write_all(head.as_bytes())?;
            io::copy(&mut body.take(count), &mut upstream)?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::Hang) => {
            io::copy(&mut (&mut body).take(1000), &mut io::sink())?;
            wait_for_the_end(&client)
        }
        Some(Fault::HoldAfter(count, told)) => {
            let mut upstream = TcpStream::connect(shared.upstream)?;
            upstream.write_all(head.as_bytes())?;
            io::copy(&mut (&mut body).take(count), &mut upstream)?;
            told.store(true, Ordering::Relaxed);
            wait_for_the_end(&client)
        }
        Some(Fault::Wait(go)) => {
            shared.waiting.fetch_add(1, Ordering::Relaxed);
            let end = std::time::Instant::now() + LIMIT;
            while !go.load(Ordering::Relaxed) && std::time::Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
            }
            forward(&mut client, &head, &mut body, shared, true)
        }
        Some(Fault::Forge(from, to)) => {
            assert!(head.contains(from), "{from:?} is not in {head}");
            forward(&mut client, &head.replace(from, to), &mut body, shared, true)
        }
        Some(Fault::Damage) => {
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes)?;
            bytes[0] ^= 1;
            forward(&mut client, &head, &mut bytes.as_slice(), shared, true)
        }
    }
}

/// An answer to a request of this line; one to `HEAD` has no body.
fn answer(client: &mut TcpStream, line: &str, body: &mut dyn Read, said: &str) -> io::Result<()> {
    io::copy(body, &mut io::sink())?;
    let (head, body) = said.split_once("\n\n").unwrap();
    let head = format!("HTTP/1.1 {head}\nContent-Length: {}\nConnection: close\n\n", body.len());
    let body = if line.starts_with("HEAD ") { "" } else { body };
    client.write_all((head.replace('\n', "\r\n") + body).as_bytes())?;
    client.shutdown(Shutdown::Both)
}

fn forward(client: &mut TcpStream, head: &str, body: &mut dyn Read, shared: &Shared, answers: bool) -> io::Result<()> {
    let mut upstream = TcpStream::connect(shared.upstream)?;
    upstream.set_read_timeout(Some(LIMIT))?;
    upstream.write_all(head.as_bytes())?;
    // A server that has refused reads no more; its answer counts.
    let _ = io::copy(body, &mut upstream);
    if answers {
        io::copy(&mut upstream, client)?;
    } else {
        io::copy(&mut upstream, &mut io::sink())?;
    }
    client.shutdown(Shutdown::Both)
}

/// Until the client has lost its patience. What it sends is left where it is.
fn wait_for_the_end(client: &TcpStream) -> io::Result<()> {
    let end = std::time::Instant::now() + LIMIT;
    let mut one = [0];
    client.set_nonblocking(true)?;
    while std::time::Instant::now() < end {
        match client.peek(&mut one) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Ok(()),
            _ => thread::sleep(Duration::from_millis(20)),
        }
    }
    Ok(())
}

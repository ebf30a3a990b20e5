//! A proxy between a client and its server that injects faults.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Longer than any test waits.
const LIMIT: Duration = Duration::from_secs(60);

/// What the proxy does with a request.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Responds with this text and its length after reading the body of the request.
    Answer(&'static str),
    /// Forwards this many bytes of the body, then closes both connections.
    CutAfter(u64),
    /// Forwards the request and drops the response.
    LoseAnswer,
    /// Reads part of the request and stalls.
    Hang,
    /// Forwards this many bytes of the body, sets the flag and stalls.
    HoldAfter(u64, Arc<AtomicBool>),
    /// Waits until the flag is set or [`LIMIT`] has passed, then forwards the request.
    Wait(Arc<AtomicBool>),
    /// Changes one byte of the body.
    Damage,
    /// Replaces the first text in the head by the second one.
    ReplaceInHead(&'static str, &'static str),
    /// Responds with the second text if a header starts with the first one, otherwise forwards the request.
    RefuseHeader(&'static str, &'static str),
    /// Forwards the request and adds a header to the response.
    AddToAnswer(String),
}

/// A fault for the first `times` requests that match.
pub(crate) struct Rule {
    pub(crate) method: &'static str,
    /// Part of the path and query.
    pub(crate) target: &'static str,
    pub(crate) times: u32,
    pub(crate) fault: Fault,
}

/// A proxy in front of one server. Stopped on drop.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    /// The method and target of each request.
    seen: Mutex<Vec<String>>,
    /// The number of requests that [`Fault::Wait`] holds.
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
                // The client reports the outcome of the connection.
                thread::spawn(move || connection.and_then(|client| serve(client, &shared)));
            }
        });
        Self { address, shared }
    }

    /// The number of requests with this method prefix whose target contains `target`.
    pub(crate) fn count(&self, method: &str, target: &str) -> usize {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter()
            .filter(|line| line.starts_with(method) && line.contains(target))
            .count()
    }

    /// The number of requests that [`Fault::Wait`] holds.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Adds a rule for later requests.
    pub(crate) fn add_rule(&self, rule: Rule) {
        self.shared.rules.lock().unwrap().push(rule);
    }

    /// Removes all rules.
    pub(crate) fn clear_rules(&self) {
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
        // One request per connection, so that responses need not be parsed.
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
        Some(Fault::Answer(response)) => answer(&mut client, &line, &mut body, response),
        Some(Fault::RefuseHeader(name, response)) => {
            let names = head.lines().map(str::to_ascii_lowercase);
            if names.into_iter().any(|line| line.starts_with(name)) {
                answer(&mut client, &line, &mut body, response)
            } else {
                forward(&mut client, &head, &mut body, shared, true)
            }
        }
        Some(Fault::AddToAnswer(header)) => {
            let mut upstream = TcpStream::connect(shared.upstream)?;
            upstream.set_read_timeout(Some(LIMIT))?;
            upstream.write_all(head.as_bytes())?;
            io::copy(&mut body, &mut upstream)?;
            let mut response = BufReader::new(upstream);
            let mut status = String::new();
            response.read_line(&mut status)?;
            client.write_all(format!("{status}{header}\r\n").as_bytes())?;
            io::copy(&mut response, &mut client)?;
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
            wait_until_closed(&client)
        }
        Some(Fault::HoldAfter(count, reached)) => {
            let mut upstream = TcpStream::connect(shared.upstream)?;
            upstream.write_all(head.as_bytes())?;
            io::copy(&mut (&mut body).take(count), &mut upstream)?;
            reached.store(true, Ordering::Relaxed);
            wait_until_closed(&client)
        }
        Some(Fault::Wait(go)) => {
            shared.waiting.fetch_add(1, Ordering::Relaxed);
            let end = std::time::Instant::now() + LIMIT;
            while !go.load(Ordering::Relaxed) && std::time::Instant::now() < end {
                thread::sleep(Duration::from_millis(10));
            }
            forward(&mut client, &head, &mut body, shared, true)
        }
        Some(Fault::ReplaceInHead(from, to)) => {
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

/// Responds to a request with this first line. A response to `HEAD` has no body.
fn answer(client: &mut TcpStream, line: &str, body: &mut dyn Read, response: &str) -> io::Result<()> {
    io::copy(body, &mut io::sink())?;
    let (head, body) = response.split_once("\n\n").unwrap();
    let head = format!("HTTP/1.1 {head}\nContent-Length: {}\nConnection: close\n\n", body.len());
    let body = if line.starts_with("HEAD ") { "" } else { body };
    client.write_all((head.replace('\n', "\r\n") + body).as_bytes())?;
    client.shutdown(Shutdown::Both)
}

fn forward(client: &mut TcpStream, head: &str, body: &mut dyn Read, shared: &Shared, answers: bool) -> io::Result<()> {
    let mut upstream = TcpStream::connect(shared.upstream)?;
    upstream.set_read_timeout(Some(LIMIT))?;
    upstream.write_all(head.as_bytes())?;
    // A server that refused the request stops reading; only its response matters.
    let _ = io::copy(body, &mut upstream);
    if answers {
        io::copy(&mut upstream, client)?;
    } else {
        io::copy(&mut upstream, &mut io::sink())?;
    }
    client.shutdown(Shutdown::Both)
}

/// Waits until the client closes the connection, without reading its data.
fn wait_until_closed(client: &TcpStream) -> io::Result<()> {
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

//! A proxy before a server on this machine, as slow and as unreliable as a mobile network.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any test waits. Closes the connections of tests that ended.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);
/// Bytes that are passed on at a time: about a packet.
const PACKET: usize = 1400;

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub struct Network {
    /// Bytes a second, of all connections together; `None`: as fast as it goes.
    pub rate: Option<u64>,
    /// How many of a hundred connections break.
    pub broken_percent: u64,
    /// A connection that breaks does so after fewer bytes than this.
    pub breaks_before: u64,
    /// Decides which connections break, and where.
    pub seed: u64,
}

/// A connection that was made, and the bytes that reached the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The first line of its request.
    pub request: String,
    /// Bytes to the client, with the head of the response.
    pub bytes: u64,
    /// Whether the proxy broke it.
    pub is_broken: bool,
}

/// A running proxy, stopped on drop.
#[derive(Debug)]
pub struct LossyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    network: Network,
    random: Mutex<u64>,
    /// When the network is free for the next packet.
    free_at: Mutex<Instant>,
    passed: Mutex<Vec<Passed>>,
    stopping: AtomicBool,
}

impl LossyProxy {
    /// Starts a proxy before this server.
    ///
    /// # Panics
    /// If there is no free port.
    #[must_use]
    pub fn before(server: SocketAddr, network: Network) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            server,
            network,
            random: Mutex::new(network.seed),
            free_at: Mutex::new(Instant::now()),
            passed: Mutex::default(),
            stopping: AtomicBool::new(false),
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

    /// The connections that have ended.
    ///
    /// # Panics
    /// If a thread of the proxy panicked.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        self.shared.passed.lock().expect("the lock is not poisoned").clone()
    }
}

impl Drop for LossyProxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            thread.join().expect("the proxy does not panic");
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.stopping.load(Ordering::Relaxed) {
            return;
        }
        let shared = Arc::clone(shared);
        let breaks_after = shared.breaks_after();
        // Errors are expected: the client or the server may disconnect at any time.
        thread::spawn(move || connection.and_then(|client| pass(&client, &shared, breaks_after)));
    }
}

/// Passes one connection on, in both directions.
fn pass(client: &TcpStream, shared: &Shared, breaks_after: Option<u64>) -> io::Result<()> {
    let server = TcpStream::connect(shared.server)?;
    for stream in [client, &server] {
        stream.set_read_timeout(Some(CONNECTION_LIMIT))?;
        stream.set_write_timeout(Some(CONNECTION_LIMIT))?;
    }
    let mut first = [0; 4096];
    let count = { client }.read(&mut first)?;
    { &server }.write_all(&first[..count])?;
    let (mut upwards, mut to_server) = (client.try_clone()?, server.try_clone()?);
    // Ends with the connection.
    thread::spawn(move || io::copy(&mut upwards, &mut to_server));
    let text = String::from_utf8_lossy(&first[..count]);
    let mut passed = Passed {
        request: text.lines().next().unwrap_or_default().to_owned(),
        bytes: 0,
        is_broken: false,
    };
    let ended = pass_down(&server, client, shared, breaks_after, &mut passed);
    // Recorded first: a client that has seen the end may look.
    shared.passed.lock().expect("the lock is not poisoned").push(passed);
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    ended
}

fn pass_down(
    mut server: &TcpStream,
    mut client: &TcpStream,
    shared: &Shared,
    breaks_after: Option<u64>,
    passed: &mut Passed,
) -> io::Result<()> {
    let mut packet = [0; PACKET];
    loop {
        let left = breaks_after.map_or(u64::MAX, |breaks_after| breaks_after - passed.bytes);
        let most = usize::try_from(left).map_or(PACKET, |left| left.min(PACKET));
        if most == 0 {
            passed.is_broken = true;
            return Ok(());
        }
        let count = server.read(&mut packet[..most])?;
        if count == 0 {
            return Ok(());
        }
        shared.wait_for(count);
        client.write_all(&packet[..count])?;
        passed.bytes += count as u64;
    }
}

impl Shared {
    /// After how many bytes the next connection breaks.
    fn breaks_after(&self) -> Option<u64> {
        let (breaks, after) = (self.random() % 100, self.random() % self.network.breaks_before.max(1));
        (breaks < self.network.broken_percent).then_some(after)
    }

    /// splitmix64.
    fn random(&self) -> u64 {
        let mut state = self.random.lock().expect("the lock is not poisoned");
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Waits as long as the network needs for this many bytes.
    fn wait_for(&self, count: usize) {
        let Some(rate) = self.network.rate else { return };
        let takes = Duration::from_nanos(count as u64 * 1_000_000_000 / rate);
        let mut free_at = self.free_at.lock().expect("the lock is not poisoned");
        *free_at = (*free_at).max(Instant::now()) + takes;
        let wait = free_at.saturating_duration_since(Instant::now());
        drop(free_at);
        thread::sleep(wait);
    }
}

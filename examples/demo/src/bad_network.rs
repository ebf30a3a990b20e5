//! A network on which connections break and stall, the same every time.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use capbundle::http::{Head, Http, Receiver, Request, Transport, TransportError};

/// Fewer bytes of a body arrive before a connection ends. Most documents are smaller, archives are larger.
const RECEIVED_BELOW: u64 = 2500;
/// How long a stalled connection stays silent. On a real network the timeout of the request ends it.
const STALL: Duration = Duration::from_millis(5);

/// Two of three connections end after some bytes, if the response is longer: half of them break, half of them stall.
#[derive(Debug)]
pub(crate) struct BadNetwork {
    http: Http,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of a pseudo-random sequence.
    seed: u64,
    broken: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Break,
    Stall,
}

impl BadNetwork {
    /// The network of this seed, which is not 0.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            http: Http::new(),
            state: Mutex::new(State { seed, broken: 0 }),
        }
    }

    /// The connections that ended early so far.
    pub(crate) fn broken(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).broken
    }

    /// What happens to the next connection, and after how many bytes.
    fn next(&self) -> Option<(Fault, u64)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // xorshift64, whose sequence is that of its seed.
        state.seed ^= state.seed << 13;
        state.seed ^= state.seed >> 7;
        state.seed ^= state.seed << 17;
        let fault = match state.seed % 3 {
            0 => return None,
            1 => Fault::Break,
            _ => Fault::Stall,
        };
        Some((fault, state.seed / 3 % RECEIVED_BELOW))
    }
}

impl Transport for BadNetwork {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), TransportError> {
        let Some((fault, left)) = self.next() else {
            return self.http.send(request, receiver);
        };
        let mut cut = Cut {
            receiver,
            left,
            url: &request.url.to_string(),
            has_ended: false,
        };
        let sent = self.http.send(request, &mut cut);
        if !cut.has_ended {
            return sent;
        }
        self.state.lock().unwrap_or_else(PoisonError::into_inner).broken += 1;
        if fault == Fault::Stall {
            thread::sleep(STALL);
            return Err(TransportError::Broken("the connection stalled".to_owned()));
        }
        Err(TransportError::Broken("the connection broke".to_owned()))
    }
}

/// Passes on a part of a response.
struct Cut<'a> {
    receiver: &'a mut dyn Receiver,
    left: u64,
    url: &'a str,
    has_ended: bool,
}

impl Receiver for Cut<'_> {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.receiver.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> capbundle::Result<()> {
        let taken = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.receiver.write(&bytes[..taken])?;
        self.left -= taken as u64;
        if taken == bytes.len() {
            return Ok(());
        }
        self.has_ended = true;
        Err(capbundle::Error::Network {
            url: self.url.to_owned(),
            problem: "the connection ended".to_owned(),
        })
    }
}

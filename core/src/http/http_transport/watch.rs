//! What the request of this thread has received, counted under HTTP, and how long it may wait.
//!
//! `ureq` reads on by itself for as long as bytes come that are no body: chunk sizes and their extensions, trailers, interim
//! answers. None of its limits applies to them, so they are counted where every byte passes.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::progress::Control;

/// Bytes that may come beside the body: the head, of which `ureq` takes 64 KiB at most, interim answers, TLS, and what waits
/// in buffers (128 KiB for the socket, as much for TLS, one record).
const BESIDE_THE_BODY: u64 = 1 << 20;
/// Bytes beside the body for each byte of it. A chunk of a single byte has five of framing, and a server that writes a file
/// byte by byte is slow but sound.
const FRAMING: u64 = 5;

thread_local! {
    /// Of the request that this thread sends. A connection outlives its request, so it cannot hold it.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

struct Watch {
    control: Control,
    received: u64,
    body: u64,
    /// When the connection must stand.
    connected_by: Option<Instant>,
    /// When the next piece of the body, or its end, must have come.
    body_by: Option<Instant>,
}

/// The connections that this thread waits on are watched while it lives.
pub(super) struct Watching(());

impl Watching {
    pub(super) fn start(control: &Control, connect_timeout: Duration) -> Self {
        WATCH.set(Some(Watch {
            control: control.clone(),
            received: 0,
            body: 0,
            connected_by: Instant::now().checked_add(connect_timeout),
            body_by: None,
        }));
        Self(())
    }
}

/// The next piece of the body is waited for.
pub(super) fn await_body(stall_timeout: Duration) {
    with(|watch| watch.body_by = Instant::now().checked_add(stall_timeout));
}

/// A piece of the body came.
pub(super) fn body_received(count: usize) {
    with(|watch| watch.body = watch.body.saturating_add(count as u64));
}

impl Drop for Watching {
    fn drop(&mut self) {
        WATCH.set(None);
    }
}

fn with<T>(act: impl FnOnce(&mut Watch) -> T) -> Option<T> {
    WATCH.with_borrow_mut(|watch| watch.as_mut().map(act))
}

pub(super) fn is_cancelled() -> bool {
    with(|watch| watch.control.is_cancelled()).unwrap_or_default()
}

/// Until when bytes are waited for, apart from the limits of `ureq`.
pub(super) fn deadline(is_connecting: bool) -> Option<Instant> {
    with(|watch| {
        if is_connecting {
            watch.connected_by
        } else {
            watch.body_by
        }
    })
    .flatten()
}

/// So many bytes came, of whatever kind.
pub(super) fn received(count: usize) -> Result<(), Flood> {
    let flood = with(|watch| {
        watch.received = watch.received.saturating_add(count as u64);
        let allowed = BESIDE_THE_BODY.saturating_add(watch.body.saturating_mul(1 + FRAMING));
        (watch.received > allowed).then_some(Flood {
            received: watch.received,
            body: watch.body,
        })
    });
    match flood.flatten() {
        Some(flood) => Err(flood),
        None => Ok(()),
    }
}

/// More came beside the body than any sound server sends.
#[derive(Debug)]
pub(super) struct Flood {
    received: u64,
    body: u64,
}

impl fmt::Display for Flood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the server sent {} bytes, of which {} belong to the body: too many headers, trailers or chunk extensions",
            self.received, self.body
        )
    }
}

impl std::error::Error for Flood {}

//! Counts the bytes that the request of this thread received below HTTP, and limits how long it waits.
//!
//! `ureq` keeps reading while bytes arrive that are not part of the body: chunk sizes and extensions, trailers, interim responses.
//! None of its limits applies to them, so they are counted on the connection.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::progress::Control;

/// Bytes allowed in addition to the body: the head, of which `ureq` accepts at most 64 KiB, interim responses, TLS, and buffered data
/// (128 KiB for the socket, as much for TLS, one record).
const BESIDE_THE_BODY: u64 = 1 << 20;
/// Additional bytes allowed for each byte of the body. A chunk of one byte has five bytes of framing, and a server that writes a
/// file byte by byte is slow but valid.
const FRAMING: u64 = 5;

thread_local! {
    /// The state of the request that this thread sends. A connection outlives its request, so it cannot hold it.
    static WATCH: RefCell<Option<Watch>> = const { RefCell::new(None) };
}

struct Watch {
    control: Control,
    received: u64,
    body: u64,
    /// Deadline of the connection.
    connected_by: Option<Instant>,
    /// Deadline of the next piece of the body, or its end.
    body_by: Option<Instant>,
}

/// Watches the connections of this thread until it is dropped.
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

/// Starts waiting for the next piece of the body.
pub(super) fn await_body(stall_timeout: Duration) {
    with(|watch| watch.body_by = Instant::now().checked_add(stall_timeout));
}

/// A piece of the body arrived.
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

/// The deadline for the next bytes, apart from the limits of `ureq`.
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

/// Counts received bytes of any kind.
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

/// The server sent more bytes in addition to the body than allowed.
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

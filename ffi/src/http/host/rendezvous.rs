//! A rendezvous of the host's thread and ours: each piece is acknowledged before the next.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::{HttpResponseHead, ResponseSink, TransportError};
use crate::error::{CapBundleError, ErrorKind, Result};

/// A piece of the response.
pub(super) enum Piece {
    Begin(HttpResponseHead),
    Write(Vec<u8>),
}

/// The next event for our side.
pub(super) enum Next {
    /// The host is still working.
    Nothing,
    Piece(Piece),
    Returned(Result<(), TransportError>),
}

#[derive(Default)]
pub(super) struct Rendezvous {
    turn: Mutex<Turn>,
    changed: Condvar,
}

#[derive(Default)]
enum Turn {
    /// The host's turn: it sends, waits or reads.
    #[default]
    Host,
    /// The host waits for the result of this piece.
    Offered(Piece),
    /// Our side processes the piece.
    Taken,
    /// The piece was accepted; the host may continue.
    Accepted,
    /// `send` has returned.
    Returned(Result<(), TransportError>),
    /// No more pieces are accepted; the error is for a host that waits.
    Over(Option<CapBundleError>),
}

impl Rendezvous {
    /// Waits for the host, at most this long.
    pub(super) fn next(&self, at_most: Duration) -> Next {
        let at_work = |turn: &mut Turn| !matches!(turn, Turn::Offered(_) | Turn::Returned(_));
        let waited = self.changed.wait_timeout_while(self.turn(), at_most, at_work);
        let (mut turn, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match mem::replace(&mut *turn, Turn::Taken) {
            Turn::Offered(piece) => Next::Piece(piece),
            Turn::Returned(result) => Next::Returned(result),
            other => {
                *turn = other;
                Next::Nothing
            }
        }
    }

    /// Accepts the piece that [`next`](Self::next) returned.
    pub(super) fn accept(&self) {
        self.change(&mut self.turn(), Turn::Accepted);
    }

    /// Accepts no more pieces; later calls of the host fail with this error.
    pub(super) fn end(&self, why: Option<CapBundleError>) {
        self.change(&mut self.turn(), Turn::Over(why));
    }

    /// The host's `send` has returned.
    pub(super) fn returned(&self, result: Result<(), TransportError>) {
        // Another thread of the host may still be in a function of the sink.
        let mut turn = self.wait_for(|turn| matches!(turn, Turn::Host | Turn::Over(_)));
        if matches!(*turn, Turn::Host) {
            self.change(&mut turn, Turn::Returned(result));
        }
    }

    fn offer(&self, piece: Piece) -> Result<()> {
        let mut turn = self.wait_for(|turn| matches!(turn, Turn::Host | Turn::Returned(_) | Turn::Over(_)));
        if !matches!(*turn, Turn::Host) {
            return Err(too_late());
        }
        self.change(&mut turn, Turn::Offered(piece));
        drop(turn);
        let mut turn = self.wait_for(|turn| matches!(turn, Turn::Accepted | Turn::Over(_)));
        if let Turn::Over(why) = &mut *turn {
            return Err(why.take().unwrap_or_else(too_late));
        }
        self.change(&mut turn, Turn::Host);
        Ok(())
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for(&self, condition: impl Fn(&Turn) -> bool) -> MutexGuard<'_, Turn> {
        let waited = self.changed.wait_while(self.turn(), |turn| !condition(turn));
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, turn: &mut Turn, to: Turn) {
        *turn = to;
        self.changed.notify_all();
    }
}

impl ResponseSink for Rendezvous {
    fn begin(&self, head: HttpResponseHead) -> Result<()> {
        self.offer(Piece::Begin(head))
    }

    fn write(&self, bytes: Vec<u8>) -> Result<()> {
        self.offer(Piece::Write(bytes))
    }

    fn is_wanted(&self) -> bool {
        !matches!(*self.turn(), Turn::Over(_))
    }
}

fn too_late() -> CapBundleError {
    CapBundleError::new(ErrorKind::Cancelled, "this response is no longer needed")
}

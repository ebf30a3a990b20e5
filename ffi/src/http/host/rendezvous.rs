//! Where the thread of the host and ours meet: one piece at a time, and nobody goes on before the other has spoken.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::{HttpResponseHead, ResponseSink, TransportError};
use crate::error::{CapBundleError, ErrorKind, Result};

/// What the host passes on.
pub(super) enum Piece {
    Begin(HttpResponseHead),
    Write(Vec<u8>),
}

/// What there is for our side.
pub(super) enum Next {
    /// The host is still at it.
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
    /// The host sends, waits or reads.
    #[default]
    Host,
    /// The host waits for our word on this.
    Offered(Piece),
    /// We look at it.
    Taken,
    /// It may go on.
    Accepted,
    /// `send` is over.
    Returned(Result<(), TransportError>),
    /// We want nothing more; why, for the host that waits.
    Over(Option<CapBundleError>),
}

impl Rendezvous {
    /// Waits for the host, but not for long.
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

    /// The piece that [`next`](Self::next) gave is taken in.
    pub(super) fn go_on(&self) {
        self.change(&mut self.turn(), Turn::Accepted);
    }

    /// Nothing more is taken; whoever comes is told why.
    pub(super) fn end(&self, why: Option<CapBundleError>) {
        self.change(&mut self.turn(), Turn::Over(why));
    }

    /// `send` of the host has returned.
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

    fn wait_for(&self, come: impl Fn(&Turn) -> bool) -> MutexGuard<'_, Turn> {
        let waited = self.changed.wait_while(self.turn(), |turn| !come(turn));
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
    CapBundleError::new(ErrorKind::Cancelled, "nobody waits for this answer any more")
}

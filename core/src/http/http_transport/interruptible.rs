//! A connection that ends while it waits if the request was cancelled, its time is over, or too many bytes besides the body
//! arrived.

use std::time::{Duration, Instant};

use ureq::unversioned::transport::time::Duration as Wait;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::watch;

/// How often a waiting connection checks for cancellation.
const LOOK: Duration = Duration::from_millis(100);

/// Wraps the socket, so that the layers above see no interrupted read, and every byte is counted.
#[derive(Debug)]
pub(super) struct Interruptible<In>(pub(super) In);

impl<In: Transport> Transport for Interruptible<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.0.buffers().input().len();
        let outcome = self.await_any(timeout);
        let came = self.0.buffers().input().len().saturating_sub(before);
        watch::received(came).map_err(|flood| Error::Other(Box::new(flood)))?;
        outcome
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

impl<In: Transport> Interruptible<In> {
    fn await_any(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let is_connecting = timeout.reason == Timeout::Connect;
        let whole = timeout.for_read();
        let deadline = watch::deadline(is_connecting);
        let late = if is_connecting {
            Timeout::Connect
        } else {
            Timeout::RecvBody
        };
        let began = Instant::now();
        loop {
            if watch::is_cancelled() {
                return Err(Error::Io(std::io::Error::other(
                    "cancelled while waiting for the server",
                )));
            }
            let left = match whole.after {
                Wait::Exact(after) => after.saturating_sub(began.elapsed()),
                Wait::NotHappening => Duration::MAX,
            };
            if left.is_zero() {
                return Err(Error::Timeout(whole.reason));
            }
            let left_in_all = deadline.map_or(Duration::MAX, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if left_in_all.is_zero() {
                return Err(Error::Timeout(late));
            }
            let slice = NextTimeout {
                after: Wait::Exact(left.min(left_in_all).min(LOOK)),
                ..whole
            };
            match self.0.await_input(slice) {
                Err(Error::Timeout(_)) => {}
                outcome => return outcome,
            }
        }
    }
}

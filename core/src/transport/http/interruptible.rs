//! A connection that notices while it waits that nobody wants the answer any more.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::unversioned::transport::time::Duration as Wait;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

use crate::progress::Control;

/// How long a cancellation goes unnoticed at most.
const LOOK: Duration = Duration::from_millis(100);

thread_local! {
    /// Of the request that this thread sends. A connection outlives its request, so it cannot hold it.
    static CONTROL: RefCell<Option<Control>> = const { RefCell::new(None) };
}

/// Connections that this thread waits on can be cancelled by `control` while the guard lives.
pub(super) struct Listening(());

impl Listening {
    pub(super) fn to(control: &Control) -> Self {
        CONTROL.set(Some(control.clone()));
        Self(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        CONTROL.set(None);
    }
}

fn is_cancelled() -> bool {
    CONTROL.with_borrow(|control| control.as_ref().is_some_and(Control::is_cancelled))
}

/// Goes between the socket and TLS, so that nothing above it sees an interrupted read.
#[derive(Debug)]
pub(super) struct InterruptibleConnector;

impl<In: Transport> Connector<In> for InterruptibleConnector {
    type Out = Interruptible<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(Interruptible))
    }
}

#[derive(Debug)]
pub(super) struct Interruptible<In>(In);

impl<In: Transport> Transport for Interruptible<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let whole = timeout.for_read();
        let began = Instant::now();
        loop {
            if is_cancelled() {
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
            let slice = NextTimeout {
                after: Wait::Exact(left.min(LOOK)),
                ..whole
            };
            match self.0.await_input(slice) {
                Err(Error::Timeout(_)) => {}
                outcome => return outcome,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

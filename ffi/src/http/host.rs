//! The host's HTTP as a transport of the core.
//!
//! The host's `send` runs on a thread of its own and hands over each piece to the thread that called us: the
//! host learns the result of a piece before it reads the next one, and a host that never returns blocks no one.

mod rendezvous;

use std::fmt;
use std::io::Read as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capbundle_core::Error;
use capbundle_core::http as core;
use capbundle_core::http::{Head, Headers, Method, Receiver, Request};

use super::{HttpHeader, HttpMethod, HttpRequest, HttpResponseHead, HttpTransport, TransportError};
use crate::convert::signed;
use crate::error::{CapBundleError, ErrorKind, Result};
use rendezvous::{Next, Piece, Rendezvous};

/// How often a thread that waits for bytes checks whether they are still needed.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The host has the same timeouts and should report first what it waited for.
const GRACE: Duration = Duration::from_secs(1);

/// Runs an operation over the host's transport. If the transport breaks its contract, that is the error.
pub(crate) fn with_transport<T>(transport: Arc<dyn HttpTransport>, work: impl FnOnce(&Host) -> Result<T>) -> Result<T> {
    let host = Host::new(transport);
    let result = work(&host);
    result.map_err(|error| host.violation().unwrap_or(error))
}

/// The host's transport, for one operation.
pub(crate) struct Host {
    transport: Arc<dyn HttpTransport>,
    fault: Mutex<Option<String>>,
}

impl core::Transport for Host {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), core::TransportError> {
        let sent_request = to_host(request)?;
        let rendezvous = Arc::new(Rendezvous::default());
        let (theirs, transport) = (Arc::clone(&rendezvous), Arc::clone(&self.transport));
        // In a box, as the threads of the core: their code is one.
        let sending: Box<dyn FnOnce() + Send> = Box::new(move || {
            let sent = panic::catch_unwind(AssertUnwindSafe(|| {
                transport.send(sent_request, Arc::clone(&theirs) as _)
            }));
            let reason = "panic in the bindings".to_owned();
            theirs.returned(sent.unwrap_or(Err(TransportError::Unexpected { reason })));
        });
        let thread = thread::Builder::new().name("capbundle-http".to_owned()).spawn(sending);
        let thread = thread
            .map_err(|error| core::TransportError::Broken(format!("cannot start a thread for the request: {error}")))?;
        let (has_returned, result) = self.receive(&rendezvous, request, receiver);
        rendezvous.end(match &result {
            Err(core::TransportError::Receiver(error)) => Some(CapBundleError::from(error)),
            _ => None,
        });
        if has_returned {
            // The thread has ended. A panic in it was already reported.
            drop(thread.join());
        }
        result
    }
}

impl Host {
    pub(crate) fn new(transport: Arc<dyn HttpTransport>) -> Self {
        let fault = Mutex::default();
        Self { transport, fault }
    }

    /// What the host did that breaks the contract of a transport. Separate from [`with_transport`], which is
    /// instantiated for every operation.
    #[inline(never)]
    fn violation(self) -> Option<CapBundleError> {
        let fault = self.fault.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        let message = format!("the HTTP transport of the app {fault}");
        Some(CapBundleError::new(ErrorKind::Callback, message))
    }

    /// Whether the host's `send` has returned, and its result.
    fn receive(
        &self,
        rendezvous: &Rendezvous,
        request: &Request,
        receiver: &mut dyn Receiver,
    ) -> (bool, Result<(), core::TransportError>) {
        let mut begun = false;
        let mut patience = request.connect_timeout + request.stall_timeout + GRACE;
        let mut since = Instant::now();
        loop {
            match rendezvous.next(POLL_INTERVAL) {
                Next::Nothing if request.control.is_cancelled() => return (false, Err(cancelled())),
                Next::Nothing if since.elapsed() >= patience => {
                    let problem = format!(
                        "the HTTP transport of the app made no call for {} s",
                        patience.as_secs_f32()
                    );
                    return (false, Err(core::TransportError::Broken(problem)));
                }
                Next::Nothing => {}
                Next::Piece(piece) => {
                    if let Err(error) = self.take(piece, &mut begun, request, receiver) {
                        return (false, Err(core::TransportError::Receiver(error)));
                    }
                    rendezvous.accept();
                    (patience, since) = (request.stall_timeout + GRACE, Instant::now());
                }
                Next::Returned(result) => return (true, self.outcome(result, begun)),
            }
        }
    }

    fn take(
        &self,
        piece: Piece,
        begun: &mut bool,
        request: &Request,
        receiver: &mut dyn Receiver,
    ) -> capbundle_core::Result<()> {
        match piece {
            Piece::Begin(_) if *begun => Err(self.fault("called begin twice".to_owned())),
            Piece::Begin(head) => {
                *begun = true;
                if let Some(body) = &request.body {
                    receiver.sent(body.length())?;
                }
                receiver.begin(&self.head(head)?)
            }
            Piece::Write(_) if !*begun => Err(self.fault("called write before begin".to_owned())),
            Piece::Write(bytes) => receiver.write(&bytes),
        }
    }

    fn head(&self, head: HttpResponseHead) -> capbundle_core::Result<Head> {
        let status = u16::try_from(head.status)
            .ok()
            .filter(|status| (200..600).contains(status));
        let status = status.ok_or_else(|| self.fault(format!("passed the invalid status {}", head.status)))?;
        let mut headers = Headers::new();
        for HttpHeader { name, value } in head.headers {
            // A malformed field was sent by a server and passed on by the host; it is ignored.
            drop(headers.add(name, value));
        }
        Ok(Head::new(status, headers))
    }

    fn outcome(&self, result: Result<(), TransportError>, begun: bool) -> Result<(), core::TransportError> {
        let fault = |fault: String| Err(core::TransportError::Receiver(self.fault(fault)));
        match result {
            Ok(()) if begun => Ok(()),
            Ok(()) => fault("returned without a response and without an error".to_owned()),
            Err(TransportError::Offline { reason } | TransportError::Broken { reason }) => {
                Err(core::TransportError::Broken(reason))
            }
            Err(TransportError::Refused { reason }) => Err(core::TransportError::Refused(reason)),
            Err(TransportError::Cancelled { .. }) => Err(cancelled()),
            Err(TransportError::Unexpected { reason }) => fault(format!("threw: {reason}")),
        }
    }

    /// Records the violation; the returned error only carries it through the core.
    fn fault(&self, problem: String) -> Error {
        let what = "HTTP transport".to_owned();
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        fault.get_or_insert_with(|| problem.clone());
        Error::InvalidInput { what, problem }
    }
}

fn cancelled() -> core::TransportError {
    let operation = "wait for a server";
    core::TransportError::Receiver(Error::Cancelled { operation })
}

fn to_host(request: &Request) -> Result<HttpRequest, core::TransportError> {
    let body = request.body.as_ref().map(|body| {
        let mut bytes = Vec::new();
        let read = body.reader().read_to_end(&mut bytes);
        let unreadable = |error| core::TransportError::Broken(format!("cannot read the request body: {error}"));
        read.map(|_| bytes).map_err(unreadable)
    });
    let headers = request.headers.iter().map(|(name, value)| HttpHeader {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    Ok(HttpRequest {
        method: match request.method {
            Method::Get => HttpMethod::Get,
            Method::Head => HttpMethod::Head,
            Method::Post => HttpMethod::Post,
            Method::Put => HttpMethod::Put,
            Method::Delete => HttpMethod::Delete,
        },
        url: request.url.as_str().to_owned(),
        headers: headers.collect(),
        body: body.transpose()?,
        connect_timeout_ms: signed(request.connect_timeout.as_millis()),
        stall_timeout_ms: signed(request.stall_timeout.as_millis()),
    })
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Host").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

//! The host's HTTP as a transport of the core.
//!
//! `send` of the host runs on a thread of its own and meets the thread that called us piece by piece: what a piece comes to
//! is known to the host before it asks for the next one, and a host that never returns holds up nobody.

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
use rendezvous::{Rendezvous, Next, Piece};

/// How often somebody who waits for bytes looks whether anybody still wants them.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The host has the same time limits and should say itself what it waited for.
const GRACE: Duration = Duration::from_secs(1);

/// Runs an operation over the host's transport. What the host did that no transport may do is the error then.
pub(crate) fn with_transport<T>(transport: Arc<dyn HttpTransport>, work: impl FnOnce(&Host) -> Result<T>) -> Result<T> {
    let host = Host {
        transport,
        fault: Mutex::default(),
    };
    let result = work(&host);
    result.map_err(|error| host.blame().unwrap_or(error))
}

/// What the other side handed over, once for each operation.
pub(crate) struct Host {
    transport: Arc<dyn HttpTransport>,
    fault: Mutex<Option<String>>,
}

impl core::Transport for Host {
    fn send(&self, request: &Request, receiver: &mut dyn Receiver) -> Result<(), core::TransportError> {
        let asked = asked(request)?;
        let rendezvous = Arc::new(Rendezvous::default());
        let (theirs, transport) = (Arc::clone(&rendezvous), Arc::clone(&self.transport));
        let sending = move || {
            let sent = panic::catch_unwind(AssertUnwindSafe(|| transport.send(asked, Arc::clone(&theirs) as _)));
            let reason = "it failed within the bindings".to_owned();
            theirs.returned(sent.unwrap_or(Err(TransportError::Unexpected { reason })));
        };
        let thread = thread::Builder::new().name("capbundle-http".to_owned()).spawn(sending);
        let thread = thread.map_err(|error| core::TransportError::Broken(format!("no thread to send it: {error}")))?;
        let (has_returned, result) = self.receive(&rendezvous, request, receiver);
        rendezvous.end(match &result {
            Err(core::TransportError::Receiver(error)) => Some(CapBundleError::from(error)),
            _ => None,
        });
        if has_returned {
            // It has nothing left to do. That it panicked has been told.
            drop(thread.join());
        }
        result
    }
}

impl Host {
    /// What the host did that no transport may do. Apart from [`with_transport`], of which there is a copy for every operation.
    #[inline(never)]
    fn blame(self) -> Option<CapBundleError> {
        let fault = self.fault.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        let message = format!("the HTTP transport of the app {fault}");
        Some(CapBundleError::new(ErrorKind::Callback, message))
    }

    /// Whether the host's `send` has returned, and what came of it.
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
            match rendezvous.next(LOOK_EVERY) {
                Next::Nothing if request.control.is_cancelled() => return (false, Err(cancelled())),
                Next::Nothing if since.elapsed() >= patience => {
                    let problem = format!("the transport of the app told nothing for {} s", patience.as_secs_f32());
                    return (false, Err(core::TransportError::Broken(problem)));
                }
                Next::Nothing => {}
                Next::Piece(piece) => {
                    if let Err(error) = self.take(piece, &mut begun, request, receiver) {
                        return (false, Err(core::TransportError::Receiver(error)));
                    }
                    rendezvous.go_on();
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
            Piece::Begin(_) if *begun => Err(self.fault("told the head of one answer twice".to_owned())),
            Piece::Begin(head) => {
                *begun = true;
                if let Some(body) = &request.body {
                    receiver.sent(body.length())?;
                }
                receiver.begin(&self.head(head)?)
            }
            Piece::Write(_) if !*begun => Err(self.fault("passed on a body before its head".to_owned())),
            Piece::Write(bytes) => receiver.write(&bytes),
        }
    }

    fn head(&self, head: HttpResponseHead) -> capbundle_core::Result<Head> {
        let status = u16::try_from(head.status)
            .ok()
            .filter(|status| (200..600).contains(status));
        let status = status.ok_or_else(|| self.fault(format!("told the status {}, which is none", head.status)))?;
        let mut headers = Headers::new();
        for HttpHeader { name, value } in head.headers {
            // What is no field of HTTP is nothing that we look at: a server sent it, and the host passed it on.
            drop(headers.add(name, value));
        }
        Ok(Head::new(status, headers))
    }

    fn outcome(&self, result: Result<(), TransportError>, begun: bool) -> Result<(), core::TransportError> {
        let fault = |fault: String| Err(core::TransportError::Receiver(self.fault(fault)));
        match result {
            Ok(()) if begun => Ok(()),
            Ok(()) => fault("returned without an answer and without an error".to_owned()),
            Err(TransportError::Offline { reason } | TransportError::Broken { reason }) => {
                Err(core::TransportError::Broken(reason))
            }
            Err(TransportError::Refused { reason }) => Err(core::TransportError::Refused(reason)),
            Err(TransportError::Cancelled { .. }) => Err(cancelled()),
            Err(TransportError::Unexpected { reason }) => fault(format!("threw: {reason}")),
        }
    }

    /// Keeps what the host did wrong; the error only carries the word through the core.
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

fn asked(request: &Request) -> Result<HttpRequest, core::TransportError> {
    let body = request.body.as_ref().map(|body| {
        let mut bytes = Vec::new();
        let read = body.reader().read_to_end(&mut bytes);
        let unreadable = |error| core::TransportError::Broken(format!("its body cannot be read: {error}"));
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

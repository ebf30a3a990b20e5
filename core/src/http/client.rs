//! A request whose answer is small: sent, sent again where that may help, and its answer kept.

use std::time::{Duration, SystemTime};

use super::exchange::Exchange;
use super::patience::Patience;
use super::retry::{Backoff, retry_after};
use super::transport::{Cleartext, Head, Receiver, Request, Transport};
use crate::error::{Error, Result};
use crate::progress::Control;

/// What may be asked again after it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// Whatever may help: asking twice is the same as asking once.
    Idempotent,
    /// Only what the server said it has not done (429, 503): doing it twice is not the same as doing it once.
    NonIdempotent,
}

/// What comes of asking.
#[derive(Debug)]
pub struct Response {
    /// How it begins. Any status: what an error means is for whoever asked.
    pub head: Head,
    /// All of its body.
    pub body: Vec<u8>,
}

/// Whoever wants to know how much of a request's body is out.
pub trait UploadProgress {
    /// So much more was sent.
    fn sent(&mut self, count: u64);
    /// All of it will be sent again.
    fn again(&mut self);
}

/// For requests that nobody watches.
impl UploadProgress for () {
    fn sent(&mut self, _: u64) {}
    fn again(&mut self) {}
}

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub transport: &'a dyn Transport,
    pub cleartext: Cleartext,
    pub control: &'a Control,
    /// What is being done, for the error of a cancellation.
    pub operation: &'static str,
    /// A longer answer is refused, in bytes.
    pub largest_reply: usize,
    /// How often it is tried at most.
    pub tries: u32,
    /// The wait after the first failure, before jitter.
    pub first_wait: Duration,
}

impl<'a> Question<'a> {
    /// Five tries, an answer of at most 1 MiB, https unless it is this machine.
    pub fn new(transport: &'a dyn Transport, control: &'a Control, operation: &'static str) -> Self {
        Self {
            transport,
            cleartext: Cleartext::LoopbackOnly,
            control,
            operation,
            largest_reply: 1 << 20,
            tries: 5,
            first_wait: Duration::from_millis(500),
        }
    }

    /// Asks. The request is made anew for each try, since a signature has a time.
    ///
    /// # Errors
    /// What `make` returned; `NotTrusted` for a connection that is not secure; `Network` when no whole answer came after
    /// all tries; or it is too long; `Cancelled`. An error status is an answer, also the last
    /// of several.
    pub fn ask<E: From<Error>>(
        &self,
        repeat: Idempotency,
        make: &mut dyn FnMut() -> Result<Request, E>,
        sending: &mut dyn UploadProgress,
    ) -> Result<Response, E> {
        let mut backoff = Backoff::new(self.tries).with_first_wait(self.first_wait);
        loop {
            self.control.check(self.operation)?;
            let mut request = make()?;
            request.control = self.control.clone();
            let mut collector = Collector {
                question: self,
                url: &request.url.to_string(),
                sending,
                reply: None,
                stall_timeout: request.stall_timeout,
                patience: Patience::new(request.stall_timeout),
            };
            let exchange = Exchange::run(self.transport, &request, self.cleartext, &mut collector)?;
            let reply = collector.reply.take();
            let (asked, outcome) = match (exchange, reply) {
                (Exchange::Complete, Some(reply)) => {
                    let again = match repeat {
                        Idempotency::Idempotent => matches!(reply.head.status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
                        Idempotency::NonIdempotent => matches!(reply.head.status, 429 | 503),
                    };
                    if !again {
                        return Ok(reply);
                    }
                    (retry_after(&reply.head.headers, SystemTime::now()), Ok(reply))
                }
                (Exchange::Complete, None) => (None, Err(E::from(network(&request, "no answer came", &backoff)))),
                (Exchange::Broken(problem), _) => {
                    let error = E::from(network(&request, &problem, &backoff));
                    if repeat == Idempotency::NonIdempotent {
                        return Err(error);
                    }
                    (None, Err(error))
                }
            };
            if !backoff.wait(asked, self.control, self.operation)? {
                return outcome;
            }
            sending.again();
        }
    }
}

fn network(request: &Request, problem: &str, backoff: &Backoff) -> Error {
    let tries = match backoff.failures() + 1 {
        1 => String::new(),
        tries => format!(" (tried {tries} times)"),
    };
    Error::Network {
        url: request.url.without_query().to_owned(),
        problem: format!("{problem}{tries}"),
    }
}

struct Collector<'a> {
    question: &'a Question<'a>,
    url: &'a str,
    sending: &'a mut dyn UploadProgress,
    reply: Option<Response>,
    stall_timeout: Duration,
    /// Since the answer began: a server may work for long before it does.
    patience: Patience,
}

impl Collector<'_> {
    fn network(&self, problem: String) -> Error {
        Error::Network {
            url: self.url.to_owned(),
            problem,
        }
    }
}

impl Receiver for Collector<'_> {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.sending.sent(count);
        self.question.control.check(self.question.operation)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        self.reply = Some(Response {
            head: head.clone(),
            body: Vec::new(),
        });
        self.patience = Patience::new(self.stall_timeout);
        self.question.control.check(self.question.operation)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.question.control.check(self.question.operation)?;
        let Some(reply) = &mut self.reply else {
            return Err(self.network("a body came before its head".to_owned()));
        };
        let length = reply.body.len() + bytes.len();
        if length > self.question.largest_reply {
            let problem = format!("its answer is longer than {} bytes", self.question.largest_reply);
            return Err(self.network(problem));
        }
        reply.body.extend_from_slice(bytes);
        self.patience.check(length).map_err(|problem| self.network(problem))
    }
}

#[cfg(test)]
mod tests;

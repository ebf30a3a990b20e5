//! One loop for every request: attempts, waits, redirects, and where the response goes.
//!
//! [`Client::send`] keeps the whole response in memory, [`Client::head`] only its head. A response that goes elsewhere (a file,
//! a hash) is received by a [`Retryable`], which [`Client::run`] attempts until it succeeds or no attempt is left.

use std::time::{Duration, SystemTime};

use super::collector::{Collected, Collector, NO_RESPONSE};
use super::exchange::{Exchange, RedirectPolicy};
use super::retry::{Backoff, Idempotency, RetryPolicy, is_retryable, retry_after};
use super::transport::{Cleartext, Head, Receiver, Request, Transport};
use crate::error::{Error, Result};
use crate::progress::Control;

pub use super::collector::Response;

/// The default of [`Client::with_max_response_len`].
const MAX_RESPONSE_LEN: usize = 1 << 20;

/// Observes how much of a request's body was sent.
pub trait UploadProgress {
    /// `count` more bytes were sent.
    fn sent(&mut self, count: u64);
    /// The whole body will be sent again.
    fn restarted(&mut self);
}

/// For requests without an observer.
impl UploadProgress for () {
    fn sent(&mut self, _: u64) {}
    fn restarted(&mut self) {}
}

/// A request that can be attempted several times, and the receiver of its responses.
pub trait Retryable: Receiver {
    /// The result of a successful attempt.
    type Output;
    /// The error after a failure that is not retried.
    type Error: From<Error>;

    /// Begins an attempt and returns its request. Called before each attempt, since a signature or a range changes.
    ///
    /// # Errors
    /// Ends the request.
    fn request(&mut self) -> Result<Request, Self::Error>;

    /// Decides what the attempt means, after it ended.
    ///
    /// # Errors
    /// A failure that is not retried.
    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Self::Output>, Self::Error>;

    /// The result after the last attempt. By default `last`, with the number of attempts if it is a network error.
    ///
    /// # Errors
    /// The error of the last attempt.
    fn give_up(&mut self, last: Result<Self::Output>, failures: u32) -> Result<Self::Output, Self::Error> {
        let note = match failures {
            0 | 1 => return Ok(last?),
            failures => format!("tried {failures} times"),
        };
        Ok(last.map_err(|error| with_note(error, &note))?)
    }
}

/// The outcome of one attempt.
#[derive(Debug)]
pub enum AttemptOutcome<T> {
    /// The request succeeded, or its response is not worth a retry.
    Done(T),
    /// Another attempt may succeed.
    Retry {
        /// The result if no attempt is left.
        last: Result<T>,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
        /// Whether the attempt gained enough not to count as a failure.
        progressed: bool,
    },
}

impl<T> AttemptOutcome<T> {
    /// A retry after a failure without progress.
    #[must_use]
    pub fn retry(last: Result<T>) -> Self {
        Self::Retry {
            last,
            retry_after: None,
            progressed: false,
        }
    }
}

/// Adds a note in parentheses to the problem of a network error, for example how often it was attempted.
#[must_use]
pub fn with_note(error: Error, note: &str) -> Error {
    match error {
        Error::Network { url, problem } => Error::Network {
            url,
            problem: format!("{problem} ({note})"),
        },
        other => other,
    }
}

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    transport: &'a dyn Transport,
    control: &'a Control,
    operation: &'static str,
    cleartext: Cleartext,
    redirects: RedirectPolicy,
    retry: RetryPolicy,
    max_response_len: usize,
}

impl<'a> Client<'a> {
    /// A client with the default policies: https (or this machine), up to five redirects, five attempts, 1 MiB. `operation` is
    /// named by the error of a cancellation.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, control: &'a Control, operation: &'static str) -> Self {
        Self {
            transport,
            control,
            operation,
            cleartext: Cleartext::default(),
            redirects: RedirectPolicy::default(),
            retry: RetryPolicy::default(),
            max_response_len: MAX_RESPONSE_LEN,
        }
    }

    /// Sets which addresses may be requested without TLS.
    #[must_use]
    pub fn with_cleartext(mut self, cleartext: Cleartext) -> Self {
        self.cleartext = cleartext;
        self
    }

    /// Sets whether redirects are followed.
    #[must_use]
    pub fn with_redirects(mut self, redirects: RedirectPolicy) -> Self {
        self.redirects = redirects;
        self
    }

    /// Sets how often a request is attempted.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets the longest body that [`send`](Self::send) keeps, in bytes.
    #[must_use]
    pub fn with_max_response_len(mut self, max_response_len: usize) -> Self {
        self.max_response_len = max_response_len;
        self
    }

    /// Attempts a request until it succeeds, fails permanently, or no attempt is left.
    ///
    /// # Errors
    /// Those of `request`; [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn run<R: Retryable>(&self, retryable: &mut R) -> Result<R::Output, R::Error> {
        let mut backoff = Backoff::new(self.retry);
        loop {
            self.control.check(self.operation)?;
            let mut request = retryable.request()?;
            request.control = self.control.clone();
            let exchange = Exchange::run(self.transport, &request, self.cleartext, self.redirects, retryable);
            let (last, retry_after) = match retryable.outcome(exchange)? {
                AttemptOutcome::Done(output) => return Ok(output),
                AttemptOutcome::Retry {
                    last,
                    retry_after,
                    progressed,
                } => {
                    if progressed {
                        backoff.reset();
                    }
                    (last, retry_after)
                }
            };
            if !backoff.wait(retry_after, self.control, self.operation)? {
                return retryable.give_up(last, backoff.failures());
            }
        }
    }

    /// Sends a request and returns its response, whatever its status. `make` is called for each attempt, since a signature
    /// contains a time.
    ///
    /// # Errors
    /// Those of `make`; [`NotTrusted`](crate::ErrorKind::NotTrusted) for a connection that is not secure;
    /// [`Network`](crate::ErrorKind::Network) if no attempt got a complete response, or the response is too long or too slow;
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn send<E: From<Error>>(
        &self,
        idempotency: Idempotency,
        make: &mut dyn FnMut() -> Result<Request, E>,
        progress: &mut dyn UploadProgress,
    ) -> Result<Response, E> {
        self.run(&mut InMemory {
            collector: Collector::new(self.control, self.operation, self.max_response_len),
            max_len: self.max_response_len,
            idempotency,
            make,
            progress,
            is_repeated: false,
            url: String::new(),
        })
    }

    /// Sends a request without a body and returns the head of its response, whatever its status. The body is not received: a
    /// `GET` for one byte may be answered with the whole file.
    ///
    /// # Errors
    /// As of [`send`](Self::send).
    pub fn head<E: From<Error>>(&self, make: &mut dyn FnMut() -> Result<Request, E>) -> Result<Head, E> {
        self.run(&mut HeadOnly {
            make,
            url: String::new(),
            head: None,
        })
    }
}

/// Keeps the whole response, up to a length.
struct InMemory<'a, E> {
    collector: Collector<'a>,
    max_len: usize,
    idempotency: Idempotency,
    make: &'a mut dyn FnMut() -> Result<Request, E>,
    progress: &'a mut dyn UploadProgress,
    is_repeated: bool,
    url: String,
}

impl<E: From<Error>> Retryable for InMemory<'_, E> {
    type Output = Response;
    type Error = E;

    fn request(&mut self) -> Result<Request, E> {
        if self.is_repeated {
            self.progress.restarted();
        }
        self.is_repeated = true;
        let request = (self.make)()?;
        request.url.without_query().clone_into(&mut self.url);
        self.collector.start(&request);
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Response>, E> {
        let problem = match self.collector.finish(exchange)? {
            Collected::Complete(response) => {
                if !is_retryable(response.head.status, self.idempotency) {
                    return Ok(AttemptOutcome::Done(response));
                }
                return Ok(AttemptOutcome::Retry {
                    retry_after: retry_after(&response.head.headers, SystemTime::now()),
                    last: Ok(response),
                    progressed: false,
                });
            }
            Collected::TooLong(_) => {
                let problem = format!("the response is longer than {} bytes", self.max_len);
                return Err(network(&self.url, problem).into());
            }
            Collected::Stopped(problem) => return Err(network(&self.url, problem).into()),
            Collected::Broken(problem) => problem,
        };
        let error = network(&self.url, problem);
        match self.idempotency {
            Idempotency::Idempotent => Ok(AttemptOutcome::retry(Err(error))),
            Idempotency::NonIdempotent => Err(error.into()),
        }
    }
}

impl<E> Receiver for InMemory<'_, E> {
    fn sent(&mut self, count: u64) -> Result<()> {
        self.progress.sent(count);
        self.collector.sent(count)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        self.collector.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.collector.write(bytes)
    }
}

/// Ends the transfer before the body.
struct HeadOnly<'a, E> {
    make: &'a mut dyn FnMut() -> Result<Request, E>,
    url: String,
    head: Option<Head>,
}

impl<E: From<Error>> Retryable for HeadOnly<'_, E> {
    type Output = Head;
    type Error = E;

    fn request(&mut self) -> Result<Request, E> {
        let request = (self.make)()?;
        request.url.without_query().clone_into(&mut self.url);
        self.head = None;
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Head>, E> {
        match (self.head.take(), exchange) {
            (Some(head), _) if is_retryable(head.status, Idempotency::Idempotent) => Ok(AttemptOutcome::Retry {
                retry_after: retry_after(&head.headers, SystemTime::now()),
                last: Ok(head),
                progressed: false,
            }),
            (Some(head), _) => Ok(AttemptOutcome::Done(head)),
            (None, exchange) => {
                let problem = match exchange? {
                    Exchange::Complete => NO_RESPONSE.to_owned(),
                    Exchange::Broken(problem) => problem,
                };
                Ok(AttemptOutcome::retry(Err(network(&self.url, problem))))
            }
        }
    }
}

impl<E> Receiver for HeadOnly<'_, E> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.head = Some(head.clone());
        // Ends the transfer; `outcome` has the head.
        Err(Error::Cancelled {
            operation: "read the head of a response",
        })
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

fn network(url: &str, problem: impl Into<String>) -> Error {
    Error::Network {
        url: url.to_owned(),
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests;

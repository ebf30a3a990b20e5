//! Collects one small response in memory, with limits on its length and time.

use std::time::Duration;

use super::deadline::Deadline;
use super::download::headers::content_length;
use super::exchange::Exchange;
use super::transport::{Head, Method, Receiver, Request};
use crate::error::{Error, Result};
use crate::progress::Control;

/// The problem of an exchange that completed without a response.
pub(crate) const NO_RESPONSE: &str = "no response arrived";

/// A response with its whole body.
#[derive(Debug)]
pub struct Response {
    /// Status and headers. The status may be an error.
    pub head: Head,
    /// The body.
    pub body: Vec<u8>,
}

/// How an attempt to receive a response ended.
#[derive(Debug)]
pub(crate) enum Collected {
    /// The response is complete.
    Complete(Response),
    /// The body exceeds the limit. Its beginning is enough to recognize a web page.
    TooLong(Response),
    /// The transfer was stopped for this reason, for example because it was too slow.
    Stopped(String),
    /// The connection failed, or the response is incomplete.
    Broken(String),
}

enum Problem {
    TooLong,
    Stopped(String),
}

/// Receives one response at a time.
pub(crate) struct Collector<'a> {
    control: &'a Control,
    operation: &'static str,
    max_len: usize,
    has_body: bool,
    stall_timeout: Duration,
    /// Starts with the response, since a server may work for a long time before it responds.
    deadline: Deadline,
    response: Option<Response>,
    problem: Option<Problem>,
}

impl<'a> Collector<'a> {
    /// `operation` is named by the error of a cancellation. `max_len` limits the body, in bytes.
    pub(crate) fn new(control: &'a Control, operation: &'static str, max_len: usize) -> Self {
        Self {
            control,
            operation,
            max_len,
            has_body: true,
            stall_timeout: Duration::ZERO,
            deadline: Deadline::new(Duration::ZERO),
            response: None,
            problem: None,
        }
    }

    /// Begins an attempt: discards the previous response.
    pub(crate) fn start(&mut self, request: &Request) {
        self.has_body = request.method != Method::Head;
        self.stall_timeout = request.stall_timeout;
        self.deadline = Deadline::new(request.stall_timeout);
        self.response = None;
        self.problem = None;
    }

    /// Returns the error that ends the transfer; [`finish`](Self::finish) reports this problem instead.
    pub(crate) fn stop(&mut self, problem: String) -> Error {
        self.end(Problem::Stopped(problem))
    }

    fn end(&mut self, problem: Problem) -> Error {
        self.problem = Some(problem);
        Error::Cancelled {
            operation: self.operation,
        }
    }

    /// The outcome of the attempt.
    ///
    /// # Errors
    /// Those of the exchange.
    pub(crate) fn finish(&mut self, exchange: Result<Exchange>) -> Result<Collected> {
        let response = self.response.take();
        let response = match (self.problem.take(), response) {
            (Some(Problem::TooLong), Some(response)) => return Ok(Collected::TooLong(response)),
            (Some(Problem::Stopped(problem)), _) => return Ok(Collected::Stopped(problem)),
            (_, response) => response,
        };
        Ok(match (exchange?, response) {
            (Exchange::Broken(problem), _) => Collected::Broken(problem),
            (Exchange::Complete, None) => Collected::Broken(NO_RESPONSE.to_owned()),
            (Exchange::Complete, Some(response)) => match self.missing(&response) {
                Some(problem) => Collected::Broken(problem),
                None => Collected::Complete(response),
            },
        })
    }

    /// Reports a transfer that ended early. Not every transport detects this: Java's connection takes the end of the
    /// socket for the end of the body. The length does not apply to a body that the transport decompressed.
    fn missing(&self, response: &Response) -> Option<String> {
        let headers = &response.head.headers;
        let has_length = self.has_body && response.head.status == 200 && headers.get("content-encoding").is_none();
        let expected = content_length(headers).filter(|_| has_length)?;
        let received = response.body.len() as u64;
        (received < expected).then(|| format!("the transfer ended after {received} of {expected} bytes"))
    }
}

impl Receiver for Collector<'_> {
    fn sent(&mut self, _: u64) -> Result<()> {
        self.control.check(self.operation)
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        self.response = Some(Response {
            head: head.clone(),
            body: Vec::new(),
        });
        self.deadline = Deadline::new(self.stall_timeout);
        self.control.check(self.operation)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.control.check(self.operation)?;
        let max_len = self.max_len;
        let Some(response) = &mut self.response else {
            return Err(self.stop("the body of the response arrived before its head".to_owned()));
        };
        let body = &mut response.body;
        if body.len() + bytes.len() > max_len {
            // At least one byte, which tells a web page from a document even if no byte is allowed.
            let room = max_len.saturating_sub(body.len()).max(1).min(bytes.len());
            body.extend_from_slice(&bytes[..room]);
            return Err(self.end(Problem::TooLong));
        }
        body.extend_from_slice(bytes);
        let length = body.len();
        match self.deadline.check(length) {
            Ok(()) => Ok(()),
            Err(problem) => Err(self.stop(problem)),
        }
    }
}

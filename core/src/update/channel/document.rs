//! Fetching small documents over an unreliable network, with limits on size and time, and retries.

use std::time::{Instant, SystemTime};

use super::Site;
use crate::error::{Error, Result};
use crate::http::client::{AttemptOutcome, Client, NO_RESPONSE, Retryable};
use crate::http::download::{DownloadOptions, Rate, WEB_PAGE, content_length, is_markup};
use crate::http::{Deadline, Exchange, Head, Idempotency, Method, Receiver, Request, RetryPolicy, Transport, Url};
use crate::http::{is_retryable, retry_after};
use crate::progress::Control;

const OPERATION: &str = "read the channel";
/// Statuses of a missing document. A bucket that does not allow listing responds with 403.
const MISSING: [u16; 3] = [403, 404, 410];

/// Fetches the documents of one site.
#[derive(Debug, Clone, Copy)]
pub struct SiteReader<'a> {
    /// The HTTP transport.
    pub transport: &'a dyn Transport,
    /// The site.
    pub site: &'a Site,
    /// Timeouts, retries and the rate limit.
    pub options: &'a DownloadOptions,
    /// Cancels the request.
    pub control: &'a Control,
}

impl SiteReader<'_> {
    /// The current document at `path`, of at most `max_len` bytes. Bypasses caches.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) if the document is missing, too long or a web page, or the server fails;
    /// [`Network`](crate::ErrorKind::Network), [`NotTrusted`](crate::ErrorKind::NotTrusted),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn read(&self, path: &str, max_len: usize) -> Result<Vec<u8>> {
        let url = self.site.url(path)?;
        match self.fetch(&url, max_len)? {
            Fetched::Document(bytes) => Ok(bytes),
            Fetched::Missing(status) => Err(server(&url, status, "the document is missing")),
        }
    }

    /// As [`read`](Self::read), but `None` if the document is missing.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_if_any(&self, path: &str, max_len: usize) -> Result<Option<Vec<u8>>> {
        match self.fetch(&self.site.url(path)?, max_len)? {
            Fetched::Document(bytes) => Ok(Some(bytes)),
            Fetched::Missing(_) => Ok(None),
        }
    }

    fn fetch(&self, url: &Url, max_len: usize) -> Result<Fetched> {
        let retry = RetryPolicy::new(self.options.attempts).with_first_wait(self.options.first_wait);
        let client = Client::new(self.transport, self.control, OPERATION)
            .with_cleartext(self.options.cleartext)
            .with_retry(retry);
        client.run(&mut Incoming::new(self, url, max_len))
    }

    fn request(&self, url: &Url) -> Result<Request> {
        let mut request = Request::new(Method::Get, url.clone());
        request.headers = self.site.headers.clone();
        request.headers.add("Cache-Control", "no-cache")?;
        request.connect_timeout = self.options.connect_timeout;
        request.stall_timeout = self.options.stall_timeout;
        Ok(request)
    }
}

enum Fetched {
    Document(Vec<u8>),
    /// The server reports a missing document with this status.
    Missing(u16),
}

/// Why a transfer is stopped.
enum Problem {
    /// The document exceeds the limit.
    TooLong,
    /// The transfer is too slow.
    Slow(String),
    /// The body of an error response, whose rest is not needed.
    ErrorPage,
}

struct Incoming<'a> {
    reader: &'a SiteReader<'a>,
    url: &'a Url,
    max_len: usize,
    /// Of all attempts: another attempt may take as long as the last.
    total: Deadline,
    head: Option<Head>,
    bytes: Vec<u8>,
    rate: Rate,
    deadline: Deadline,
    problem: Option<Problem>,
}

impl<'a> Incoming<'a> {
    fn new(reader: &'a SiteReader<'a>, url: &'a Url, max_len: usize) -> Self {
        Self {
            reader,
            url,
            max_len,
            total: Deadline::new(reader.options.stall_timeout),
            head: None,
            bytes: Vec::new(),
            rate: Rate::new(reader.options.min_rate, Instant::now()),
            deadline: Deadline::new(reader.options.stall_timeout),
            problem: None,
        }
    }

    /// Reports a transfer that ended early. Not every transport detects this: Java's connection takes the end of the socket for
    /// the end of the body. The length does not apply to a body that the transport decompressed.
    fn missing(&self) -> Option<String> {
        let head = self.head.as_ref().filter(|head| head.status == 200)?;
        let is_uncompressed = head.headers.get("content-encoding").is_none();
        let expected = content_length(&head.headers).filter(|_| is_uncompressed)?;
        let received = self.bytes.len() as u64;
        (received < expected).then(|| format!("the transfer ended after {received} of {expected} bytes"))
    }

    fn give_up(&mut self, problem: Problem) -> Result<()> {
        self.problem = Some(problem);
        // Ends the transfer; the error is not reported.
        Err(Error::Cancelled { operation: OPERATION })
    }
}

impl Retryable for Incoming<'_> {
    type Output = Fetched;
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        self.head = None;
        self.bytes.clear();
        self.rate = Rate::new(self.reader.options.min_rate, Instant::now());
        self.deadline = Deadline::new(self.reader.options.stall_timeout);
        self.problem = None;
        self.reader.request(self.url)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Fetched>> {
        let url = self.url;
        let broken = match exchange {
            Ok(Exchange::Complete) => None,
            Ok(Exchange::Broken(problem)) => Some(problem),
            // `self.problem` is reported below.
            Err(_) if self.problem.is_some() => None,
            Err(error) => return Err(error),
        };
        let is_page = is_markup(&self.bytes);
        let broken = match self.problem.take() {
            Some(Problem::TooLong) if is_page => broken,
            Some(Problem::TooLong) => {
                return Err(server(url, 200, &format!("expected at most {} bytes", self.max_len)));
            }
            Some(Problem::Slow(problem)) => Some(problem),
            Some(Problem::ErrorPage) => broken,
            None => broken.or_else(|| self.missing()),
        };
        let (error, retry_after) = match (broken, self.head.take()) {
            (Some(problem), _) if self.total.is_over() => return Err(network(url, &problem)),
            (Some(problem), _) => (network(url, &problem), None),
            (None, None) => (network(url, NO_RESPONSE), None),
            // A captive portal answers every request until the user has logged in.
            (None, Some(head)) if head.status == 200 && is_page => (server(url, 200, WEB_PAGE), None),
            (None, Some(head)) if head.status == 200 => {
                return Ok(AttemptOutcome::Done(Fetched::Document(std::mem::take(&mut self.bytes))));
            }
            (None, Some(head)) if MISSING.contains(&head.status) => {
                return Ok(AttemptOutcome::Done(Fetched::Missing(head.status)));
            }
            (None, Some(head)) => {
                let error = server(url, head.status, "");
                if !is_retryable(head.status, Idempotency::Idempotent) {
                    return Err(error);
                }
                (error, retry_after(&head.headers, SystemTime::now()))
            }
        };
        Ok(AttemptOutcome::Retry {
            last: Err(error),
            retry_after,
            progressed: false,
        })
    }
}

impl Receiver for Incoming<'_> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.head = Some(head.clone());
        self.reader.control.check(OPERATION)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.reader.control.check(OPERATION)?;
        let in_time = self.rate.received(bytes.len() as u64, Instant::now());
        if let Err(problem) = in_time.and_then(|()| self.deadline.check(self.bytes.len() + bytes.len())) {
            return self.give_up(Problem::Slow(problem));
        }
        let is_document = self.head.as_ref().is_some_and(|head| head.status == 200);
        match (self.bytes.len() + bytes.len() <= self.max_len, is_document) {
            (true, _) => self.bytes.extend_from_slice(bytes),
            (false, true) => {
                // Enough to detect a web page.
                let room = self.max_len.saturating_sub(self.bytes.len()).max(1);
                self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
                return self.give_up(Problem::TooLong);
            }
            (false, false) => return self.give_up(Problem::ErrorPage),
        }
        Ok(())
    }
}

fn network(url: &Url, problem: &str) -> Error {
    Error::Network {
        url: url.without_query().to_owned(),
        problem: problem.to_owned(),
    }
}

fn server(url: &Url, status: u16, problem: &str) -> Error {
    Error::Server {
        url: url.without_query().to_owned(),
        status,
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests;

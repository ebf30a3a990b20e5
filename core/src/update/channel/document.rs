//! Fetching small documents over an unreliable network, with limits on size and time, and retries.

use std::time::{Instant, SystemTime};

use super::Site;
use crate::error::{Error, Result};
use crate::http::client::{AttemptOutcome, Client, Response, Retryable};
use crate::http::download::{DownloadOptions, Rate, WEB_PAGE, is_markup};
use crate::http::{
    Collected, Collector, Deadline, Exchange, Head, Idempotency, Method, Receiver, Request, RetryPolicy, Transport, Url,
};
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

struct Incoming<'a> {
    reader: &'a SiteReader<'a>,
    url: &'a Url,
    max_len: usize,
    /// Of all attempts: another attempt may take as long as the last.
    total: Deadline,
    rate: Rate,
    collector: Collector<'a>,
}

impl<'a> Incoming<'a> {
    fn new(reader: &'a SiteReader<'a>, url: &'a Url, max_len: usize) -> Self {
        Self {
            reader,
            url,
            max_len,
            total: Deadline::new(reader.options.stall_timeout),
            rate: Rate::new(reader.options.min_rate, Instant::now()),
            collector: Collector::new(reader.control, OPERATION, max_len),
        }
    }

    /// Decides on a response, complete or longer than allowed.
    fn decide(&self, response: Response, is_too_long: bool) -> Result<AttemptOutcome<Fetched>> {
        let (url, status) = (self.url, response.head.status);
        match status {
            // A captive portal answers every request until the user has logged in.
            200 if is_markup(&response.body) => Ok(AttemptOutcome::retry(Err(server(url, status, WEB_PAGE)))),
            200 if is_too_long => Err(server(url, 200, &format!("expected at most {} bytes", self.max_len))),
            200 => Ok(AttemptOutcome::Done(Fetched::Document(response.body))),
            status if MISSING.contains(&status) => Ok(AttemptOutcome::Done(Fetched::Missing(status))),
            status if !is_retryable(status, Idempotency::Idempotent) => Err(server(url, status, "")),
            status => Ok(AttemptOutcome::Retry {
                last: Err(server(url, status, "")),
                retry_after: retry_after(&response.head.headers, SystemTime::now()),
                progressed: false,
            }),
        }
    }
}

impl Retryable for Incoming<'_> {
    type Output = Fetched;
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        self.rate = Rate::new(self.reader.options.min_rate, Instant::now());
        let request = self.reader.request(self.url)?;
        self.collector.start(&request);
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Fetched>> {
        match self.collector.finish(exchange)? {
            Collected::Complete(response) => self.decide(response, false),
            Collected::TooLong(response) => self.decide(response, true),
            Collected::Stopped(problem) | Collected::Broken(problem) => {
                let error = network(self.url, &problem);
                if self.total.is_over() {
                    return Err(error);
                }
                Ok(AttemptOutcome::retry(Err(error)))
            }
        }
    }
}

impl Receiver for Incoming<'_> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.collector.begin(head)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(problem) = self.rate.received(bytes.len() as u64, Instant::now()) {
            return Err(self.collector.stop(problem));
        }
        self.collector.write(bytes)
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

//! Ranges of one file on a server.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use super::headers::{validator, whole_content_range};
use super::options::DownloadOptions;
use super::rate::Rate;
use super::refusal::{encoding_problem, status_problem};
use crate::error::{Error, Result};
use crate::http::client::{AttemptOutcome, Client, Retryable, with_note};
use crate::http::exchange::Exchange;
use crate::http::retry::{Idempotency, RetryPolicy, is_retryable, retry_after};
use crate::http::transport::{Head, Headers, Method, Receiver, Request, Transport};
use crate::http::url::Url;
use crate::progress::{Control, Phase, Progress};

/// Attempts that gain this many bytes do not count as failures.
const MIN_PROGRESS: u64 = 64 << 10;
const CHANGED: &str = "the file on the server changed between two ranges";

/// Receives the bytes of a range, in order.
pub(crate) type TakeBytes<'a> = &'a mut dyn FnMut(&[u8]) -> Result<()>;

/// A file on a server, of which ranges are fetched.
///
/// All ranges are of the same file: a response that carries another size or another strong `ETag` is refused. The
/// content is not authenticated.
#[derive(Debug)]
pub(crate) struct RemoteFile<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) url: &'a Url,
    /// As of [`Remote`](super::Remote).
    pub(crate) headers: &'a Headers,
    /// Its size in bytes, from a trusted source.
    pub(crate) size: u64,
    pub(crate) options: &'a DownloadOptions,
    /// Bytes that all ranges together have, for progress.
    expected: u64,
    traffic: Traffic,
    /// Identifies the file in `If-Range`, once a response named it.
    validator: Option<String>,
}

/// What the ranges cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes of response bodies, those of failed attempts included.
    pub bytes: u64,
    /// Requests sent, without redirects.
    pub requests: u32,
}

impl<'a> RemoteFile<'a> {
    pub(crate) fn new(
        transport: &'a dyn Transport,
        url: &'a Url,
        headers: &'a Headers,
        size: u64,
        options: &'a DownloadOptions,
    ) -> Self {
        Self {
            transport,
            url,
            headers,
            size,
            options,
            expected: 0,
            traffic: Traffic::default(),
            validator: None,
        }
    }

    /// Announces that ranges of `bytes` in total are fetched next.
    pub(crate) fn expect(&mut self, bytes: u64) {
        self.expected = self.traffic.bytes + bytes;
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Passes the bytes of `range` to `take`.
    ///
    /// A connection that breaks is retried from where it ended, as often as the options say. A server without ranges
    /// costs one request, whose body is not read.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the server ignores ranges;
    /// [`Server`](crate::ErrorKind::Server) for a refusal, another range than the requested one, or another file than
    /// before; [`Network`](crate::ErrorKind::Network) when no attempt is left;
    /// [`NotTrusted`](crate::ErrorKind::NotTrusted) for a connection that is not secure;
    /// [`Cancelled`](crate::ErrorKind::Cancelled); the errors of `take`.
    pub(crate) fn fetch(&mut self, range: &Range<u64>, take: TakeBytes<'_>, control: &Control) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let options = self.options;
        let retry = RetryPolicy::new(options.attempts).with_first_wait(options.first_wait);
        let client = Client::new(self.transport, control, "download")
            .with_cleartext(options.cleartext)
            .with_retry(retry);
        let rate = Rate::new(options.min_rate, Instant::now());
        client.run(&mut RangeReceiver {
            file: self,
            next: range.start,
            end: range.end,
            take,
            control,
            began_at: range.start,
            rate,
            retry: None,
        })
    }

    fn server(&self, status: u16, problem: impl Into<String>) -> Error {
        Error::Server {
            url: self.url.to_string(),
            status,
            problem: problem.into(),
        }
    }

    fn network(&self, problem: String) -> Error {
        Error::Network {
            url: self.url.to_string(),
            problem,
        }
    }
}

/// Receives one range, attempt after attempt.
struct RangeReceiver<'a, 'b> {
    file: &'a mut RemoteFile<'b>,
    /// The position of the next byte.
    next: u64,
    end: u64,
    take: TakeBytes<'a>,
    control: &'a Control,
    /// The position at which the current attempt began.
    began_at: u64,
    rate: Rate,
    /// Why the current attempt was ended, and the wait that the server requested.
    retry: Option<(Error, Option<Duration>)>,
}

impl RangeReceiver<'_, '_> {
    /// Ends the attempt. The error is only the signal to the transport.
    fn retry(&mut self, error: Error, retry_after: Option<Duration>) -> Error {
        self.retry = Some((error, retry_after));
        Error::Cancelled { operation: "download" }
    }

    fn part(&mut self, head: &Head) -> Result<()> {
        let file = &mut *self.file;
        if let Some(problem) = encoding_problem(&head.headers) {
            return Err(file.server(206, problem));
        }
        let text = head.headers.get("content-range").unwrap_or_default();
        let Some((from, to, total)) = whole_content_range(text) else {
            return Err(file.server(206, "missing or invalid Content-Range"));
        };
        if (from, to) != (self.next, self.end - 1) {
            let problem = format!("expected bytes {}-{}, found {from}-{to}", self.next, self.end - 1);
            return Err(file.server(206, problem));
        }
        if total != Some(file.size) {
            let problem = format!("expected a file of {} bytes, found \"{text}\"", file.size);
            return Err(file.server(206, problem));
        }
        let etag = head.headers.get("etag");
        match &file.validator {
            Some(known) if known.starts_with('"') && etag.is_some_and(|etag| etag != known) => {
                return Err(file.server(206, CHANGED));
            }
            Some(_) => {}
            None => file.validator = validator(&head.headers).map(str::to_owned),
        }
        Ok(())
    }

    /// The server sends the whole file. Its body is not read.
    fn whole(&self) -> Error {
        if self.file.validator.is_some() {
            return self.file.server(200, CHANGED);
        }
        Error::Unsupported {
            what: self.file.url.to_string(),
            problem: "the server does not support ranges".to_owned(),
        }
    }

    fn refused(&mut self, head: &Head) -> Error {
        let error = self.file.server(head.status, status_problem(head.status));
        if is_retryable(head.status, Idempotency::Idempotent) {
            self.retry(error, retry_after(&head.headers, SystemTime::now()))
        } else {
            error
        }
    }
}

impl Retryable for RangeReceiver<'_, '_> {
    type Output = ();
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        let file = &mut *self.file;
        file.traffic.requests += 1;
        self.began_at = self.next;
        self.rate = Rate::new(file.options.min_rate, Instant::now());
        self.retry = None;
        let mut request = Request::new(Method::Get, file.url.clone());
        request.headers = file.headers.clone();
        request.connect_timeout = file.options.connect_timeout;
        request.stall_timeout = file.options.stall_timeout;
        let range = format!("bytes={}-{}", self.next, self.end - 1);
        request.headers.add("Range", range)?;
        if let Some(validator) = &file.validator {
            request.headers.add("If-Range", validator.clone())?;
        }
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<()>> {
        let (error, retry_after) = match (self.retry.take(), exchange) {
            (Some(retry), _) => retry,
            (None, Err(error)) => return Err(error),
            // How a connection ends after the last byte does not matter.
            (None, Ok(_)) if self.next == self.end => return Ok(AttemptOutcome::Done(())),
            (None, Ok(Exchange::Broken(problem))) => (self.file.network(problem), None),
            (None, Ok(Exchange::Complete)) => {
                let missing = self.end - self.next;
                let problem = format!("the response ended {missing} bytes before the end of the range");
                (self.file.network(problem), None)
            }
        };
        Ok(AttemptOutcome::Retry {
            last: Err(error),
            retry_after,
            progressed: self.next - self.began_at >= MIN_PROGRESS,
        })
    }

    fn give_up(&mut self, last: Result<()>, failures: u32) -> Result<()> {
        last.map_err(|error| with_note(error, &format!("{failures} attempts in a row made no progress")))
    }
}

impl Receiver for RangeReceiver<'_, '_> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.control.check("download")?;
        match head.status {
            206 => self.part(head),
            200 => Err(self.whole()),
            416 => Err(self
                .file
                .server(416, "the requested range is not part of the file on the server")),
            _ => Err(self.refused(head)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.control.check("download")?;
        let count = bytes.len() as u64;
        let file = &mut *self.file;
        file.traffic.bytes += count;
        if count > self.end - self.next {
            return Err(file.server(206, "the body is longer than its Content-Range"));
        }
        (self.take)(bytes)?;
        self.next += count;
        let done = file.traffic.bytes;
        self.control.report_progress(Progress {
            phase: Phase::Download,
            done,
            total: file.expected.max(done),
            rate: self.rate.current(),
        });
        match self.rate.received(count, Instant::now()) {
            Err(problem) if self.next < self.end => {
                let error = self.file.network(problem);
                Err(self.retry(error, None))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

//! Reads the file to its end and compares it with the expected one.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest as _, Sha256};

use super::options::{Expected, UrlCheckOptions};
use super::refusal;
use capbundle::digest::Sha256Digest;
use capbundle::http::client::{AttemptOutcome, Client, Retryable, with_note};
use capbundle::http::download::{Rate, content_length, content_range, is_markup};
use capbundle::http::{Exchange, Head, Idempotency, Receiver, Request, RetryPolicy, Transport, Url};
use capbundle::http::{is_retryable, retry_after};
use capbundle::progress::{Control, Phase, Progress};
use capbundle::{Error, Result};

/// Attempts that gain this many bytes do not count as failures.
const MIN_PROGRESS: u64 = 64 << 10;
/// A connection below this rate over half a minute counts as stalled, in bytes a second.
const MIN_RATE: u64 = 512;
/// How much of an error response is read: object stores give the reason in its first lines.
const MAX_REFUSAL_LEN: usize = 4 << 10;
/// How much of the file is kept to recognise a web page.
const START_LEN: usize = 256;
const OPERATION: &str = "check the address";

/// The file, after it was compared.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
}

/// Reads the file in as many attempts as allowed.
pub(super) fn fetch(
    transport: &dyn Transport,
    url: &Url,
    options: &UrlCheckOptions,
    control: &Control,
) -> Result<Fetched> {
    let retry = RetryPolicy::new(options.attempts).with_first_wait(options.first_wait);
    Client::new(transport, control, OPERATION)
        .with_retry(retry)
        .run(&mut Incoming::new(url, options, control))
}

/// How a transfer ended, other than with a permanent error.
enum Ended {
    /// The whole file arrived.
    Complete,
    /// Another attempt may succeed.
    Retry {
        error: Error,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
    },
}

/// The file while it arrives.
struct Incoming<'a> {
    url: &'a Url,
    expected: &'a Expected,
    options: &'a UrlCheckOptions,
    control: &'a Control,
    hasher: Sha256,
    received: u64,
    total: Option<u64>,
    validator: Option<String>,
    content_type: Option<String>,
    /// Its first bytes.
    start: Vec<u8>,
    /// It arrived in more than one piece.
    resumed: bool,
    furthest: u64,
    /// Bytes at the start of the current attempt.
    received_before: u64,
    rate: Rate,
    /// A response that is not the file, the start of its body, and when it began.
    refused: Option<(Head, Vec<u8>, Instant)>,
    /// Why the transfer was ended, if another attempt may succeed.
    retry: Option<Error>,
}

impl<'a> Incoming<'a> {
    fn new(url: &'a Url, options: &'a UrlCheckOptions, control: &'a Control) -> Self {
        Self {
            url,
            expected: &options.expected,
            options,
            control,
            hasher: Sha256::new(),
            received: 0,
            total: None,
            validator: None,
            content_type: None,
            start: Vec::new(),
            resumed: false,
            furthest: 0,
            received_before: 0,
            rate: Rate::new(MIN_RATE, Instant::now()),
            refused: None,
            retry: None,
        }
    }

    /// Requests the bytes after those received. Without a validator, the digest shows whether both are of one file.
    fn request_rest(&self, request: &mut Request) -> Result<()> {
        if self.received == 0 {
            return Ok(());
        }
        request.headers.add("Range", format!("bytes={}-", self.received))?;
        match &self.validator {
            Some(validator) => request.headers.add("If-Range", validator.clone()),
            None => Ok(()),
        }
    }

    fn restart(&mut self) {
        self.hasher = Sha256::new();
        self.received = 0;
        self.total = None;
        self.validator = None;
        self.start.clear();
        self.resumed = false;
    }

    fn end_of_transfer(&mut self, exchange: Result<Exchange>) -> Result<Ended> {
        if let Some((head, body, _)) = self.refused.take() {
            let error = refusal::explained(self.url, &head, &body);
            let is_wrong_range = matches!(head.status, 206 | 416);
            // A range that does not fit is requested once more, from the start of the file.
            let may_retry = is_retryable(head.status, Idempotency::Idempotent) || (self.received > 0 && is_wrong_range);
            if is_wrong_range {
                self.restart();
            }
            if !may_retry {
                return Err(error);
            }
            let retry_after = retry_after(&head.headers, SystemTime::now());
            return Ok(Ended::Retry { error, retry_after });
        }
        let error = match self.retry.take() {
            Some(error) => error,
            None => match (exchange?, self.total) {
                (_, Some(total)) if self.received == total => return Ok(Ended::Complete),
                (Exchange::Complete, None) => return Ok(Ended::Complete),
                (Exchange::Complete, Some(total)) => {
                    self.network(format!("the response ended after {} of {total} bytes", self.received))
                }
                (Exchange::Broken(problem), _) => self.network(problem),
            },
        };
        Ok(Ended::Retry {
            error,
            retry_after: None,
        })
    }

    fn network(&self, problem: impl Into<String>) -> Error {
        Error::Network {
            url: self.url.to_string(),
            problem: problem.into(),
        }
    }

    /// Compares the received bytes with the expected file.
    fn verify(&mut self) -> Result<Fetched> {
        let is_size = self.expected.size.is_none_or(|size| size == self.received);
        let found = Sha256Digest::from_bytes(self.hasher.finalize_reset().into());
        if is_size && found == self.expected.digest {
            return Ok(Fetched {
                size: self.received,
                content_type: self.content_type.take(),
            });
        }
        if is_markup(&self.start) {
            return Err(refusal::web_page(self.url, 200));
        }
        if let Some(size) = self.expected.size.filter(|size| *size != self.received) {
            return Err(refusal::size(self.url, 200, self.received, size));
        }
        Err(Error::DigestMismatch {
            path: PathBuf::from(self.url.to_string()),
            expected: self.expected.digest,
            found,
        })
    }

    fn whole(&mut self, head: &Head) -> Result<()> {
        self.restart();
        self.refuse_encoding(head)?;
        self.total = content_length(&head.headers);
        self.content_type = head.headers.get("content-type").map(str::to_owned);
        let etag = head.headers.get("etag").filter(|etag| etag.starts_with('"'));
        self.validator = etag.map(str::to_owned);
        match (self.total, self.expected.size) {
            // A web page is recognised by its first bytes, which explains more than its length.
            (Some(found), Some(expected)) if found != expected && !self.is_called_html() => {
                Err(refusal::size(self.url, head.status, found, expected))
            }
            (Some(found), None) if found > self.options.max_size => Err(self.too_large()),
            _ => Ok(()),
        }
    }

    fn rest(&mut self, head: &Head) -> Result<()> {
        self.refuse_encoding(head)?;
        let range = head.headers.get("content-range").and_then(content_range);
        match range {
            Some((from, total)) if from == self.received && self.received > 0 => {
                self.resumed = true;
                self.total = self.total.or(total);
            }
            _ => self.refuse(head),
        }
        Ok(())
    }

    /// Keeps the response for the outcome; its body gives the reason.
    fn refuse(&mut self, head: &Head) {
        self.refused = Some((head.clone(), Vec::new(), Instant::now()));
    }

    fn refuse_encoding(&self, head: &Head) -> Result<()> {
        match head.headers.get("content-encoding").map(str::trim) {
            None | Some("" | "identity") => Ok(()),
            Some(encoding) => Err(refusal::encoded(self.url, head.status, encoding)),
        }
    }

    fn is_called_html(&self) -> bool {
        let kind = self.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
        kind.trim_start().starts_with("text/html")
    }

    fn too_large(&self) -> Error {
        Error::LimitExceeded {
            path: PathBuf::from(self.url.to_string()),
            entry: None,
            what: "the size of the file",
            limit: self.options.max_size,
        }
    }

    fn require_room_for(&mut self, count: u64) -> Result<()> {
        let length = self.received + count;
        match self.expected.size {
            Some(expected) if length > expected => {
                let at_least = self.total.unwrap_or(length).max(length);
                Err(refusal::size(self.url, 200, at_least, expected))
            }
            None if length > self.options.max_size => Err(self.too_large()),
            _ if self.total.is_some_and(|total| length > total) => {
                self.restart();
                self.retry = Some(self.network("the body is longer than its Content-Length"));
                Err(Error::Cancelled { operation: OPERATION })
            }
            _ => Ok(()),
        }
    }
}

impl Retryable for Incoming<'_> {
    type Output = Fetched;
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        self.rate = Rate::new(MIN_RATE, Instant::now());
        self.refused = None;
        self.retry = None;
        self.received_before = self.received;
        let mut request = self.options.request(self.url);
        self.request_rest(&mut request)?;
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<Fetched>> {
        let (error, retry_after) = match self.end_of_transfer(exchange)? {
            Ended::Complete => match self.verify() {
                Ok(fetched) => return Ok(AttemptOutcome::Done(fetched)),
                // The pieces may be of two files. Only a file that arrived in one piece is known to be wrong.
                Err(error) if self.resumed => {
                    self.restart();
                    (error, None)
                }
                Err(error) => return Err(error),
            },
            Ended::Retry { error, retry_after } => (error, retry_after),
        };
        Ok(AttemptOutcome::Retry {
            last: Err(error),
            retry_after,
            progressed: self.received >= self.received_before + MIN_PROGRESS,
        })
    }

    fn give_up(&mut self, last: Result<Fetched>, failures: u32) -> Result<Fetched> {
        last.map_err(|error| with_note(error, &format!("{failures} attempts in a row made no progress")))
    }
}

impl Receiver for Incoming<'_> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.control.check(OPERATION)?;
        match head.status {
            200 => self.whole(head)?,
            206 => self.rest(head)?,
            _ => self.refuse(head),
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.control.check(OPERATION)?;
        if let Some((_, body, since)) = &mut self.refused {
            body.extend_from_slice(&bytes[..bytes.len().min(MAX_REFUSAL_LEN - body.len())]);
            // The rest is not read; `outcome` explains the refusal.
            return if body.len() < MAX_REFUSAL_LEN && since.elapsed() < self.options.stall_timeout {
                Ok(())
            } else {
                Err(Error::Cancelled { operation: OPERATION })
            };
        }
        if self.received == 0 && self.is_called_html() && is_markup(bytes) {
            return Err(refusal::web_page(self.url, 200));
        }
        let missing = START_LEN.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        let count = bytes.len() as u64;
        self.require_room_for(count)?;
        self.hasher.update(bytes);
        self.received += count;
        self.furthest = self.furthest.max(self.received);
        let total = self.total.or(self.expected.size).unwrap_or_default();
        let fast_enough = self.rate.received(count, Instant::now());
        self.control.report_progress(
            Progress::new(Phase::Download, self.furthest, total.max(self.furthest)).with_rate(self.rate.current()),
        );
        fast_enough.map_err(|problem| {
            self.retry = Some(self.network(problem));
            Error::Cancelled { operation: OPERATION }
        })
    }
}

//! Receives the responses of a download into its part.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::headers::{content_length, content_range, unsatisfied_range};
use super::options::{Download, DownloadOptions, Remote, StartCheck};
use super::part::{Part, ResumeInfo, size_mismatch};
use super::rate::Rate;
use super::refusal::{encoding_problem, status_problem};
use super::web_page::is_markup;
use crate::error::{Error, Result};
use crate::http::client::{AttemptOutcome, Retryable, with_note};
use crate::http::exchange::Exchange;
use crate::http::retry::{Idempotency, is_retryable, retry_after};
use crate::http::transport::{Head, Method, Receiver, Request};
use crate::io::vfs::{Disk, Files as _};
use crate::progress::{Control, Phase, Progress};

/// How often free space is checked while a file of unknown size arrives.
const UNKNOWN_STEP: u64 = 1 << 20;
/// Attempts that gain this many bytes do not count as failures.
const MIN_PROGRESS: u64 = 64 << 10;

/// Why a transfer ended early, other than a permanent error.
enum Verdict {
    /// The part is already complete.
    Complete,
    /// Another attempt may succeed.
    Retry {
        error: Error,
        /// The wait that the server requested.
        retry_after: Option<Duration>,
    },
}

/// Fills the part, attempt after attempt.
pub(super) struct PartReceiver<'a> {
    pub(super) remote: &'a Remote,
    pub(super) part: &'a mut Part,
    pub(super) folder: &'a Path,
    pub(super) options: &'a DownloadOptions,
    pub(super) control: &'a Control,
    pub(super) start: Option<&'a StartCheck<'a>>,
    /// Bytes received in all attempts.
    received: u64,
    /// The longest the part has been. Bytes that were lost and arrive again are not progress.
    furthest: u64,
    /// Of the current attempt.
    rate: Rate,
    verdict: Option<Verdict>,
    /// The content type of the current response is HTML.
    is_labelled_html: bool,
}

impl<'a> PartReceiver<'a> {
    pub(super) fn new(
        wanted: &Download<'a>,
        part: &'a mut Part,
        control: &'a Control,
        start: Option<&'a StartCheck<'a>>,
    ) -> Self {
        let &Download {
            remote,
            folder,
            options,
        } = wanted;
        Self {
            furthest: part.length(),
            remote,
            part,
            folder,
            options,
            control,
            start,
            received: 0,
            rate: Rate::new(options.min_rate, Instant::now()),
            verdict: None,
            is_labelled_html: false,
        }
    }

    /// Ends the transfer. The error is only the signal to the transport.
    fn stop(&mut self, verdict: Verdict) -> Error {
        self.verdict = Some(verdict);
        Error::Cancelled { operation: "download" }
    }

    fn retry(&mut self, error: Error, retry_after: Option<Duration>) -> Error {
        self.stop(Verdict::Retry { error, retry_after })
    }

    fn server(&self, status: u16, problem: impl Into<String>) -> Error {
        Error::Server {
            url: self.remote.url.to_string(),
            status,
            problem: problem.into(),
        }
    }

    fn network(&self, problem: String) -> Error {
        Error::Network {
            url: self.remote.url.to_string(),
            problem,
        }
    }

    /// Discards the part and retries.
    fn start_over(&mut self, status: u16, problem: impl Into<String>) -> Result<()> {
        self.part.restart()?;
        let error = self.server(status, problem);
        Err(self.retry(error, None))
    }

    fn whole(&mut self, head: &Head) -> Result<()> {
        self.refuse_encoding(head)?;
        let announced = content_length(&head.headers);
        self.is_labelled_html = head.headers.get("content-type").is_some_and(|kind| {
            let kind = kind.trim_start().to_ascii_lowercase();
            kind.starts_with("text/html")
        });
        self.require_size(announced)?;
        let total = announced.or(self.remote.size);
        self.require_room(total, 0)?;
        self.part.begin(ResumeInfo::of(&head.headers, total))
    }

    fn rest(&mut self, head: &Head) -> Result<()> {
        let length = self.part.length();
        if length == 0 {
            return Err(self.server(206, "partial content in response to a request for the whole file"));
        }
        self.refuse_encoding(head)?;
        let range = head.headers.get("content-range");
        let Some((from, total)) = range.and_then(content_range) else {
            let problem = format!("invalid Content-Range \"{}\"", range.unwrap_or_default());
            return self.start_over(206, problem);
        };
        if from != length {
            return self.start_over(206, format!("range starts at {from}, requested {length}"));
        }
        let info = self.part.resume_info();
        let known_size = info.total.or(self.remote.size);
        if known_size.zip(total).is_some_and(|(known, total)| known != total) {
            return self.start_over(206, "the file on the server changed: its size is different");
        }
        let (known, etag) = (info.validator.as_deref(), head.headers.get("etag"));
        let is_other = |known: &str, etag: &str| known.starts_with('"') && known != etag;
        if known.zip(etag).is_some_and(|(known, etag)| is_other(known, etag)) {
            return self.start_over(206, "the file on the server changed: its ETag is different");
        }
        self.require_room(total.or(known_size), length)
    }

    fn not_satisfiable(&mut self, head: &Head) -> Result<()> {
        let length = self.part.length();
        let total = head.headers.get("content-range").and_then(unsatisfied_range);
        if length > 0 && total == Some(length) {
            self.part.complete();
            return Err(self.stop(Verdict::Complete));
        }
        self.start_over(416, "the requested range is not part of the file on the server")
    }

    fn refused(&mut self, head: &Head) -> Error {
        let hint = status_problem(head.status);
        let error = self.server(head.status, hint);
        if is_retryable(head.status, Idempotency::Idempotent) {
            self.retry(error, retry_after(&head.headers, SystemTime::now()))
        } else {
            error
        }
    }

    /// Digests and ranges are those of the bytes as they are stored.
    fn refuse_encoding(&self, head: &Head) -> Result<()> {
        encoding_problem(&head.headers).map_or(Ok(()), |problem| Err(self.server(head.status, problem)))
    }

    /// Refuses a response of another size than the known one before its body and before the free space is checked. Otherwise a
    /// server could make a device download `max_size` bytes at each check for updates.
    fn require_size(&mut self, announced: Option<u64>) -> Result<()> {
        let Some((announced, expected)) = announced.zip(self.remote.size) else {
            return Ok(());
        };
        if announced == expected {
            return Ok(());
        }
        if self.is_labelled_html {
            return Err(self.web_page());
        }
        Err(self.server(200, size_mismatch(announced, expected)))
    }

    /// A captive portal responds to every request until the user has logged in, so a retry may succeed.
    fn web_page(&mut self) -> Error {
        let problem = "expected an archive, found a web page (a captive portal or login page?)";
        let error = self.server(200, problem);
        self.retry(error, None)
    }

    fn require_room(&self, total: Option<u64>, have: u64) -> Result<()> {
        let Some(total) = total else { return Ok(()) };
        if total > self.options.max_size {
            return Err(self.too_large());
        }
        self.require_free(total - have.min(total))
    }

    fn require_free(&self, bytes: u64) -> Result<()> {
        let needed = bytes.saturating_add(self.options.space_margin);
        let available = Disk
            .free_space(self.folder)
            .map_err(|error| Error::io("read the free space of", self.folder, error))?;
        if needed <= available {
            return Ok(());
        }
        Err(Error::NotEnoughSpace {
            operation: "download",
            path: self.folder.to_path_buf(),
            needed,
            available,
        })
    }

    fn too_large(&self) -> Error {
        Error::LimitExceeded {
            path: self.part.path().to_path_buf(),
            entry: None,
            what: "the size of the download",
            limit: self.options.max_size,
        }
    }

    /// The outcome of the attempt, before progress and losses are counted. `None` if the part is complete.
    fn failure(&mut self, exchange: Result<Exchange>) -> Result<Option<(Error, Option<Duration>)>> {
        match self.verdict.take() {
            Some(Verdict::Complete) => return Ok(None),
            Some(Verdict::Retry { error, retry_after }) => return Ok(Some((error, retry_after))),
            None => {}
        }
        let problem = match exchange? {
            Exchange::Complete => match self.part.end_of_body() {
                Ok(()) => return Ok(None),
                Err(problem) => problem,
            },
            // How a connection ends after the last byte does not matter.
            Exchange::Broken(_) if self.part.has_all() => return Ok(None),
            Exchange::Broken(problem) => problem,
        };
        Ok(Some((self.network(problem), None)))
    }
}

impl Retryable for PartReceiver<'_> {
    /// Bytes received in all attempts.
    type Output = u64;
    type Error = Error;

    fn request(&mut self) -> Result<Request> {
        self.rate = Rate::new(self.options.min_rate, Instant::now());
        self.verdict = None;
        self.is_labelled_html = false;
        let mut request = Request::new(Method::Get, self.remote.url.clone());
        request.headers = self.remote.headers.clone();
        request.connect_timeout = self.options.connect_timeout;
        request.stall_timeout = self.options.stall_timeout;
        if let Some(range) = self.part.range(self.remote.digest.is_some()) {
            request.headers.add("Range", format!("bytes={}-", range.from))?;
            if let Some(validator) = range.validator {
                request.headers.add("If-Range", validator)?;
            }
        }
        Ok(request)
    }

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<AttemptOutcome<u64>> {
        let Some((error, retry_after)) = self.failure(exchange)? else {
            return Ok(AttemptOutcome::Done(self.received));
        };
        let progressed = self.part.length() >= self.furthest.saturating_add(MIN_PROGRESS);
        self.furthest = self.furthest.max(self.part.length());
        let losses = self.part.losses();
        if losses >= self.options.attempts {
            return Err(with_note(error, &format!("received data was lost {losses} times")));
        }
        Ok(AttemptOutcome::Retry {
            last: Err(error),
            retry_after,
            progressed,
        })
    }

    fn give_up(&mut self, last: Result<u64>, failures: u32) -> Result<u64> {
        last.map_err(|error| with_note(error, &format!("{failures} attempts in a row made no progress")))
    }
}

impl Receiver for PartReceiver<'_> {
    fn begin(&mut self, head: &Head) -> Result<()> {
        self.control.check("download")?;
        match head.status {
            200 => self.whole(head),
            206 => self.rest(head),
            416 => self.not_satisfiable(head),
            _ => Err(self.refused(head)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.control.check("download")?;
        let count = bytes.len() as u64;
        self.received += count;
        let length = self.part.length();
        let total = self.part.resume_info().total;
        if length + count > self.options.max_size {
            self.part.restart()?;
            return Err(self.too_large());
        }
        if let Some(expected) = self.remote.size.filter(|size| length + count > *size) {
            self.part.restart()?;
            return Err(self.server(200, format!("expected {expected} bytes, found more")));
        }
        if total.is_some_and(|total| length + count > total) {
            return self.start_over(200, "the body is longer than its Content-Length");
        }
        if self.is_labelled_html && length == 0 && is_markup(bytes) {
            return Err(self.web_page());
        }
        // Without a known size the free space is checked at intervals.
        let is_step = length / UNKNOWN_STEP != (length + count) / UNKNOWN_STEP;
        if total.is_none()
            && is_step
            && let Err(error) = self.require_free(UNKNOWN_STEP)
        {
            self.part.restart()?;
            return Err(error);
        }
        self.part.append(bytes)?;
        if let Err(error) = self.part.check_start(self.start) {
            self.part.restart()?;
            return Err(error);
        }
        let done = length + count;
        self.control.report_progress(Progress {
            phase: Phase::Download,
            done,
            total: total.unwrap_or_default().max(done),
            rate: self.rate.current(),
        });
        let fast_enough = self.rate.received(count, Instant::now());
        fast_enough.map_err(|problem| {
            let error = self.network(problem);
            self.retry(error, None)
        })
    }
}

//! What an answer means for the part that is there.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::part::{Part, ResumeInfo};
use super::rate::Rate;
use super::{DownloadOptions, Remote, Start};
use crate::error::{Error, Result};
use crate::http::retry::retry_after;
use crate::http::transport::{Head, Headers, Receiver};
use crate::io::vfs::{Disk, Files as _};
use crate::progress::{Control, Phase, Progress};

/// How often free space is looked at while a file of unknown size comes.
const UNKNOWN_STEP: u64 = 1 << 20;

/// So much of an answer shows whether it is a web page.
const LOOKED_AT: usize = 256;

/// What ended a transfer, where it is not an error to end with.
pub(super) enum Verdict {
    /// All is there already.
    Complete,
    /// This try brought nothing more; another may.
    Again {
        error: Error,
        /// How long the server asks to wait.
        asked: Option<Duration>,
    },
}

/// Receives one answer.
pub(super) struct Answer<'a> {
    remote: &'a Remote,
    part: &'a mut Part,
    folder: &'a Path,
    options: &'a DownloadOptions,
    control: &'a Control,
    start: Option<&'a Start<'a>>,
    rate: Rate,
    verdict: Option<Verdict>,
    received: u64,
    /// The server calls the whole a web page.
    called_html: bool,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        remote: &'a Remote,
        part: &'a mut Part,
        folder: &'a Path,
        options: &'a DownloadOptions,
        control: &'a Control,
        start: Option<&'a Start<'a>>,
    ) -> Self {
        Self {
            remote,
            part,
            folder,
            options,
            control,
            start,
            rate: Rate::new(options.min_rate, Instant::now()),
            verdict: None,
            received: 0,
            called_html: false,
        }
    }

    /// What ended the transfer, if it was not its end; and the bytes that came.
    pub(super) fn end(self) -> (Option<Verdict>, u64) {
        (self.verdict, self.received)
    }

    /// Ends the transfer; the error only carries the word to the transport.
    fn stop(&mut self, verdict: Verdict) -> Error {
        self.verdict = Some(verdict);
        Error::Cancelled { operation: "download" }
    }

    fn again(&mut self, error: Error, asked: Option<Duration>) -> Error {
        self.stop(Verdict::Again { error, asked })
    }

    fn server(&self, status: u16, problem: impl Into<String>) -> Error {
        Error::Server {
            url: self.remote.url.to_string(),
            status,
            problem: problem.into(),
        }
    }

    /// What came is of no use any more.
    fn start_over(&mut self, status: u16, problem: impl Into<String>) -> Result<()> {
        self.part.restart()?;
        let error = self.server(status, problem);
        Err(self.again(error, None))
    }

    fn whole(&mut self, head: &Head) -> Result<()> {
        self.refuse_encoding(head)?;
        let told = content_length(&head.headers);
        self.called_html = head.headers.get("content-type").is_some_and(|kind| {
            let kind = kind.trim_start().to_ascii_lowercase();
            kind.starts_with("text/html")
        });
        self.require_size(told)?;
        let total = told.or(self.remote.size);
        self.require_room(total, 0)?;
        self.part.begin(ResumeInfo::of(&head.headers, total))
    }

    fn rest(&mut self, head: &Head) -> Result<()> {
        let length = self.part.length();
        if length == 0 {
            return Err(self.server(206, "a part came where the whole file was asked for"));
        }
        self.refuse_encoding(head)?;
        let range = head.headers.get("content-range");
        let Some((from, total)) = range.and_then(content_range) else {
            return self.start_over(
                206,
                format!(
                    "its Content-Range \"{}\" says not which part it is",
                    range.unwrap_or_default()
                ),
            );
        };
        if from != length {
            return self.start_over(206, format!("the part begins at {from}, asked for was {length}"));
        }
        let memory = self.part.memory();
        let known_size = memory.total.or(self.remote.size);
        if known_size.zip(total).is_some_and(|(known, total)| known != total) {
            return self.start_over(206, "it is another file now: its size has changed");
        }
        let (known, etag) = (memory.validator.as_deref(), head.headers.get("etag"));
        let is_other = |known: &str, etag: &str| known.starts_with('"') && known != etag;
        if known.zip(etag).is_some_and(|(known, etag)| is_other(known, etag)) {
            return self.start_over(206, "it is another file now: its ETag has changed");
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
        self.start_over(416, "what was to be resumed is not a part of the file it has")
    }

    fn refused(&mut self, head: &Head) -> Error {
        let asked = retry_after(&head.headers, SystemTime::now());
        let (hint, may_pass) = match head.status {
            401 => (
                "it wants to know who asks: the URL needs a token, or is not public",
                false,
            ),
            403 => (
                "it may not be read: the URL is not public, or was signed and has expired",
                false,
            ),
            404 | 410 => ("there is no such file", false),
            408 | 425 => ("it was too busy to answer", true),
            429 => ("it was asked too often", true),
            501 | 505 => ("it cannot answer this", false),
            500..=599 => ("it has a problem of its own", true),
            300..=399 => ("it redirects without saying where", false),
            _ => ("this is no answer to a download", false),
        };
        let error = self.server(head.status, hint);
        if may_pass { self.again(error, asked) } else { error }
    }

    /// Digests and ranges are those of the bytes as they are stored.
    fn refuse_encoding(&self, head: &Head) -> Result<()> {
        match head.headers.get("content-encoding").map(str::trim) {
            None | Some("" | "identity") => Ok(()),
            Some(encoding) => Err(self.server(
                head.status,
                format!(
                    "it sends the file encoded as \"{encoding}\", which nobody asked for: switch that off for archives"
                ),
            )),
        }
    }

    /// Where the size is known beforehand, an answer of another is refused before a byte of it comes and before anything is
    /// asked of the disk: else a server could have a device fetch as much as any file may have, each time it looks.
    fn require_size(&mut self, told: Option<u64>) -> Result<()> {
        let Some((told, expected)) = told.zip(self.remote.size) else {
            return Ok(());
        };
        if told == expected {
            return Ok(());
        }
        if self.called_html {
            return Err(self.web_page());
        }
        Err(self.server(200, other_size(told, expected)))
    }

    /// A network that wants a login answers for everybody; it may be over soon.
    fn web_page(&mut self) -> Error {
        let problem = "it sends a web page instead of the file: a login page of the network, perhaps";
        let error = self.server(200, problem);
        self.again(error, None)
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
            .map_err(|error| Error::io("ask for the free space of", self.folder, error))?;
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
}

impl Receiver for Answer<'_> {
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
        let total = self.part.memory().total;
        if length + count > self.options.max_size {
            self.part.restart()?;
            return Err(self.too_large());
        }
        if let Some(expected) = self.remote.size.filter(|size| length + count > *size) {
            self.part.restart()?;
            return Err(self.server(200, format!("it sends more than the {expected} bytes expected")));
        }
        if total.is_some_and(|total| length + count > total) {
            return self.start_over(200, "it sends more than the length it told");
        }
        if self.called_html && length == 0 && is_text(bytes) {
            return Err(self.web_page());
        }
        // Nobody knows how much is to come: what must stay free is looked at on the way.
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
            let url = self.remote.url.to_string();
            self.again(Error::Network { url, problem }, None)
        })
    }
}

/// What is wrong with a file that has not the size that is known of it.
pub(super) fn other_size(found: u64, expected: u64) -> String {
    format!("the file has {found} bytes, expected {expected}")
}

/// What is said of a web page where a document was asked for.
pub const WEB_PAGE: &str = "expected a JSON document, found an HTML page (a captive portal or login page?)";

/// A zip and a sealed file begin with bytes that no web page has.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    start.trim_ascii_start().starts_with(b"<")
        && start
            .iter()
            .all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

#[must_use]
pub fn content_length(headers: &Headers) -> Option<u64> {
    headers.get("content-length")?.trim().parse().ok()
}

/// `bytes 5-9/10`: where the part begins, and the size of the whole if it is told.
#[must_use]
pub fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, to) = range.split_once('-')?;
    let (from, to): (u64, u64) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    (from <= to && total.is_none_or(|total| to < total)).then_some((from, total))
}

/// `bytes */10`: the size of the whole.
fn unsatisfied_range(value: &str) -> Option<u64> {
    value.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

#[cfg(test)]
mod tests;

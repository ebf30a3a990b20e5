//! The file, read to its end and compared with what it should be.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use sha2::{Digest as _, Sha256};

use super::{CheckOptions, Expected, refusal};
use capbundle::digest::Sha256Digest;
use capbundle::http::download::{Rate, content_length, content_range, is_text};
use capbundle::http::{Backoff, Cleartext, Exchange, Head, Receiver, Request, Transport, Url, retry_after};
use capbundle::progress::{Control, Phase, Progress};
use capbundle::{Error, Result};

/// A try that brought this much was no failure, whatever ended it.
const WORTH_A_TRY: u64 = 64 << 10;
/// Slower than this over half a minute counts as stalled, in bytes a second.
const MIN_RATE: u64 = 512;
/// So much of a refusal is read: object stores say why in its first lines.
const REFUSAL: usize = 4 << 10;
/// So much of the file shows whether it is a web page.
const START: usize = 256;
const OPERATION: &str = "check the address";

/// What came, when it is the file.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) size: u64,
    pub(super) content_type: Option<String>,
}

/// Reads the file, try after try.
pub(super) fn fetch(
    transport: &dyn Transport,
    url: &Url,
    expected: &Expected,
    options: &CheckOptions,
    control: &Control,
) -> Result<Fetched> {
    let mut file = Incoming::new(url, expected, options, control);
    let mut backoff = Backoff::new(options.attempts).with_first_wait(options.first_wait);
    loop {
        control.check(OPERATION)?;
        let before = file.received;
        let mut request = options.request(url, control);
        file.ask_for_the_rest(&mut request)?;
        file.begin_try();
        let exchange = Exchange::run(transport, &request, Cleartext::LoopbackOnly, &mut file);
        let (error, asked) = match file.outcome(exchange)? {
            Outcome::All => match file.verify() {
                Ok(fetched) => return Ok(fetched),
                // Parts of two files, perhaps: only one that came in one piece is known to be wrong.
                Err(error) if file.resumed => {
                    file.restart();
                    (error, None)
                }
                Err(error) => return Err(error),
            },
            Outcome::Again { error, asked } => (error, asked),
        };
        if file.received >= before + WORTH_A_TRY {
            backoff.reset();
        }
        if !backoff.wait(asked, control, OPERATION)? {
            return Err(given_up(error, backoff.failures()));
        }
    }
}

enum Outcome {
    /// Everything came.
    All,
    Again {
        error: Error,
        asked: Option<Duration>,
    },
}

/// The file while it comes.
struct Incoming<'a> {
    url: &'a Url,
    expected: &'a Expected,
    options: &'a CheckOptions,
    control: &'a Control,
    hasher: Sha256,
    received: u64,
    total: Option<u64>,
    validator: Option<String>,
    content_type: Option<String>,
    /// Its first bytes.
    start: Vec<u8>,
    /// It came in more than one piece.
    resumed: bool,
    furthest: u64,
    rate: Rate,
    /// An answer that is not the file, the beginning of its body, and since when that is listened to.
    refused: Option<(Head, Vec<u8>, Instant)>,
    /// This try has to end, and another may be better.
    again: Option<Error>,
}

impl<'a> Incoming<'a> {
    fn new(url: &'a Url, expected: &'a Expected, options: &'a CheckOptions, control: &'a Control) -> Self {
        Self {
            url,
            expected,
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
            rate: Rate::new(MIN_RATE, Instant::now()),
            refused: None,
            again: None,
        }
    }

    fn begin_try(&mut self) {
        self.rate = Rate::new(MIN_RATE, Instant::now());
        self.refused = None;
        self.again = None;
    }

    /// Without a validator the digest tells in the end whether the rest belonged to the beginning.
    fn ask_for_the_rest(&self, request: &mut Request) -> Result<()> {
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

    fn outcome(&mut self, exchange: Result<Exchange>) -> Result<Outcome> {
        if let Some((head, body, _)) = self.refused.take() {
            let error = refusal::explained(self.url, &head, &body);
            // A part that does not fit is asked for once more, from its beginning.
            let may_pass = refusal::may_pass(head.status) || (self.received > 0 && matches!(head.status, 206 | 416));
            if matches!(head.status, 206 | 416) {
                self.restart();
            }
            let asked = retry_after(&head.headers, SystemTime::now());
            return if may_pass {
                Ok(Outcome::Again { error, asked })
            } else {
                Err(error)
            };
        }
        let again = |error| Ok(Outcome::Again { error, asked: None });
        if let Some(error) = self.again.take() {
            return again(error);
        }
        let broken = |problem: String| Error::Network {
            url: self.url.to_string(),
            problem,
        };
        match (exchange?, self.total) {
            (_, Some(total)) if self.received == total => Ok(Outcome::All),
            (Exchange::Complete, None) => Ok(Outcome::All),
            (Exchange::Complete, Some(total)) => again(broken(format!(
                "the answer ended after {} of {total} bytes",
                self.received
            ))),
            (Exchange::Broken(problem), _) => again(broken(problem)),
        }
    }

    /// Whether what came is the file.
    fn verify(&mut self) -> Result<Fetched> {
        let is_size = self.expected.size.is_none_or(|size| size == self.received);
        let found = Sha256Digest::from_bytes(self.hasher.finalize_reset().into());
        if is_size && found == self.expected.digest {
            return Ok(Fetched {
                size: self.received,
                content_type: self.content_type.take(),
            });
        }
        if is_text(&self.start) {
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
            // A page is told by its first bytes, and that says more than its length does.
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

    /// Keeps the answer for [`outcome`](Self::outcome); its body says why.
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
                self.again = Some(Error::Network {
                    url: self.url.to_string(),
                    problem: "it sends more than the length it told".to_owned(),
                });
                Err(Error::Cancelled { operation: OPERATION })
            }
            _ => Ok(()),
        }
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
            body.extend_from_slice(&bytes[..bytes.len().min(REFUSAL - body.len())]);
            // The rest is of no interest, nor worth waiting for; `outcome` knows why it ended.
            return if body.len() < REFUSAL && since.elapsed() < self.options.stall_timeout {
                Ok(())
            } else {
                Err(Error::Cancelled { operation: OPERATION })
            };
        }
        if self.received == 0 && self.is_called_html() && is_text(bytes) {
            return Err(refusal::web_page(self.url, 200));
        }
        let missing = START.saturating_sub(self.start.len());
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
            let url = self.url.to_string();
            self.again = Some(Error::Network { url, problem });
            Error::Cancelled { operation: OPERATION }
        })
    }
}

/// Says how often it was tried, which is the first thing that a person asks.
fn given_up(error: Error, failures: u32) -> Error {
    match error {
        Error::Network { url, problem } => Error::Network {
            url,
            problem: format!("{problem} ({failures} tries in a row brought nothing)"),
        },
        other => other,
    }
}

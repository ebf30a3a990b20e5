//! Small documents over a network that fails: bounded in size and time, tried again where that may help.

use std::time::{Instant, SystemTime};

use super::Site;
use crate::error::{Error, Result};
use crate::http::Exchange;
use crate::http::Patience;
use crate::http::Url;
use crate::http::download::{DownloadOptions, Rate, WEB_PAGE, content_length, is_text};
use crate::http::{Backoff, retry_after};
use crate::http::{Head, Method, Receiver, Request, Transport};
use crate::progress::Control;

const OPERATION: &str = "read the channel";
/// There is nothing: 403 is what a bucket answers of which one may not see what else is in it.
const MISSING: [u16; 3] = [403, 404, 410];
/// Answers after which another try may help.
const AGAIN: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// Reads the documents of one site.
#[derive(Debug, Clone, Copy)]
pub struct SiteReader<'a> {
    pub transport: &'a dyn Transport,
    pub site: &'a Site,
    pub options: &'a DownloadOptions,
    pub control: &'a Control,
}

impl SiteReader<'_> {
    /// The document at `path`, of at most so many bytes, as it is now: no cache on the way may answer for it.
    ///
    /// # Errors
    /// [`Server`](crate::ErrorKind::Server) if there is none, it is longer or a web page, or the server fails;
    /// [`Network`](crate::ErrorKind::Network), [`NotTrusted`](crate::ErrorKind::NotTrusted),
    /// [`Cancelled`](crate::ErrorKind::Cancelled).
    pub fn read(&self, path: &str, most: usize) -> Result<Vec<u8>> {
        let url = self.site.url(path)?;
        match self.ask(&url, most)? {
            Answer::Document(bytes) => Ok(bytes),
            Answer::Missing(status) => Err(server(&url, status, "it is not there")),
        }
    }

    /// The same, where it may be that there is none.
    pub fn read_if_any(&self, path: &str, most: usize) -> Result<Option<Vec<u8>>> {
        match self.ask(&self.site.url(path)?, most)? {
            Answer::Document(bytes) => Ok(Some(bytes)),
            Answer::Missing(_) => Ok(None),
        }
    }

    fn ask(&self, url: &Url, most: usize) -> Result<Answer> {
        let mut backoff = Backoff::new(self.options.attempts).with_first_wait(self.options.first_wait);
        let patience = Patience::new(self.options.stall_timeout);
        loop {
            self.control.check(OPERATION)?;
            let mut incoming = Incoming::new(self, most);
            let exchange = Exchange::run(
                self.transport,
                &self.request(url)?,
                self.options.cleartext,
                &mut incoming,
            );
            let broken = match exchange {
                Ok(Exchange::Complete) => None,
                Ok(Exchange::Broken(problem)) => Some(problem),
                // What it gave up for is told by itself.
                Err(_) if incoming.problem.is_some() => None,
                Err(error) => return Err(error),
            };
            let is_page = is_text(&incoming.bytes);
            let broken = match incoming.problem.take() {
                Some(Problem::TooLong) if is_page => broken,
                Some(Problem::TooLong) => return Err(server(url, 200, &format!("it is longer than {most} bytes"))),
                Some(Problem::Slow(problem)) => Some(problem),
                Some(Problem::Enough) => broken,
                None => broken.or_else(|| incoming.missing()),
            };
            let (error, asked) = match (broken, incoming.head.take()) {
                // Another attempt may take as long.
                (Some(problem), _) if patience.is_over() => return Err(network(url, &problem)),
                (Some(problem), _) => (network(url, &problem), None),
                (None, None) => (network(url, "no answer came"), None),
                // A network that wants a login answers for everybody; it may be over soon.
                (None, Some(head)) if head.status == 200 && is_page => (server(url, 200, WEB_PAGE), None),
                (None, Some(head)) if head.status == 200 => return Ok(Answer::Document(incoming.bytes)),
                (None, Some(head)) if MISSING.contains(&head.status) => return Ok(Answer::Missing(head.status)),
                (None, Some(head)) => {
                    let error = server(url, head.status, "");
                    if !AGAIN.contains(&head.status) {
                        return Err(error);
                    }
                    (error, retry_after(&head.headers, SystemTime::now()))
                }
            };
            if !backoff.wait(asked, self.control, OPERATION)? {
                return Err(error);
            }
        }
    }

    fn request(&self, url: &Url) -> Result<Request> {
        let mut request = Request::new(Method::Get, url.clone());
        request.headers = self.site.headers.clone();
        request.headers.add("Cache-Control", "no-cache")?;
        request.connect_timeout = self.options.connect_timeout;
        request.stall_timeout = self.options.stall_timeout;
        request.control = self.control.clone();
        Ok(request)
    }
}

enum Answer {
    Document(Vec<u8>),
    /// There is none, the server says with this status.
    Missing(u16),
}

/// Why no more is taken.
enum Problem {
    TooLong,
    Slow(String),
    Enough,
}

struct Incoming<'a> {
    reader: &'a SiteReader<'a>,
    most: usize,
    head: Option<Head>,
    bytes: Vec<u8>,
    rate: Rate,
    patience: Patience,
    problem: Option<Problem>,
}

impl<'a> Incoming<'a> {
    fn new(reader: &'a SiteReader<'a>, most: usize) -> Self {
        Self {
            reader,
            most,
            head: None,
            bytes: Vec::new(),
            rate: Rate::new(reader.options.min_rate, Instant::now()),
            patience: Patience::new(reader.options.stall_timeout),
            problem: None,
        }
    }

    /// What a transfer that ended too early still lacks. Not every transport says so itself: Java's connection takes the end of
    /// the socket for that of the body. A transport that unpacked the body tells of another length.
    fn missing(&self) -> Option<String> {
        let head = self.head.as_ref().filter(|head| head.status == 200)?;
        let is_as_sent = head.headers.get("content-encoding").is_none();
        let expected = content_length(&head.headers).filter(|_| is_as_sent)?;
        let came = self.bytes.len() as u64;
        (came < expected).then(|| format!("it ended after {came} of {expected} bytes"))
    }

    fn give_up(&mut self, problem: Problem) -> Result<()> {
        self.problem = Some(problem);
        // Ends the transfer; nobody sees it.
        Err(Error::Cancelled { operation: OPERATION })
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
        if let Err(problem) = in_time.and_then(|()| self.patience.check(self.bytes.len() + bytes.len())) {
            return self.give_up(Problem::Slow(problem));
        }
        let is_document = self.head.as_ref().is_some_and(|head| head.status == 200);
        match (self.bytes.len() + bytes.len() <= self.most, is_document) {
            (true, _) => self.bytes.extend_from_slice(bytes),
            (false, true) => {
                // So much of it as shows whether it is a web page.
                let room = self.most.saturating_sub(self.bytes.len()).max(1);
                self.bytes.extend_from_slice(&bytes[..room.min(bytes.len())]);
                return self.give_up(Problem::TooLong);
            }
            // The page that explains an error, of which nobody reads the rest.
            (false, false) => return self.give_up(Problem::Enough),
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

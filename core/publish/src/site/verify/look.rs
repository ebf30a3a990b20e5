//! Whether a file is there and how large it is, from one byte of it.

use std::time::SystemTime;

use crate::error::{Error, Result};
use capbundle::http::download::{content_length, content_range};
use capbundle::http::{Backoff, Exchange, Head, Method, Receiver, Request, Url, retry_after};
use capbundle::update::channel::SiteReader;

const OPERATION: &str = "look at a file";

/// What a server says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Bytes; `None` where it does not say.
    pub(super) size: Option<u64>,
    pub(super) cache_control: Option<String>,
}

/// Asks for the first byte of files: a range says the size of the whole, and some servers answer no `HEAD`.
pub(super) struct Looker<'a> {
    reader: SiteReader<'a>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(reader: SiteReader<'a>) -> Self {
        Self { reader }
    }

    /// `None` if there is none.
    pub(super) fn look(&self, path: &str) -> Result<Option<Found>> {
        let options = self.reader.options;
        let url = self.reader.site.url(path)?;
        let mut backoff = Backoff::new(options.attempts).with_first_wait(options.first_wait);
        loop {
            self.reader.control.check(OPERATION)?;
            let mut head = HeadAlone(None);
            let request = self.request(&url)?;
            let exchange = Exchange::run(self.reader.transport, &request, options.cleartext, &mut head);
            let (error, asked) = match (head.0, exchange) {
                (Some(head), _) => match head.status {
                    200 | 206 => return Ok(Some(found(&head))),
                    403 | 404 | 410 => return Ok(None),
                    status => {
                        let error = Error::Core(capbundle::Error::Server {
                            url: url.without_query().to_owned(),
                            status,
                            problem: String::new(),
                        });
                        if !matches!(status, 408 | 425 | 429 | 500..=599) {
                            return Err(error);
                        }
                        (error, retry_after(&head.headers, SystemTime::now()))
                    }
                },
                (None, Err(error)) => return Err(error.into()),
                (None, Ok(Exchange::Complete)) => (network(&url, "no answer came"), None),
                (None, Ok(Exchange::Broken(problem))) => (network(&url, &problem), None),
            };
            if !backoff.wait(asked, self.reader.control, OPERATION)? {
                return Err(error);
            }
        }
    }

    fn request(&self, url: &Url) -> Result<Request> {
        let mut request = Request::new(Method::Get, url.clone());
        request.headers = self.reader.site.headers.clone();
        request.headers.add("Range", "bytes=0-0")?;
        request.connect_timeout = self.reader.options.connect_timeout;
        request.stall_timeout = self.reader.options.stall_timeout;
        request.control = self.reader.control.clone();
        Ok(request)
    }
}

fn found(head: &Head) -> Found {
    let size = match head.status {
        206 => head
            .headers
            .get("content-range")
            .and_then(content_range)
            .and_then(|(_, total)| total),
        _ => content_length(&head.headers),
    };
    Found {
        size,
        cache_control: head.headers.get("cache-control").map(str::to_owned),
    }
}

fn network(url: &Url, problem: &str) -> Error {
    Error::Core(capbundle::Error::Network {
        url: url.without_query().to_owned(),
        problem: problem.to_owned(),
    })
}

/// Ends the transfer before the body, which may be the whole file.
struct HeadAlone(Option<Head>);

impl Receiver for HeadAlone {
    fn begin(&mut self, head: &Head) -> capbundle::Result<()> {
        self.0 = Some(head.clone());
        Err(capbundle::Error::Cancelled { operation: OPERATION })
    }

    fn write(&mut self, _: &[u8]) -> capbundle::Result<()> {
        Ok(())
    }
}

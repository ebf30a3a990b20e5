//! Whether a file exists and how large it is, from a request for its first byte.

use crate::error::{Error, Result};
use capbundle::http::client::Client;
use capbundle::http::download::{content_length, content_range};
use capbundle::http::{Head, Method, Request, RetryPolicy, Url};
use capbundle::update::channel::SiteReader;

const OPERATION: &str = "look at a file";

/// The metadata of a file, from a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileInfo {
    /// Size in bytes; `None` if the server does not say.
    pub(super) size: Option<u64>,
    pub(super) cache_control: Option<String>,
}

/// Requests the first byte of files: a range tells the size of the whole file, and some servers do not support `HEAD`.
pub(super) struct Looker<'a> {
    reader: SiteReader<'a>,
}

impl<'a> Looker<'a> {
    pub(super) fn new(reader: SiteReader<'a>) -> Self {
        Self { reader }
    }

    /// `None` if the file does not exist.
    pub(super) fn look(&self, path: &str) -> Result<Option<FileInfo>> {
        let options = self.reader.options;
        let url = self.reader.site.url(path)?;
        let retry = RetryPolicy::new(options.attempts).with_first_wait(options.first_wait);
        let head = Client::new(self.reader.transport, self.reader.control, OPERATION)
            .with_cleartext(options.cleartext)
            .with_retry(retry)
            .head(&mut || self.request(&url))?;
        match head.status {
            200 | 206 => Ok(Some(file_info(&head))),
            403 | 404 | 410 => Ok(None),
            status => Err(Error::Core(capbundle::Error::Server {
                url: url.without_query().to_owned(),
                status,
                problem: String::new(),
            })),
        }
    }

    fn request(&self, url: &Url) -> Result<Request> {
        let mut request = Request::new(Method::Get, url.clone());
        request.headers = self.reader.site.headers.clone();
        request.headers.add("Range", "bytes=0-0")?;
        request.connect_timeout = self.reader.options.connect_timeout;
        request.stall_timeout = self.reader.options.stall_timeout;
        Ok(request)
    }
}

fn file_info(head: &Head) -> FileInfo {
    let size = match head.status {
        206 => head
            .headers
            .get("content-range")
            .and_then(content_range)
            .and_then(|(_, total)| total),
        _ => content_length(&head.headers),
    };
    FileInfo {
        size,
        cache_control: head.headers.get("cache-control").map(str::to_owned),
    }
}

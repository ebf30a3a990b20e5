//! Uploads a file to any HTTP server: with a plain `PUT`, or in a form as `curl -F` sends it.
//!
//! ```no_run
//! use capbundle::progress::Control;
//! use capbundle_publish::http_upload::{post_form, put, HttpUpload, HttpUploadOptions};
//! # fn example(transport: &dyn capbundle::http::Transport) -> capbundle_publish::Result<()> {
//! let (file, control) = ("my-app-1.2.3.zip".as_ref(), Control::new());
//!
//! // curl -T my-app-1.2.3.zip https://files.example.com/bundles/my-app-1.2.3.zip
//! let url = "https://files.example.com/bundles/my-app-1.2.3.zip".parse()?;
//! put(transport, &HttpUpload { url: &url, file, options: &HttpUploadOptions::default() }, &control)?;
//!
//! // curl -X POST https://your-storage-api.com/upload -H "Authorization: Bearer YOUR_TOKEN" -F "file=@my-app-1.2.3.zip"
//! let options = HttpUploadOptions::default().with_header("Authorization", "Bearer YOUR_TOKEN")?;
//! let url = "https://your-storage-api.com/upload".parse()?;
//! let stored = post_form(transport, &HttpUpload { url: &url, file, options: &options }, &control)?;
//! println!("{:?}", stored.url);
//! # Ok(())
//! # }
//! ```

mod form;
mod options;
mod stored;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub use options::{HttpUpload, HttpUploadOptions};
pub use stored::HttpUploaded;

use self::options::ARCHIVE;
use crate::error::{Error, IoContext, Result};
use capbundle::http::client::{Client, UploadProgress};
use capbundle::http::download::Rate;
use capbundle::http::{Body, Headers, Idempotency, Method, Request, RetryPolicy, Transport, Url};
use capbundle::io::regular_file;
use capbundle::progress::{Control, Phase, Progress};

/// Headers that the transport sets.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "host", "connection", "expect"];
/// From this size on, the body is sent only after `100 Continue`, as curl does: the server may refuse by the headers alone, and a
/// refusal during the body is often lost with the connection.
const WORTH_ASKING: u64 = 1 << 20;
const EXPECTATION_FAILED: u16 = 417;

/// Sends the file as the body of a `PUT`, streamed from the disk. Retried when the network or the server fails,
/// since a `PUT` is idempotent.
///
/// A cancelled or failed `PUT` may leave a part of the file or all of it on the server.
///
/// # Errors
/// [`Server`](capbundle::ErrorKind::Server) for any response but a success, including redirects, with the server's message;
/// [`Network`](capbundle::ErrorKind::Network) when no attempt is left; [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a URL
/// without TLS, unless it is this machine, and for an invalid certificate;
/// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for headers that the transport sets;
/// [`NotFound`](capbundle::ErrorKind::NotFound), [`Io`](capbundle::ErrorKind::Io), [`Cancelled`](capbundle::ErrorKind::Cancelled).
pub fn put(transport: &dyn Transport, upload: &HttpUpload<'_>, control: &Control) -> Result<HttpUploaded> {
    put_noting(transport, upload, &mut false, control)
}

/// Like [`put`]. Sets `repeated` if the file was sent more than once, even if it fails: a refusal of a later attempt says nothing about
/// an earlier one.
pub(super) fn put_noting(
    transport: &dyn Transport,
    upload: &HttpUpload<'_>,
    repeated: &mut bool,
    control: &Control,
) -> Result<HttpUploaded> {
    let mut headers = checked(&upload.options.headers)?;
    if headers.get("content-type").is_none() {
        headers.add("content-type", ARCHIVE)?;
    }
    let message = Message {
        method: Method::Put,
        headers,
        body: whole(upload.file)?,
        idempotency: Idempotency::Idempotent,
    };
    message.send(transport, upload, repeated, control)
}

/// Sends the file inside a form (`multipart/form-data`), streamed from the disk. Retried only if the server
/// says that it did nothing (429 and 503), since a `POST` twice may store it twice.
///
/// # Errors
/// The errors of [`put`]; after [`Network`](capbundle::ErrorKind::Network) it may have been stored nevertheless.
pub fn post_form(transport: &dyn Transport, upload: &HttpUpload<'_>, control: &Control) -> Result<HttpUploaded> {
    let &HttpUpload { file, options, .. } = upload;
    let mut headers = checked(&options.headers)?;
    if headers.get("content-type").is_some() {
        let problem = "a form has its own content type with a boundary: omit the header, or use PUT";
        return Err(Error::invalid_input("header Content-Type", problem));
    }
    let form = form::around(whole(file)?, file, options)?;
    headers.add("content-type", form.content_type)?;
    let message = Message {
        method: Method::Post,
        headers,
        body: form.body,
        idempotency: Idempotency::NonIdempotent,
    };
    message.send(transport, upload, &mut false, control)
}

/// The request of an upload, which may be sent several times.
struct Message {
    method: Method,
    headers: Headers,
    body: Body,
    idempotency: Idempotency,
}

impl Message {
    fn send(
        &self,
        transport: &dyn Transport,
        upload: &HttpUpload<'_>,
        repeated: &mut bool,
        control: &Control,
    ) -> Result<HttpUploaded> {
        let &HttpUpload { url, options, .. } = upload;
        let retry = RetryPolicy::new(options.tries).with_first_wait(options.first_wait);
        let client = Client::new(transport, control, "upload").with_retry(retry);
        let mut watch = Watch::new(control, self.body.length());
        let mut asks_first = self.body.length() >= WORTH_ASKING;
        loop {
            let make = &mut || self.request(url, asks_first, options);
            let reply = client.send(self.idempotency, make, &mut watch);
            *repeated = watch.repeated;
            let reply = reply.map_err(|error| self.uncertain(error))?;
            if reply.head.status == EXPECTATION_FAILED && asks_first {
                // The server does not support `Expect` and accepted nothing.
                asks_first = false;
                watch.sent = 0;
                continue;
            }
            return stored::read(&reply, url, &self.headers, watch.repeated);
        }
    }

    fn request(&self, url: &Url, asks_first: bool, options: &HttpUploadOptions) -> Result<Request> {
        let mut request = Request::new(self.method, url.clone());
        request.headers = self.headers.clone();
        if asks_first {
            request.headers.add("expect", "100-continue")?;
        }
        request.body = Some(self.body.clone());
        request.connect_timeout = options.connect_timeout;
        request.stall_timeout = options.stall_timeout;
        request.answer_timeout = options.answer_timeout;
        Ok(request)
    }

    fn uncertain(&self, error: Error) -> Error {
        match error {
            Error::Core(capbundle::Error::Network { url, problem })
                if self.idempotency == Idempotency::NonIdempotent =>
            {
                Error::Core(capbundle::Error::Network {
                    url,
                    problem: format!("{problem}; it may have been stored all the same: check before you send it again"),
                })
            }
            other => other,
        }
    }
}

/// Reports upload progress.
struct Watch<'a> {
    control: &'a Control,
    total: u64,
    sent: u64,
    furthest: u64,
    repeated: bool,
    rate: Rate,
}

impl<'a> Watch<'a> {
    fn new(control: &'a Control, total: u64) -> Self {
        Self {
            control,
            total,
            sent: 0,
            furthest: 0,
            repeated: false,
            // The transport detects stalls, so there is no minimum rate here.
            rate: Rate::new(0, Instant::now()),
        }
    }
}

impl UploadProgress for Watch<'_> {
    fn sent(&mut self, count: u64) {
        self.sent += count;
        // Without a minimum, no rate is too low.
        let _ = self.rate.received(count, Instant::now());
        if self.sent < self.furthest {
            return;
        }
        self.furthest = self.sent;
        self.control
            .report_progress(Progress::new(Phase::Upload, self.sent, self.total).with_rate(self.rate.current()));
    }

    fn restarted(&mut self) {
        self.sent = 0;
        self.repeated = true;
    }
}

fn checked(headers: &Headers) -> Result<Headers> {
    for (name, _) in headers.iter() {
        if OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            let problem = "the transport sets this header: omit it";
            return Err(Error::invalid_input(format!("header {name}"), problem));
        }
    }
    Ok(headers.clone())
}

fn whole(path: &Path) -> Result<Body> {
    let file = regular_file::open(path)?;
    let length = file.metadata().with_path("read the size of", path)?.len();
    let file = Arc::new(file);
    Ok(Body::File {
        file,
        offset: 0,
        length,
    })
}

#[cfg(test)]
mod tests;

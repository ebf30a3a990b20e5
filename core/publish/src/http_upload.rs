//! Bringing a file to any server that takes one: a plain `PUT`, or a form as `curl -F` sends it.
//!
//! ```no_run
//! use capbundle::progress::Control;
//! use capbundle_publish::http_upload::{post_form, put, HttpUploadOptions};
//! # fn example(transport: &dyn capbundle::http::Transport) -> capbundle::Result<()> {
//! let (archive, control) = ("my-app-1.2.3.zip".as_ref(), Control::new());
//!
//! // curl -T my-app-1.2.3.zip https://files.example.com/bundles/my-app-1.2.3.zip
//! let address = "https://files.example.com/bundles/my-app-1.2.3.zip".parse()?;
//! put(transport, &address, archive, &HttpUploadOptions::default(), &control)?;
//!
//! // curl -X POST https://your-storage-api.com/upload -H "Authorization: Bearer YOUR_TOKEN" -F "file=@my-app-1.2.3.zip"
//! let mut options = HttpUploadOptions::default();
//! options.headers.add("Authorization", "Bearer YOUR_TOKEN")?;
//! let stored = post_form(transport, &"https://your-storage-api.com/upload".parse()?, archive, &options, &control)?;
//! println!("{:?}", stored.url);
//! # Ok(())
//! # }
//! ```

mod form;
mod stored;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use stored::HttpUploaded;

use crate::error::{Error, IoContext, Result};
use capbundle::http::client::{Client, UploadProgress};
use capbundle::http::download::Rate;
use capbundle::http::{Body, Headers, Idempotency, Method, Request, RetryPolicy, Transport, Url};
use capbundle::io::regular_file;
use capbundle::progress::{Control, Phase, Progress};

/// What an archive is sent as, unless a header says otherwise.
const ARCHIVE: &str = "application/zip";
/// Set by whoever sends: another value would contradict what is sent.
const OURS: [&str; 5] = ["content-length", "transfer-encoding", "host", "connection", "expect"];
/// From so many bytes on the server is asked before they are sent, as curl does: it may refuse by the headers alone, and a
/// refusal that comes while a body goes out is often lost with the connection.
const WORTH_ASKING: u64 = 1 << 20;
const EXPECTATION_FAILED: u16 = 417;

/// How to send a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpUploadOptions {
    /// Header fields for the server, for example `Authorization`. Never printed; not sent on, since redirects are not
    /// followed.
    pub headers: Headers,
    /// The field of a form that the file is in. `file`.
    pub field: String,
    /// Other fields of a form, before the file, where servers look for them.
    pub fields: Vec<(String, String)>,
    /// What the file is called in a form. Its own name by default.
    pub file_name: Option<String>,
    /// How long until a connection must stand. 15 s.
    pub connect_timeout: Duration,
    /// How long without a byte, out or in, until the connection is given up. 30 s.
    pub stall_timeout: Duration,
    /// How long a server may work through the file before it answers. As long as `stall_timeout` unless said.
    pub answer_timeout: Option<Duration>,
    /// How often it is tried at most. 5.
    pub tries: u32,
    /// The wait after the first failure. It doubles with each, up to half a minute, and is cut to a random part.
    pub first_wait: Duration,
}

impl Default for HttpUploadOptions {
    fn default() -> Self {
        Self {
            headers: Headers::new(),
            field: "file".to_owned(),
            fields: Vec::new(),
            file_name: None,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            answer_timeout: None,
            tries: 5,
            first_wait: Duration::from_millis(500),
        }
    }
}

/// Sends the file at `path` as the body of a `PUT`, without holding it in memory. Tried again when the network or the server
/// fails, since a `PUT` twice is the same as once.
///
/// A cancelled or failed `PUT` may leave a part of the file, or all of it, at the server, as the server has it.
///
/// # Errors
/// [`Server`](capbundle::ErrorKind::Server) for any answer but a success, a redirect among them, with what the server says;
/// [`Network`](capbundle::ErrorKind::Network) when no try is left; [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for an address
/// without TLS, unless it is this machine, and for a certificate that does not hold;
/// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for headers that are set by whoever sends;
/// [`NotFound`](capbundle::ErrorKind::NotFound), [`Io`](capbundle::ErrorKind::Io), [`Cancelled`](capbundle::ErrorKind::Cancelled).
pub fn put(
    transport: &dyn Transport,
    url: &Url,
    path: &Path,
    options: &HttpUploadOptions,
    control: &Control,
) -> Result<HttpUploaded> {
    put_noting(transport, url, path, options, &mut false, control)
}

/// As [`put`]; `repeated` is whether it was sent more than once, also when it fails: a refusal of a later try says nothing of an
/// earlier one.
pub(super) fn put_noting(
    transport: &dyn Transport,
    url: &Url,
    path: &Path,
    options: &HttpUploadOptions,
    repeated: &mut bool,
    control: &Control,
) -> Result<HttpUploaded> {
    let mut headers = checked(&options.headers)?;
    if headers.get("content-type").is_none() {
        headers.add("content-type", ARCHIVE)?;
    }
    let upload = Upload {
        method: Method::Put,
        headers,
        body: whole(path)?,
        idempotency: Idempotency::Idempotent,
    };
    upload.run(transport, url, options, repeated, control)
}

/// Sends the file at `path` inside a form (`multipart/form-data`), without holding it in memory. Tried again only when the
/// server says that it was not done (429 and 503): a `POST` twice may be stored twice.
///
/// # Errors
/// As of [`put`]; after [`Network`](capbundle::ErrorKind::Network) it may have been stored all the same.
pub fn post_form(
    transport: &dyn Transport,
    url: &Url,
    path: &Path,
    options: &HttpUploadOptions,
    control: &Control,
) -> Result<HttpUploaded> {
    let mut headers = checked(&options.headers)?;
    if headers.get("content-type").is_some() {
        let problem = "a form has a content type of its own, with its boundary: leave it out, or use PUT";
        return Err(Error::invalid_input("header Content-Type", problem));
    }
    let form = form::around(whole(path)?, path, options)?;
    headers.add("content-type", form.content_type)?;
    let upload = Upload {
        method: Method::Post,
        headers,
        body: form.body,
        idempotency: Idempotency::NonIdempotent,
    };
    upload.run(transport, url, options, &mut false, control)
}

/// One upload, ready to be sent as often as it takes.
struct Upload {
    method: Method,
    headers: Headers,
    body: Body,
    idempotency: Idempotency,
}

impl Upload {
    fn run(
        &self,
        transport: &dyn Transport,
        url: &Url,
        options: &HttpUploadOptions,
        repeated: &mut bool,
        control: &Control,
    ) -> Result<HttpUploaded> {
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
                // It does not know that it could be asked, and took nothing.
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
                    problem: format!("{problem}; it may have been stored all the same: look before you send it again"),
                })
            }
            other => other,
        }
    }
}

/// Tells how much is out.
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
            // How slow is too slow is the transport's to say: it knows of stalls.
            rate: Rate::new(0, Instant::now()),
        }
    }
}

impl UploadProgress for Watch<'_> {
    fn sent(&mut self, count: u64) {
        self.sent += count;
        // With a least rate of none it cannot be missed.
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
            let problem = "it is set by whoever sends, from what is sent: leave it out";
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

//! Options of an upload.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
use crate::setters::setters;
use capbundle::http::{Headers, Url};

/// The content type of an archive, unless a header overrides it.
pub(super) const ARCHIVE: &str = "application/zip";

/// What is uploaded, where to and how.
#[derive(Debug, Clone, Copy)]
pub struct HttpUpload<'a> {
    /// The address of the request.
    pub url: &'a Url,
    /// The path of the file.
    pub file: &'a Path,
    /// Headers, form fields, timeouts and retries.
    pub options: &'a HttpUploadOptions,
}

/// Options of an upload.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpUploadOptions {
    /// Headers for the server, for example `Authorization`. Never printed. Redirects are not followed.
    pub headers: Headers,
    /// The form field of the file. `file`.
    pub field: String,
    /// Other form fields, sent before the file, where servers expect them.
    pub fields: Vec<(String, String)>,
    /// The file name in a form. By default its own name.
    pub file_name: Option<String>,
    /// Timeout of establishing a connection. 15 s.
    pub connect_timeout: Duration,
    /// Timeout of a connection on which no byte is sent or received. 30 s.
    pub stall_timeout: Duration,
    /// How long the server may process the file before it responds. By default `stall_timeout`.
    pub answer_timeout: Option<Duration>,
    /// The maximum number of attempts. 5.
    pub tries: u32,
    /// The wait after the first failure. It doubles with each failure, up to half a minute, and has jitter.
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

impl HttpUploadOptions {
    /// Adds a header.
    ///
    /// # Errors
    /// As of [`Headers::add`].
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Result<Self> {
        self.headers.add(name, value)?;
        Ok(self)
    }

    setters! {
        with_headers(headers: Headers);
        with_field(field: impl Into<String>);
        with_fields(fields: Vec<(String, String)>);
        with_file_name(file_name: impl Into<Option<String>>);
        with_connect_timeout(connect_timeout: Duration);
        with_stall_timeout(stall_timeout: Duration);
        with_answer_timeout(answer_timeout: impl Into<Option<Duration>>);
        with_tries(tries: u32);
        with_first_wait(first_wait: Duration);
    }
}

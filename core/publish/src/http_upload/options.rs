//! Options of an upload.

use std::path::Path;
use std::time::Duration;

use crate::error::Result;
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

    /// Sets [`headers`](Self::headers).
    #[must_use]
    pub fn with_headers(mut self, headers: Headers) -> Self {
        self.headers = headers;
        self
    }

    /// Sets [`field`](Self::field).
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = field.into();
        self
    }

    /// Sets [`fields`](Self::fields).
    #[must_use]
    pub fn with_fields(mut self, fields: Vec<(String, String)>) -> Self {
        self.fields = fields;
        self
    }

    /// Sets [`file_name`](Self::file_name).
    #[must_use]
    pub fn with_file_name(mut self, file_name: impl Into<Option<String>>) -> Self {
        self.file_name = file_name.into();
        self
    }

    /// Sets [`connect_timeout`](Self::connect_timeout).
    #[must_use]
    pub fn with_connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets [`stall_timeout`](Self::stall_timeout).
    #[must_use]
    pub fn with_stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// Sets [`answer_timeout`](Self::answer_timeout).
    #[must_use]
    pub fn with_answer_timeout(mut self, answer_timeout: impl Into<Option<Duration>>) -> Self {
        self.answer_timeout = answer_timeout.into();
        self
    }

    /// Sets [`tries`](Self::tries).
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// Sets [`first_wait`](Self::first_wait).
    #[must_use]
    pub fn with_first_wait(mut self, first_wait: Duration) -> Self {
        self.first_wait = first_wait;
        self
    }
}

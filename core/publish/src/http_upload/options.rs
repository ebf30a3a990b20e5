//! Options of an upload.

use std::path::Path;
use std::time::Duration;

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

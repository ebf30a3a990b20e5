//! The expected file, and the options of a check.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::setters::setters;
use capbundle::digest::Sha256Digest;
use capbundle::http::{Method, Request, Url};
use capbundle::io::regular_file;
use capbundle::progress::Control;

/// The expected file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// SHA-256 of the file that devices download; of the sealed one if it is sealed.
    pub digest: Sha256Digest,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
}

impl Expected {
    /// A file with this digest and any size.
    #[must_use]
    pub fn of_digest(digest: Sha256Digest) -> Self {
        Self { digest, size: None }
    }

    setters! {
        with_size(size: impl Into<Option<u64>>);
    }

    /// The local file at `path`.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound), [`Io`](capbundle::ErrorKind::Io), [`Cancelled`](capbundle::ErrorKind::Cancelled);
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) if it is not a regular file.
    pub fn of_file(path: &Path, control: &Control) -> Result<Self> {
        let mut file = regular_file::open(path)?;
        let size = file
            .metadata()
            .map_err(|error| Error::io("read the size of", path, error))?
            .len();
        let digest = Sha256Digest::of_open_file(&mut file, path, control)?;
        Ok(Self {
            digest,
            size: Some(size),
        })
    }
}

/// Options of a check.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UrlCheckOptions {
    /// The expected file.
    pub expected: Expected,
    /// The largest file, in bytes, if its size is not known. 1 GiB.
    pub max_size: u64,
    /// The origin of web apps, for the note on CORS. `https://localhost`, as in Capacitor.
    pub origin: String,
    /// Timeout of establishing a connection. 15 s.
    pub connect_timeout: Duration,
    /// Timeout of a connection that delivers no byte, after which another is attempted. 30 s.
    pub stall_timeout: Duration,
    /// Failures in a row, without progress, after which the check gives up. 6.
    pub attempts: u32,
    /// The wait after the first failure. It doubles with each failure, up to half a minute, and has jitter.
    pub first_wait: Duration,
}

impl UrlCheckOptions {
    /// A check that the URL serves this file.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            max_size: 1 << 30,
            origin: "https://localhost".to_owned(),
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            attempts: 6,
            first_wait: Duration::from_millis(500),
        }
    }

    setters! {
        with_max_size(max_size: u64);
        with_origin(origin: impl Into<String>);
        with_connect_timeout(connect_timeout: Duration);
        with_stall_timeout(stall_timeout: Duration);
        with_attempts(attempts: u32);
        with_first_wait(first_wait: Duration);
    }

    pub(super) fn request(&self, url: &Url) -> Request {
        let mut request = Request::new(Method::Get, url.clone());
        request.connect_timeout = self.connect_timeout;
        request.stall_timeout = self.stall_timeout;
        request
    }
}

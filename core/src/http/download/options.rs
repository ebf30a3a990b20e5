//! The file to download, and the options of a download.

use std::path::Path;
use std::time::Duration;

use crate::digest::Sha256Digest;
use crate::error::Result;
use crate::http::transport::{Cleartext, Headers};
use crate::http::url::Url;
use crate::setters::setters;

/// A file on a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Remote {
    /// Its address.
    pub url: Url,
    /// Headers for the host of that URL, for example a token. Not sent to another origin after a redirect.
    pub headers: Headers,
    /// SHA-256 of the file. Unknown for a sealed archive, whose signature covers the plain archive.
    pub digest: Option<Sha256Digest>,
    /// Size of the file in bytes, if known. A response of another size is refused at its head, or at the first byte too many.
    pub size: Option<u64>,
    /// Identifies the file across attempts, since signed URLs change: for example the text of its signed checksum. By default
    /// its digest, or the URL without its query.
    pub key: Option<String>,
}

impl Remote {
    /// The file at this URL.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            headers: Headers::new(),
            digest: None,
            size: None,
            key: None,
        }
    }

    setters! {
        with_headers(headers: Headers);
        with_digest(digest: impl Into<Option<Sha256Digest>>);
        with_size(size: impl Into<Option<u64>>);
        with_key(key: impl Into<Option<String>>);
    }

    /// Its name on disk. A hash, so that a server cannot choose it.
    pub(crate) fn name(&self) -> String {
        let key = match (&self.key, &self.digest) {
            (Some(key), _) => key.clone(),
            (None, Some(digest)) => digest.to_string(),
            (None, None) => self.url.without_query().to_owned(),
        };
        let mut name = Sha256Digest::of(key.as_bytes()).to_string();
        name.truncate(32);
        name
    }
}

/// What [`download`](super::download()) downloads, where to and how.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// The file.
    pub remote: &'a Remote,
    /// The folder for it, which must exist and belong to the app alone.
    pub folder: &'a Path,
    /// Limits, timeouts and retries.
    pub options: &'a DownloadOptions,
}

/// How to download.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// The largest file, in bytes. 1 GiB.
    pub max_size: u64,
    /// Timeout of establishing a connection. 15 s.
    pub connect_timeout: Duration,
    /// How long a connection may deliver no byte of the file before it is closed and another attempted. 30 s. A small document
    /// (a channel file, a key ring) may take four times as long in total.
    pub stall_timeout: Duration,
    /// Bytes a second, over half a minute, below which a connection counts as stalled. 512: a server that sends a byte
    /// occasionally must not block a device.
    pub min_rate: u64,
    /// Failures in a row, without progress, after which the download gives up. 6, which takes about 15 s. It also gives up
    /// after received data was lost this often, so that a server that always restarts cannot block a device.
    pub attempts: u32,
    /// The wait after the first failure. It doubles with each failure, up to half a minute, and has jitter.
    pub first_wait: Duration,
    /// Which addresses may be requested without TLS.
    pub cleartext: Cleartext,
    /// Space that must stay free beside the file. 32 MiB.
    pub space_margin: u64,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            max_size: 1 << 30,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            min_rate: 512,
            attempts: 6,
            first_wait: Duration::from_millis(500),
            cleartext: Cleartext::default(),
            space_margin: 32 << 20,
        }
    }
}

impl DownloadOptions {
    setters! {
        with_max_size(max_size: u64);
        with_connect_timeout(connect_timeout: Duration);
        with_stall_timeout(stall_timeout: Duration);
        with_min_rate(min_rate: u64);
        with_attempts(attempts: u32);
        with_first_wait(first_wait: Duration);
        with_cleartext(cleartext: Cleartext);
        with_space_margin(space_margin: u64);
    }
}

/// A check of the first bytes of a file as soon as they have arrived, so that a refused file is not downloaded to its end.
pub(crate) struct StartCheck<'a> {
    /// The check needs at most this many bytes.
    pub(crate) max_len: usize,
    /// Returns `false` if it needs more bytes than these. An error refuses the file.
    pub(crate) check: &'a dyn Fn(&[u8]) -> Result<bool>,
}

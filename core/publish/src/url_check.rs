//! Checks an archive at your own URL as a device downloads it, before it is registered.
//!
//! ```no_run
//! use capbundle::progress::Control;
//! use capbundle_publish::url_check::{check, CheckOptions, Expected};
//! # fn example(transport: &dyn capbundle::http::Transport) -> capbundle_publish::Result<()> {
//! let control = Control::new();
//! let expected = Expected::of_file("my-app-1.2.3.zip".as_ref(), &control)?;
//! let address = "https://cdn.example.com/bundles/my-app-1.2.3.zip".parse()?;
//! let checked = check(transport, &address, &expected, &CheckOptions::default(), &control)?;
//! for note in &checked.notes {
//!     println!("note: {note}");
//! }
//! # Ok(())
//! # }
//! ```

mod fetch;
mod note;
mod probe;
mod refusal;

use std::path::Path;
use std::time::Duration;

pub use note::UrlNote;

use crate::error::{Error, Result};
use capbundle::digest::Sha256Digest;
use capbundle::http::{Cleartext, Method, Request, Transport, Url};
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
pub struct CheckOptions {
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

impl Default for CheckOptions {
    fn default() -> Self {
        Self {
            max_size: 1 << 30,
            origin: "https://localhost".to_owned(),
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            attempts: 6,
            first_wait: Duration::from_millis(500),
        }
    }
}

impl CheckOptions {
    fn request(&self, url: &Url) -> Request {
        let mut request = Request::new(Method::Get, url.clone());
        request.connect_timeout = self.connect_timeout;
        request.stall_timeout = self.stall_timeout;
        request
    }
}

/// The expected file at a URL, with notes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedUrl {
    /// Its size in bytes.
    pub size: u64,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// Notes that do not prevent its use.
    pub notes: Vec<UrlNote>,
}

/// Downloads the file as a device does, without authentication, and compares its size and SHA-256 on the fly: nothing is kept in
/// memory or on disk. Then requests one byte of it, to check whether downloads can resume and web apps may read it.
///
/// Redirects are followed to https only. Connections that break or are too slow are retried, and the download resumes.
///
/// # Errors
/// [`Server`](capbundle::ErrorKind::Server) for any other response, with its meaning: the file is missing, is private, has
/// another size, is a web page, or was compressed in transit; [`DigestMismatch`](capbundle::ErrorKind::DigestMismatch) for
/// other bytes; [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for a URL without TLS (unless it is this machine), a
/// redirect to one, or an invalid certificate; [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) beyond
/// `max_size`; [`Network`](capbundle::ErrorKind::Network) when no attempt is left; [`Cancelled`](capbundle::ErrorKind::Cancelled).
pub fn check(
    transport: &dyn Transport,
    url: &Url,
    expected: &Expected,
    options: &CheckOptions,
    control: &Control,
) -> Result<CheckedUrl> {
    Cleartext::LoopbackOnly.check(url)?;
    let fetched = fetch::fetch(transport, url, expected, options, control)?;
    let mut notes = note::of_address(url);
    notes.extend(note::of_content_type(fetched.content_type.as_deref()));
    notes.extend(probe::probe(transport, url, fetched.size, options, control)?);
    Ok(CheckedUrl {
        size: fetched.size,
        content_type: fetched.content_type,
        notes,
    })
}

#[cfg(test)]
mod tests;

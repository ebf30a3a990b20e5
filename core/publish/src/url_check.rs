//! An archive at an address of your own, looked at as a device will get it, before it is registered.
//!
//! ```no_run
//! use capbundle::progress::Control;
//! use capbundle_publish::url_check::{check, CheckOptions, Expected};
//! # fn example(transport: &dyn capbundle::http::Transport) -> capbundle::Result<()> {
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

/// What must be at the address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expected {
    /// SHA-256 of the file that devices get: of the sealed one, where it is sealed.
    pub digest: Sha256Digest,
    /// Its bytes, where known.
    pub size: Option<u64>,
}

impl Expected {
    /// The file of this digest, whatever its size.
    #[must_use]
    pub fn of_digest(digest: Sha256Digest) -> Self {
        Self { digest, size: None }
    }

    /// The file that is at `path` on this machine.
    ///
    /// # Errors
    /// [`NotFound`](capbundle::ErrorKind::NotFound), [`Io`](capbundle::ErrorKind::Io), [`Cancelled`](capbundle::ErrorKind::Cancelled);
    /// [`InvalidInput`](capbundle::ErrorKind::InvalidInput) for what is no file.
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

/// How to look.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CheckOptions {
    /// Bytes that the file may have, where its size is not known. 1 GiB.
    pub max_size: u64,
    /// The origin that web apps ask from, for the note on CORS. `https://localhost`, which is Capacitor's own.
    pub origin: String,
    /// How long until a connection must stand. 15 s.
    pub connect_timeout: Duration,
    /// How long without a byte until the connection is given up and another tried. 30 s.
    pub stall_timeout: Duration,
    /// Failures in a row, without anything gained, after which it is given up. 6.
    pub attempts: u32,
    /// The wait after the first failure. It doubles with each, up to half a minute, and is cut to a random part.
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

/// A file that is where it should be, and what might still be better.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedUrl {
    /// Its bytes.
    pub size: u64,
    /// What it is called a file of.
    pub content_type: Option<String>,
    /// What does not speak against it and is worth knowing.
    pub notes: Vec<UrlNote>,
}

/// Gets the file as a device does, without any authentication, and compares it byte for byte (by size and SHA-256) while it
/// comes: nothing is kept in memory or on disk. Then asks for one byte of it, to see how downloads will resume and whether
/// web apps may read it.
///
/// Redirects are followed to https addresses only. Connections that break or drip are made again and go on where they were.
///
/// # Errors
/// [`Server`](capbundle::ErrorKind::Server) for every answer but the file, explained: it is not there, it is private, it has
/// another size, it is a web page, it was compressed on its way; [`DigestMismatch`](capbundle::ErrorKind::DigestMismatch) for
/// other bytes; [`NotTrusted`](capbundle::ErrorKind::NotTrusted) for an address without TLS (unless it is this machine), a
/// redirect to one, or a certificate that does not hold; [`LimitExceeded`](capbundle::ErrorKind::LimitExceeded) beyond
/// `max_size`; [`Network`](capbundle::ErrorKind::Network) when no try is left; [`Cancelled`](capbundle::ErrorKind::Cancelled).
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

//! Checks an archive at your own URL as a device downloads it, before it is registered.
//!
//! ```no_run
//! use capbundle::progress::Control;
//! use capbundle_publish::url_check::{check, UrlCheckOptions, Expected};
//! # fn example(transport: &dyn capbundle::http::Transport) -> capbundle_publish::Result<()> {
//! let control = Control::new();
//! let expected = Expected::of_file("my-app-1.2.3.zip".as_ref(), &control)?;
//! let url = "https://cdn.example.com/bundles/my-app-1.2.3.zip".parse()?;
//! let checked = check(transport, &url, &UrlCheckOptions::new(expected), &control)?;
//! for note in &checked.notes {
//!     println!("note: {note}");
//! }
//! # Ok(())
//! # }
//! ```

mod fetch;
mod note;
mod options;
mod probe;
mod refusal;

pub use note::UrlNote;
pub use options::{Expected, UrlCheckOptions};

use crate::error::Result;
use capbundle::http::{Cleartext, Transport, Url};
use capbundle::progress::Control;

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
pub fn check(transport: &dyn Transport, url: &Url, options: &UrlCheckOptions, control: &Control) -> Result<CheckedUrl> {
    Cleartext::LoopbackOnly.check(url)?;
    let fetched = fetch::fetch(transport, url, options, control)?;
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

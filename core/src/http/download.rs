//! A file over a network that fails: resumed where it broke off, never longer, slower or other than was asked for.

mod answer;
mod part;
mod rate;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use answer::content_range;
use answer::{Answer, Verdict};
pub use answer::{WEB_PAGE, content_length, is_text};
use part::Part;
pub use rate::Rate;

use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::exchange::Exchange;
use crate::http::retry::Backoff;
use crate::http::transport::{Cleartext, Headers, Method, Request, Transport};
use crate::http::url::Url;
use crate::progress::Control;
use crate::verified::{Proof, VerifiedArchive};

/// A try that came this much further than any before was no failure, whatever ended it.
const WORTH_A_TRY: u64 = 64 << 10;

/// A file somewhere else.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Remote {
    /// Where it is.
    pub url: Url,
    /// What the host of that URL is to be told, for example a token. Not sent on when it redirects to another origin.
    pub headers: Headers,
    /// SHA-256 of the file. For a sealed archive it is not known: what is signed is the plain one's.
    pub digest: Option<Sha256Digest>,
    /// Bytes of the file, where known. An answer of another size is refused as soon as it says so, or at the byte too many.
    pub size: Option<u64>,
    /// What the file is called from one try to the next, since signed URLs change: for example the text of its signed
    /// checksum. By default its digest, or the URL without its query.
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

    /// Its name on disk: of no use to whoever wants to choose one.
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

/// How to download.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DownloadOptions {
    /// Bytes that a file may have. 1 GiB.
    pub max_size: u64,
    /// How long until a connection must stand. 15 s.
    pub connect_timeout: Duration,
    /// How long without a byte of the file until the connection is given up and another tried. 30 s. A small document (a
    /// channel file, a key ring) is given up after four times as long in all.
    pub stall_timeout: Duration,
    /// Bytes a second, over half a minute, below which a connection counts as stalled. 512: a server that drips bytes
    /// must not hold a device for ever.
    pub min_rate: u64,
    /// Failures in a row, without anything gained, after which the download gives up. 6, which takes about 15 s. It also gives
    /// up at a failure when what had come was lost this often: a server that always begins anew must not hold a device for ever.
    pub attempts: u32,
    /// The wait after the first failure. It doubles with each, up to half a minute, and is cut to a random part.
    pub first_wait: Duration,
    /// Which addresses may be asked without TLS.
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

/// A file that was downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is; whoever has used it removes it.
    pub path: PathBuf,
    /// Its bytes.
    pub size: u64,
    /// Bytes of it that came over the network now: less than its size if it was resumed, more if some came in vain.
    pub received: u64,
    /// Whether its digest was known and held.
    pub verified: bool,
}

/// A look at the first bytes of a file, as soon as they have come: nobody needs the rest of one that will be refused.
pub(crate) struct Start<'a> {
    /// So many bytes are enough.
    pub(crate) most: usize,
    /// `false`: it takes more bytes than these. An error refuses the file.
    pub(crate) check: &'a dyn Fn(&[u8]) -> Result<bool>,
}

/// Downloads a file into `folder`, which must exist and be of the app alone.
///
/// What came stays in `<name>.part` when the download fails, is cancelled or the process dies, and the next call goes on
/// from there, if the server still has the same file: it must say so by `If-Range`, or the digest must hold in the end.
/// Connections that break, stall or drip are made again, with waits that grow, as long as each comes further than any before;
/// answers 408, 425, 429 and 5xx too, after as long as the server asks for (up to two minutes). Whatever a server answers, it
/// is asked a bounded number of times. A file that has not the digest or size asked for is removed, so that the next try can
/// succeed. Nothing is synced: after a power cut a part may be wrong, and what is wrong fails its digest.
///
/// A file that an earlier call finished and nobody removed is given again, its digest checked anew. One call at a time
/// may download a file into a folder.
///
/// # Errors
/// [`Network`](crate::ErrorKind::Network) when no try is left; [`Server`](crate::ErrorKind::Server) for an answer that
/// means no, such as 404 and 403, one of another size than is known, and one that HTTP does not allow;
/// [`NotTrusted`](crate::ErrorKind::NotTrusted) for plain HTTP, a redirect to it, or a certificate that does not hold; [`DigestMismatch`](crate::ErrorKind::DigestMismatch);
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) beyond `max_size`; [`NoSpace`](crate::ErrorKind::NoSpace) before a
/// byte is asked for, where the size is known, else as soon as it is too little, and what came is removed;
/// [`Busy`](crate::ErrorKind::Busy), at once, while another call downloads or uses the same;
/// [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn download(
    transport: &dyn Transport,
    remote: &Remote,
    folder: &Path,
    options: &DownloadOptions,
    control: &Control,
) -> Result<Downloaded> {
    download_looking(transport, remote, folder, options, control, None).map(|held| held.file)
}

/// A file that was downloaded, kept from other calls until this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) file: Downloaded,
    /// Locked. Where the digest was known, the file was hashed through this handle.
    handle: Arc<File>,
    digest: Option<Sha256Digest>,
}

impl Held {
    /// The file as an archive with this proof, if it was hashed when it was downloaded: it need not be read for that again.
    pub(crate) fn hashed_archive(&self, proof: Proof) -> Option<VerifiedArchive> {
        let Downloaded { path, size, .. } = &self.file;
        let digest = self.digest?;
        Some(VerifiedArchive::already_hashed(
            Arc::clone(&self.handle),
            path.clone(),
            *size,
            digest,
            proof,
        ))
    }
}

/// As [`download`], with a look at how the file begins. Its error ends the download and is returned.
pub(crate) fn download_looking(
    transport: &dyn Transport,
    remote: &Remote,
    folder: &Path,
    options: &DownloadOptions,
    control: &Control,
    start: Option<&Start<'_>>,
) -> Result<Held> {
    download_unless(transport, remote, folder, options, control, start, &|| Ok(()))
}

/// As [`download_looking`]. `unless` is asked once the file is this call's alone and before the server is; its error is returned.
/// Another call may have finished between the decision to download and this call's turn.
pub(crate) fn download_unless(
    transport: &dyn Transport,
    remote: &Remote,
    folder: &Path,
    options: &DownloadOptions,
    control: &Control,
    start: Option<&Start<'_>>,
    unless: &dyn Fn() -> Result<()>,
) -> Result<Held> {
    options.cleartext.check(&remote.url)?;
    // What comes again, after a part had to be thrown away, does not take the progress back.
    let (control, _) = &control.in_parts();
    let mut part = Part::open(folder, &remote.name())?;
    let verified = remote.digest.is_some();
    let held = |(path, size, handle), received| Held {
        file: Downloaded {
            path,
            size,
            received,
            verified,
        },
        handle: Arc::new(handle),
        digest: remote.digest,
    };
    let finished = match part.finished_before(remote, control) {
        // Else an empty part would stay beside the file that another call uses.
        Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
        finished => finished?,
    };
    if let Some(finished) = finished {
        part.remove()?;
        return Ok(held(finished, 0));
    }
    match unless() {
        Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
        result => result?,
    }
    part.require_size(remote.size)?;
    match part.check_start(start) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        // Of another file, or damaged by a power cut.
        Err(_) => part.restart()?,
    }
    let mut received = 0;
    loop {
        let resumed = part.length() > 0;
        match fetch(transport, remote, &mut part, folder, options, control, start) {
            Ok(came) => received += came,
            // Nothing is left to go on with.
            Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
            Err(error) => return Err(error),
        }
        match part.verify(remote, control) {
            Ok(()) => break,
            // Cancelled, or it could not be read: nothing is wrong with the file.
            Err(error) if !matches!(error, Error::DigestMismatch { .. } | Error::Server { .. }) => return Err(error),
            // A part of another file than this one: a device must not stay behind because of it.
            Err(_) if resumed => part.restart()?,
            Err(error) => {
                part.remove()?;
                return Err(error);
            }
        }
    }
    Ok(held(part.finish()?, received))
}

impl Downloaded {
    /// Removes the file. That it is gone is no error.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io).
    pub fn remove(self) -> Result<()> {
        part::remove_if_there(&self.path)
    }
}

/// Fills the part, try after try. The bytes that came.
fn fetch(
    transport: &dyn Transport,
    remote: &Remote,
    part: &mut Part,
    folder: &Path,
    options: &DownloadOptions,
    control: &Control,
    start: Option<&Start<'_>>,
) -> Result<u64> {
    let mut backoff = Backoff::new(options.attempts).with_first_wait(options.first_wait);
    let mut received = 0;
    // What was lost and comes again is nothing gained.
    let mut furthest = part.length();
    while !part.is_complete() {
        control.check("download")?;
        let mut request = request_for(remote, part, options)?;
        request.control = control.clone();
        let mut answer = Answer::new(remote, part, folder, options, control, start);
        let exchange = Exchange::run(transport, &request, options.cleartext, &mut answer);
        let (verdict, came) = answer.end();
        received += came;
        let (error, asked) = match (verdict, exchange) {
            (Some(Verdict::Complete), _) => break,
            (Some(Verdict::Again { error, asked }), _) => (error, asked),
            (None, Err(error)) => return Err(error),
            (None, Ok(Exchange::Complete)) => match part.end_of_body() {
                Ok(()) => break,
                Err(problem) => (broken(remote, problem), None),
            },
            // How a connection ends after the last byte does not matter.
            (None, Ok(Exchange::Broken(_))) if part.has_all() => break,
            (None, Ok(Exchange::Broken(problem))) => (broken(remote, problem), None),
        };
        if part.length() >= furthest.saturating_add(WORTH_A_TRY) {
            backoff.reset();
        }
        furthest = furthest.max(part.length());
        if part.losses() >= options.attempts {
            return Err(given_up(
                error,
                &format!("what had come was lost {} times", part.losses()),
            ));
        }
        if !backoff.wait(asked, control, "download")? {
            let failures = backoff.failures();
            return Err(given_up(error, &format!("{failures} tries in a row brought nothing")));
        }
    }
    Ok(received)
}

fn request_for(remote: &Remote, part: &Part, options: &DownloadOptions) -> Result<Request> {
    let mut request = Request::new(Method::Get, remote.url.clone());
    request.headers = remote.headers.clone();
    request.connect_timeout = options.connect_timeout;
    request.stall_timeout = options.stall_timeout;
    if let Some(range) = part.range(remote.digest.is_some()) {
        request.headers.add("Range", format!("bytes={}-", range.from))?;
        if let Some(validator) = range.validator {
            request.headers.add("If-Range", validator)?;
        }
    }
    Ok(request)
}

fn broken(remote: &Remote, problem: String) -> Error {
    Error::Network {
        url: remote.url.to_string(),
        problem,
    }
}

/// Says how often it was tried, which is the first thing that a person asks.
fn given_up(error: Error, tried: &str) -> Error {
    match error {
        Error::Network { url, problem } => Error::Network {
            url,
            problem: format!("{problem} ({tried})"),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests;

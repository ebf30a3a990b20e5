//! Downloads of files over unreliable networks: resumed, bounded in size and time, and checked.

pub(super) mod headers;
mod options;
mod part;
mod ranges;
mod rate;
mod receiver;
mod refusal;
mod web_page;

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

pub use headers::{content_length, content_range};
pub(crate) use options::StartCheck;
pub use options::{Download, DownloadOptions, Remote};
use part::Part;
pub use ranges::Traffic;
pub(crate) use ranges::{RemoteFile, TakeBytes};
pub use rate::Rate;
use receiver::PartReceiver;
pub use web_page::{WEB_PAGE, is_markup};

use crate::digest::Sha256Digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::client::Client;
use crate::http::retry::RetryPolicy;
use crate::http::transport::Transport;
use crate::progress::Control;
use crate::verified::{Proof, VerifiedArchive};

/// A downloaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Its path. The caller removes it after use.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Bytes received over the network by this call: fewer than `size` if the download was resumed, more if some were received
    /// in vain.
    pub received: u64,
    /// Whether the digest was known and matched.
    pub verified: bool,
}

/// Downloads a file into a folder.
///
/// If the download fails, is cancelled or the process dies, the received bytes stay in `<name>.part`. The next call resumes if
/// the server still has the same file: either `If-Range` says so, or the digest of the whole file matches. Connections that
/// break, stall or are too slow are retried with growing waits as long as each gains data; so are responses 408, 425, 429 and
/// 5xx (except 501, 505 and 507), after the wait that the server requests (up to two minutes). The number of requests is bounded
/// for any server. A file with a wrong digest or size is removed, so that the next attempt can succeed. Nothing is synced: after a
/// power cut a part may be wrong, which its digest shows.
///
/// A file that an earlier call completed and that was not removed is returned after its digest is checked again. One call at a
/// time may download a file into a folder.
///
/// # Errors
/// [`Network`](crate::ErrorKind::Network) when no attempt is left; [`Server`](crate::ErrorKind::Server) for a refusal such as
/// 404 or 403, a response of another size than known, and a response that violates HTTP;
/// [`NotTrusted`](crate::ErrorKind::NotTrusted) for plain HTTP, a redirect to it, or an invalid certificate;
/// [`DigestMismatch`](crate::ErrorKind::DigestMismatch); [`LimitExceeded`](crate::ErrorKind::LimitExceeded) beyond `max_size`;
/// [`NoSpace`](crate::ErrorKind::NoSpace), before anything is requested if the size is known, otherwise as soon as space runs
/// out, and then the part is removed; [`Busy`](crate::ErrorKind::Busy), at once, while another call downloads or uses the same
/// file; [`Io`](crate::ErrorKind::Io), [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn download(transport: &dyn Transport, wanted: &Download<'_>, control: &Control) -> Result<Downloaded> {
    download_with_start_check(transport, wanted, control, None).map(|locked| locked.file)
}

/// A downloaded file, locked against other calls until this is dropped.
#[derive(Debug)]
pub(crate) struct LockedDownload {
    pub(crate) file: Downloaded,
    /// Locked. If the digest was known, the file was hashed through this handle.
    handle: Arc<File>,
    digest: Option<Sha256Digest>,
}

impl LockedDownload {
    /// The file as an archive with this proof, without hashing it again. `None` if the download did not hash it.
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

/// As [`download`], with a check of the first bytes. Its error ends the download and is returned.
pub(crate) fn download_with_start_check(
    transport: &dyn Transport,
    wanted: &Download<'_>,
    control: &Control,
    start: Option<&StartCheck<'_>>,
) -> Result<LockedDownload> {
    download_unless(transport, wanted, control, start, &|| Ok(()))
}

/// As [`download_with_start_check`]. `unless` is called after the lock is acquired and before the first request; its error is
/// returned. Another call may have finished between the caller's decision to download and the lock.
pub(crate) fn download_unless(
    transport: &dyn Transport,
    wanted: &Download<'_>,
    control: &Control,
    start: Option<&StartCheck<'_>>,
    unless: &dyn Fn() -> Result<()>,
) -> Result<LockedDownload> {
    let &Download {
        remote,
        folder,
        options,
    } = wanted;
    options.cleartext.check(&remote.url)?;
    // After a discarded part the same bytes arrive again; the reported progress does not go back.
    let (control, _) = &control.in_parts();
    let mut part = Part::open(folder, &remote.name())?;
    let verified = remote.digest.is_some();
    let locked = |(path, size, handle), received| LockedDownload {
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
        // Otherwise an empty part would remain beside the file that another call uses.
        Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
        finished => finished?,
    };
    if let Some(finished) = finished {
        part.remove()?;
        return Ok(locked(finished, 0));
    }
    match unless() {
        Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
        result => result?,
    }
    part.require_size(remote.size)?;
    match part.check_start(start) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::Io => return Err(error),
        // A part of another file, or damaged by a power cut.
        Err(_) => part.restart()?,
    }
    let retry = RetryPolicy::new(options.attempts).with_first_wait(options.first_wait);
    let client = Client::new(transport, control, "download")
        .with_cleartext(options.cleartext)
        .with_retry(retry);
    let mut total = 0;
    loop {
        let resumed = part.length() > 0;
        if !part.is_complete() {
            let mut receiver = PartReceiver::new(wanted, &mut part, control, start);
            match client.run(&mut receiver) {
                Ok(count) => total += count,
                // Nothing is left to resume.
                Err(error) if part.length() == 0 => return part.remove().and(Err(error)),
                Err(error) => return Err(error),
            }
        }
        match part.verify(remote, control) {
            Ok(()) => break,
            // Cancelled, or an error of the disk: the part may be good.
            Err(error) if !matches!(error, Error::DigestMismatch { .. } | Error::Server { .. }) => return Err(error),
            // The resumed part was of another file. Starting over avoids that a device is stuck with it.
            Err(_) if resumed => part.restart()?,
            Err(error) => {
                part.remove()?;
                return Err(error);
            }
        }
    }
    Ok(locked(part.finish()?, total))
}

impl Downloaded {
    /// Removes the file. A missing file is not an error.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io).
    pub fn remove(self) -> Result<()> {
        part::remove_if_exists(&self.path)
    }
}

#[cfg(test)]
mod tests;

//! Downloads over unreliable networks.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::digest::Sha256Digest;
use capbundle_core::http::download as core;
use capbundle_core::http::{Cleartext, Headers};

use crate::convert::{milliseconds, signed, unsigned};
use crate::error::Result;
use crate::http::host::with_transport;
use crate::http::{HttpHeader, HttpTransport};
use crate::progress::{CancelToken, ProgressObserver, with_control};
use crate::store::install::path_text;

/// Download options. The defaults suit bundles.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DownloadOptions {
    /// Maximum size of the file in bytes: 1 GiB.
    #[uniffi(default = 1073741824)]
    pub max_size: i64,
    /// Milliseconds within which a connection must be established.
    #[uniffi(default = 15000)]
    pub connect_timeout_ms: i64,
    /// Milliseconds without a byte after which a connection is closed and the download retried. There is no
    /// limit on the total time.
    #[uniffi(default = 30000)]
    pub stall_timeout_ms: i64,
    /// Bytes per second, over half a minute, below which a connection counts as stalled.
    #[uniffi(default = 512)]
    pub min_rate: i64,
    /// Consecutive failures without progress after which the download fails: about 15 seconds.
    #[uniffi(default = 6)]
    pub attempts: i64,
    /// Milliseconds to wait after the first failure. The wait doubles with each failure, up to half a minute,
    /// with random jitter.
    #[uniffi(default = 500)]
    pub first_wait_ms: i64,
    /// Allow plain `http` to other hosts. Anyone on the network can then see which bundles a device downloads,
    /// and can withhold them. The platform may still forbid it.
    #[uniffi(default = false)]
    pub allow_cleartext: bool,
    /// Bytes that must stay free after the download: 32 MiB.
    #[uniffi(default = 33554432)]
    pub space_margin: i64,
}

impl DownloadOptions {
    pub(crate) fn to_core(options: Option<&Self>) -> Result<core::DownloadOptions> {
        let Some(options) = options else {
            return Ok(core::DownloadOptions::default());
        };
        let cleartext = if options.allow_cleartext {
            Cleartext::Allowed
        } else {
            Cleartext::default()
        };
        Ok(core::DownloadOptions::default()
            .with_max_size(unsigned("maxSize", options.max_size)?)
            .with_connect_timeout(milliseconds("connectTimeoutMs", options.connect_timeout_ms)?)
            .with_stall_timeout(milliseconds("stallTimeoutMs", options.stall_timeout_ms)?)
            .with_min_rate(unsigned("minRate", options.min_rate)?)
            .with_attempts(u32::try_from(unsigned("attempts", options.attempts)?).unwrap_or(u32::MAX))
            .with_first_wait(milliseconds("firstWaitMs", options.first_wait_ms)?)
            .with_cleartext(cleartext)
            .with_space_margin(unsigned("spaceMargin", options.space_margin)?))
    }
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteFile {
    /// Its URL: `https`, or `http` on this machine.
    pub url: String,
    /// Header fields for the host of that URL, for example a token. They are not sent to another origin after a
    /// redirect.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// SHA-256 of the file as 64 hexadecimal digits, if known.
    #[uniffi(default = None)]
    pub digest: Option<String>,
    /// Size of the file in bytes, if known.
    #[uniffi(default = None)]
    pub size: Option<i64>,
    /// A name that stays the same across attempts, because signed URLs change. The default is the digest, or
    /// the URL without its query.
    #[uniffi(default = None)]
    pub key: Option<String>,
}

impl RemoteFile {
    fn into_core(self) -> Result<core::Remote> {
        let remote = core::Remote::new(self.url.parse()?).with_headers(headers(self.headers)?);
        let digest: Option<Sha256Digest> = self.digest.map(|digest| digest.parse()).transpose()?;
        Ok(remote
            .with_digest(digest)
            .with_size(size(self.size)?)
            .with_key(self.key))
    }
}

/// A downloaded file.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Downloaded {
    /// Its path. The caller removes the file after use.
    pub path: String,
    /// Its size in bytes.
    pub size: i64,
    /// Bytes received over the network by this call: less than `size` after a resume, more if some had to be
    /// discarded.
    pub received: i64,
    /// Whether the digest was known and matched.
    pub verified: bool,
}

/// Downloads a file into `folder`, which must exist and be private to the app. On a device use
/// `Store.installFrom`; this is for everything else. Blocks until the download is complete: call it from a
/// background thread.
///
/// A partial download stays in the folder when the call fails, is cancelled or the process dies. The next call
/// resumes it if the server still has the same file. Connections that break, stall or are too slow are retried
/// with growing waits, as long as each attempt gains bytes. A file with the wrong digest or size is removed.
///
/// Throws `Network` when no attempt is left; `Server` for an error status; `NotTrusted` for plain HTTP, a
/// redirect to plain HTTP or an untrusted certificate; `DigestMismatch`, `LimitExceeded`, `NoSpace`; `Busy`
/// while another call downloads the same file; `Callback` if the transport breaks its contract; `InvalidInput`,
/// `Io`, `Cancelled`.
#[uniffi::export(default(options = None, cancel = None, progress = None))]
pub fn download(
    transport: Arc<dyn HttpTransport>,
    file: RemoteFile,
    folder: &str,
    options: Option<DownloadOptions>,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<Downloaded> {
    with_control(cancel, progress, |control| {
        let (remote, options) = (file.into_core()?, DownloadOptions::to_core(options.as_ref())?);
        let wanted = core::Download {
            remote: &remote,
            folder: Path::new(folder),
            options: &options,
        };
        let downloaded = with_transport(transport, |host| Ok(core::download(host, &wanted, control)?))?;
        Ok(Downloaded {
            path: path_text(downloaded.path)?,
            size: signed(downloaded.size),
            received: signed(downloaded.received),
            verified: downloaded.verified,
        })
    })
}

pub(crate) fn headers(fields: Vec<HttpHeader>) -> Result<Headers> {
    let mut headers = Headers::new();
    for HttpHeader { name, value } in fields {
        headers.add(name, value)?;
    }
    Ok(headers)
}

pub(crate) fn size(size: Option<i64>) -> Result<Option<u64>> {
    size.map(|size| unsigned("size", size)).transpose()
}

#[cfg(test)]
mod tests;

//! Files over networks that fail.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::http::download as core;
use capbundle_core::http::{Cleartext, Headers};

use crate::convert::{milliseconds, signed, unsigned};
use crate::error::Result;
use crate::http::host::with_transport;
use crate::http::{HttpHeader, HttpTransport};
use crate::progress::{CancelToken, ProgressObserver, with_control};
use crate::store::install::path_text;

/// How to download. The defaults are right for bundles.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DownloadOptions {
    /// Bytes that a file may have: 1 GiB.
    #[uniffi(default = 1073741824)]
    pub max_size: i64,
    /// Milliseconds until a connection must stand.
    #[uniffi(default = 15000)]
    pub connect_timeout_ms: i64,
    /// Milliseconds without a byte until the connection is given up and another tried. There is no limit on the whole.
    #[uniffi(default = 30000)]
    pub stall_timeout_ms: i64,
    /// Bytes a second, over half a minute, below which a connection counts as stalled.
    #[uniffi(default = 512)]
    pub min_rate: i64,
    /// Failures in a row, without anything gained, after which the download gives up: about 15 seconds.
    #[uniffi(default = 6)]
    pub attempts: i64,
    /// Milliseconds to wait after the first failure. The wait doubles with each, up to half a minute, and is cut to a
    /// random part.
    #[uniffi(default = 500)]
    pub first_wait_ms: i64,
    /// Also plain `http`, not only from this machine itself. Whoever is on the way sees which bundles a device takes and can
    /// hold them back. The platform may forbid it all the same.
    #[uniffi(default = false)]
    pub allow_cleartext: bool,
    /// Bytes that must stay free beside the file: 32 MiB.
    #[uniffi(default = 33554432)]
    pub space_margin: i64,
}

impl DownloadOptions {
    pub(crate) fn to_core(options: Option<&Self>) -> Result<core::DownloadOptions> {
        let mut result = core::DownloadOptions::default();
        if let Some(options) = options {
            result.max_size = unsigned("maxSize", options.max_size)?;
            result.connect_timeout = milliseconds("connectTimeoutMs", options.connect_timeout_ms)?;
            result.stall_timeout = milliseconds("stallTimeoutMs", options.stall_timeout_ms)?;
            result.min_rate = unsigned("minRate", options.min_rate)?;
            result.attempts = u32::try_from(unsigned("attempts", options.attempts)?).unwrap_or(u32::MAX);
            result.first_wait = milliseconds("firstWaitMs", options.first_wait_ms)?;
            if options.allow_cleartext {
                result.cleartext = Cleartext::Allowed;
            }
            result.space_margin = unsigned("spaceMargin", options.space_margin)?;
        }
        Ok(result)
    }
}

/// A file somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RemoteFile {
    /// Where it is: `https`, or `http` on this very machine.
    pub url: String,
    /// What the host of that URL is to be told, for example a token. Not sent on when it redirects to another origin.
    #[uniffi(default = [])]
    pub headers: Vec<HttpHeader>,
    /// SHA-256 of the file, as 64 hexadecimal digits, where known.
    #[uniffi(default = None)]
    pub digest: Option<String>,
    /// Bytes of the file, where known.
    #[uniffi(default = None)]
    pub size: Option<i64>,
    /// What the file is called from one try to the next, since signed URLs change. Its digest, or the URL without its
    /// query, if left out.
    #[uniffi(default = None)]
    pub key: Option<String>,
}

impl RemoteFile {
    fn into_core(self) -> Result<core::Remote> {
        let mut remote = core::Remote::new(self.url.parse()?);
        remote.headers = headers(self.headers)?;
        remote.digest = self.digest.map(|digest| digest.parse()).transpose()?;
        remote.size = size(self.size)?;
        remote.key = self.key;
        Ok(remote)
    }
}

/// A file that was downloaded.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Downloaded {
    /// Where it is. Whoever has used it removes it.
    pub path: String,
    /// Its bytes.
    pub size: i64,
    /// Bytes of it that came over the network now: less than its size if it was resumed, more if some came in vain.
    pub received: i64,
    /// Whether its digest was known and held.
    pub verified: bool,
}

/// Downloads a file into `folder`, which must exist and be of the app alone. `Store.installFrom` is what a device needs; this
/// is for everything else. Blocks until it is there: for a background thread.
///
/// What came stays in the folder when the download fails, is cancelled or the process dies, and the next call goes on from
/// there if the server still has the same file. Connections that break, stall or drip are made again, with waits that grow,
/// as long as each brings something. A file that has not the digest or size asked for is removed.
///
/// Throws `Network` when no try is left; `Server` for an answer that means no; `NotTrusted` for plain HTTP, a redirect to it
/// and a certificate that does not hold; `DigestMismatch`, `LimitExceeded`, `NoSpace`; `Busy` while another call downloads
/// the same; `Callback` if the transport does not keep to what is asked of it; `InvalidInput`, `Io`, `Cancelled`.
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
        let downloaded = with_transport(transport, |host| {
            Ok(core::download(host, &remote, Path::new(folder), &options, control)?)
        })?;
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

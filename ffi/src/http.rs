//! HTTP by the host, with its trust store, proxies and background transfers: this library contains no TLS.
//!
//! The host sends one request and passes the response on in pieces. Everything else (a 200 in response to a
//! range request, a range that does not fit, an endless body, a redirect to plain HTTP) is handled once, in
//! Rust.

pub(crate) mod host;

use std::fmt;
use std::sync::Arc;

use crate::error::{Result, first_line};

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum HttpMethod {
    /// Reads a resource.
    Get,
    /// Reads the head of a response only.
    Head,
    /// Sends a body and reads the response.
    Post,
    /// Replaces a resource.
    Put,
    /// Deletes a resource.
    Delete,
}

/// One header field. Names are case-insensitive; a name may occur several times.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One complete request. The host adds no header that changes its meaning: no `Accept-Encoding`, because ranges
/// and digests refer to the stored bytes; no cookies, no cache.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The URL: `https`, or `http` where the host's own configuration allows it.
    pub url: String,
    /// Header fields, including `Range` and `If-Range` when a download is resumed.
    pub headers: Vec<HttpHeader>,
    /// The body of a `Post` or `Put`.
    pub body: Option<Vec<u8>>,
    /// Milliseconds within which the connection must be established.
    pub connect_timeout_ms: i64,
    /// Milliseconds without a byte after which the transfer fails. There is no limit on the total time: a large
    /// bundle over a slow connection is not an error.
    pub stall_timeout_ms: i64,
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpResponseHead {
    /// The status, 200 to 599. A redirect is a response: the host does not follow it.
    pub status: i32,
    /// The header fields as received.
    pub headers: Vec<HttpHeader>,
}

/// Receives a response: Rust's side of one transfer.
///
/// It writes to the file of the download (at the right offset after a resume) or keeps a small body in memory,
/// and enforces size limits, the minimum rate and cancellation. If one of its functions throws, the host ends
/// the transfer and rethrows. Its functions may be called from any thread, one at a time, until `send` returns;
/// after that they throw.
#[uniffi::export]
pub trait ResponseSink: Send + Sync {
    /// The head of the response, before its body.
    fn begin(&self, head: HttpResponseHead) -> Result<()>;

    /// The next piece of the body, in order: about 64 KiB, never the whole body.
    fn write(&self, bytes: Vec<u8>) -> Result<()>;

    /// Whether the rest of the response is still needed. It becomes false when the transfer is cancelled or
    /// abandoned while no bytes arrive, when no function is called that could throw. A host that waits for
    /// bytes checks it a few times per second and closes the connection.
    fn is_wanted(&self) -> bool;
}

/// Sends requests. The Swift and Kotlin packages include one based on `URLSession` and one based on
/// `HttpURLConnection`; a host may provide its own. It is called from dedicated background threads, several at
/// a time.
#[uniffi::export(foreign)]
pub trait HttpTransport: Send + Sync {
    /// Sends one request and passes the response to `sink`: `begin` once, `write` for each piece, then it
    /// returns. Blocks until the body ends.
    ///
    /// An error status is a response, not an error. An exception means that there was no response, or only part
    /// of one; pieces that the sink received before count and are not requested again.
    ///
    /// A transport that breaks this contract (no `begin`, two of them, an invalid status) or throws
    /// `Unexpected` ends the operation with the error `Callback`. One that neither passes anything on nor
    /// returns is abandoned after the stall timeout, together with its thread, and the operation retries.
    fn send(&self, request: HttpRequest, sink: Arc<dyn ResponseSink>) -> Result<(), TransportError>;
}

/// Why a request got no response.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
pub enum TransportError {
    /// There is no network, or none that may be used.
    Offline {
        /// The reason that the system gives.
        reason: String,
    },
    /// The server could not be reached, or the connection broke or stalled. Retrying may succeed.
    Broken {
        /// The reason that the system gives.
        reason: String,
    },
    /// The connection is not secure or policy forbids it: an untrusted certificate, cleartext. Retrying does
    /// not help.
    Refused {
        /// The reason that the system gives.
        reason: String,
    },
    /// The transfer was cancelled, by the host or by its sink.
    Cancelled {
        /// The reason that the system gives.
        reason: String,
    },
    /// Any other exception of the host.
    Unexpected {
        /// Its text.
        reason: String,
    },
}

impl fmt::Display for TransportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Offline { reason }
        | Self::Broken { reason }
        | Self::Refused { reason }
        | Self::Cancelled { reason }
        | Self::Unexpected { reason }) = self;
        formatter.write_str(reason)
    }
}

impl std::error::Error for TransportError {}

impl From<uniffi::UnexpectedUniFFICallbackError> for TransportError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unexpected {
            reason: first_line(&error.reason),
        }
    }
}

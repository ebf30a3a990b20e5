//! HTTP as the host does it: its trust store, proxies and background transfers, and no TLS of ours.
//!
//! The division of labour is what matters. The host sends one request and hands over what comes back, piece by piece;
//! everything that can go wrong in between (a 200 where a part was asked for, a range that does not fit, a body that never
//! ends, a redirect to plain HTTP) is judged once, in Rust.

pub(crate) mod host;

use std::fmt;
use std::sync::Arc;

use crate::error::{Result, first_line};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Reads the head alone.
    Head,
    /// Sends a body and reads the answer.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

/// One header field. Names are compared without regard to case; a name may come several times.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One request, complete: the host adds no header of its own that changes its meaning (no `Accept-Encoding`: ranges and
/// digests are those of the bytes as they are stored; no cookies, no cache).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpRequest {
    /// What is asked for.
    pub method: HttpMethod,
    /// Where. `https`, or `http` where the host's own configuration allows it.
    pub url: String,
    /// Header fields, `Range` and `If-Range` among them when a download is resumed.
    pub headers: Vec<HttpHeader>,
    /// The body of a `Post` or `Put`.
    pub body: Option<Vec<u8>>,
    /// Milliseconds until the connection must stand.
    pub connect_timeout_ms: i64,
    /// Milliseconds without a single byte after which the transfer is given up. There is no limit on the whole: a large
    /// bundle over a slow line is no error.
    pub stall_timeout_ms: i64,
}

/// How an answer begins.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct HttpResponseHead {
    /// The status, 200 to 599. A redirect is an answer: the host does not follow it.
    pub status: i32,
    /// Header fields as they came.
    pub headers: Vec<HttpHeader>,
}

/// Where an answer goes: Rust's side of one transfer.
///
/// It writes to the file that is being downloaded (from the right place, when a download is resumed) or keeps a small body
/// in memory, and enforces size limits, the rate of slow transfers and cancellation. When one of its functions throws, the
/// host ends the transfer and rethrows. Its functions may be called from any thread, one after the other, until `send`
/// returns; after that they throw.
#[uniffi::export]
pub trait ResponseSink: Send + Sync {
    /// The head of the answer, before its body.
    fn begin(&self, head: HttpResponseHead) -> Result<()>;

    /// The next piece of the body, in order: 64 KiB or so, never the whole.
    fn write(&self, bytes: Vec<u8>) -> Result<()>;

    /// Whether anybody still waits for the rest. It turns to false when the transfer is cancelled or given up while no
    /// bytes come, which no function that throws can tell: a host that waits for long looks at it a few times a second,
    /// and closes the connection.
    fn is_wanted(&self) -> bool;
}

/// Sends requests. The Swift and Kotlin packages bring one on `URLSession` and one on `HttpURLConnection`; a host may bring
/// its own. It is called from background threads that are there for nothing else, several at once.
#[uniffi::export(foreign)]
pub trait HttpTransport: Send + Sync {
    /// Sends one request and passes the answer to `sink`: `begin` once, `write` for each piece, then it returns. Blocks
    /// until the body has ended.
    ///
    /// An answer with an error status is no error here. What it throws means that no answer came, or not all of it; what
    /// was passed to the sink before counts, and is not asked for again.
    ///
    /// One that does not keep to this (no `begin`, two of them, a status that is none) or throws `Unexpected` ends the
    /// operation with the error `Callback`. One that neither passes anything on nor returns is left behind when the stall
    /// timeout is over, and its thread with it: the operation goes on with another try.
    fn send(&self, request: HttpRequest, sink: Arc<dyn ResponseSink>) -> Result<(), TransportError>;
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Error)]
pub enum TransportError {
    /// There is no network, or none that may be used for this.
    Offline {
        /// What the system says.
        reason: String,
    },
    /// The server could not be reached, the connection broke or stalled. Trying again may help.
    Broken {
        /// What the system says.
        reason: String,
    },
    /// The connection is not secure, or policy forbids it: a certificate that is not trusted, cleartext. Trying again does
    /// not help.
    Refused {
        /// What the system says.
        reason: String,
    },
    /// The transfer was cancelled, by the host or by its sink.
    Cancelled {
        /// What the system says.
        reason: String,
    },
    /// Anything else that the host threw.
    Unexpected {
        /// What it said.
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

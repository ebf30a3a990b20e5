//! HTTP requests over a platform's own transport.
//!
//! A [`Transport`] sends one request and passes the response on in pieces. Everything else is decided here, once for every
//! platform: redirects, retries and their waits, and the limits on size and time. On phones the transport is the platform's own
//! HTTP stack, behind a foreign trait; in Rust programs it is [`Http`] (feature `http`).

mod body;
pub mod client;
mod collector;
mod deadline;
pub mod download;
mod exchange;
#[cfg(feature = "http")]
mod http_transport;
#[cfg(test)]
pub(crate) mod mock_transport;
mod retry;
mod transport;
mod url;

pub use body::Body;
pub(crate) use collector::{Collected, Collector};
pub(crate) use deadline::Deadline;
pub use exchange::{Exchange, RedirectPolicy};
#[cfg(feature = "http")]
pub use http_transport::Http;
pub use retry::{Backoff, Idempotency, RetryPolicy, is_retryable, retry_after};
pub use transport::{Cleartext, Head, Headers, Method, Receiver, Request, Transport, TransportError};
pub use url::{Origin, Url};

#[cfg(test)]
mod tests;

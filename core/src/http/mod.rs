//! One HTTP exchange after the other, whoever carries them out.
//!
//! A [`Transport`] sends one request and hands over what comes back, piece by piece. What is made of it is decided here,
//! once for every platform: redirects, which answers are tried again and when, what is too large or too slow. On phones the
//! transport is the platform's own HTTP stack, behind a foreign trait; in Rust programs it is [`Http`] (feature `http`).

mod body;
pub mod client;
pub mod download;
mod exchange;
#[cfg(feature = "http")]
mod http_transport;
#[cfg(test)]
pub(crate) mod mock_transport;
mod patience;
mod retry;
mod transport;
mod url;

pub use body::Body;
pub use exchange::Exchange;
#[cfg(feature = "http")]
pub use http_transport::Http;
pub(crate) use patience::Patience;
pub use retry::{Backoff, retry_after};
pub use transport::{Cleartext, Head, Headers, Method, Receiver, Request, Transport, TransportError};
pub use url::{Origin, Url};

#[cfg(test)]
mod tests;

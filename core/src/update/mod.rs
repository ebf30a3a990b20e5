//! Requests to an update server that speaks Capgo's protocol, and reading static channels.
//!
//! [`ask`] requests an update, and [`UpdateClient`] also sends reports and chooses channels. The caller decides when to
//! send a request and how to act on the response.

pub mod channel;
mod client;
pub mod manifest;
pub mod protocol;

pub use client::{EventOutcome, Report, UpdateClient, ask};

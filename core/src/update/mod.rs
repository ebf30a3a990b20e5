//! Capgo's update protocol, and reading static channels.
//!
//! The caller decides when to send a request and how to act on the response.

pub mod channel;
pub mod protocol;

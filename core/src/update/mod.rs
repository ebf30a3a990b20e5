//! Talking to an update server, or reading a static channel: what a device says and what it is told.
//!
//! When to ask and what to do with an answer is up to the caller.

pub mod channel;
pub mod protocol;

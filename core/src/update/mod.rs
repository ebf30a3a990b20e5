//! Talking to an update server: what a device says and what it is told.
//!
//! So far the words only. When to ask and what to do with an answer is up to the caller.

pub mod protocol;

//! Property tests with random folders and random damage.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod damage;
mod interruption;
mod packing;
mod strategies;

//! What holds for every folder and every damage, tried on many random ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod damage;
mod interruption;
mod packing;
mod strategies;

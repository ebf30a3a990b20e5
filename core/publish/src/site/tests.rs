#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]

mod buckets;
mod built_in;
mod damaged;
pub(super) mod fixtures;
mod folders;
mod histories;
mod intruders;
mod keys;
mod kills;
pub(super) mod memory;
mod offering;
mod patches;
mod sealed;
mod together;

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how a test fails"
)]
mod archives;
mod case;
mod disk;
mod faults;
mod server;
mod subsets;

//! An app that keeps itself up to date, over real sockets, with servers that behave and servers that do not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests; what was sent is for people"
)]

mod app;
mod channels;
mod faults;
mod lives;
mod lossy;
mod protocol;
mod tls;

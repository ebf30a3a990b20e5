//! Uploads to real S3 servers, with and without faults. One runs in the process of the test, one in its own; both check
//! signatures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod addresses;
mod faults;
mod memory;
mod proxy;
mod refusals;
mod resume;
mod servers;
mod static_site;
mod update_server;
mod uploads;

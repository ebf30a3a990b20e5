//! Uploads to real S3 servers, good and bad days: one in the process of the test, one of its own, both with signature checks.
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

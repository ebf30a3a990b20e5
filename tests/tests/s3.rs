//! Uploads to real S3 servers, good and bad days: one in the process of the test, one of its own, both with signature checks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "s3/faults.rs"]
mod faults;
#[path = "s3/memory.rs"]
mod memory;
#[path = "s3/proxy.rs"]
mod proxy;
#[path = "s3/refusals.rs"]
mod refusals;
#[path = "s3/resume.rs"]
mod resume;
#[path = "s3/servers.rs"]
mod servers;
#[path = "s3/static_site.rs"]
mod static_site;
#[path = "s3/update_server.rs"]
mod update_server;
#[path = "s3/uploads.rs"]
mod uploads;

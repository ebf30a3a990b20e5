#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]

mod event;
mod invariants;
mod published;
mod random;
mod rules;
mod simulation;

use super::*;
use crate::digest::Sha256Digest;
use crate::store::records::{BundleRecord, FailedBundle, FailureCause, Identity};
use crate::store::{BundleId, BundleRef};
use crate::time::Timestamp;

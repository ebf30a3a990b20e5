//! The policy against a model of a device: its store, its web view, its timers.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails, and the seed is for people"
)]

mod lives;
mod modes;
mod previews;
mod random;
mod world;

use std::time::Duration;

use self::world::World;
use super::*;
use crate::error::{Error, Result};
use crate::native::NativeApp;
use crate::store::{BundleId, BundleRef, Confirmation, Launch, LaunchReason};
use crate::time::Timestamp;
use crate::update::protocol::ReportAction;
use crate::updater::check_period::CheckPeriod;
use crate::updater::mode::UpdateMode;

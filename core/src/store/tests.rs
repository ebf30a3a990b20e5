#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a panic is how a test fails"
)]

mod android;
mod assembling;
mod built_in;
mod bundles;
mod channels;
mod cleaning;
mod damage;
mod delays;
mod device;
mod device_ids;
mod failures;
mod faulty;
mod fetching;
mod fixtures;
mod key_rotation;
mod launching;
mod lives;
mod migrating_capgo;
#[cfg(unix)]
mod misplaced;
mod pages;
mod previews;
mod proofs;
mod publisher;
mod recovery;
mod refusals;
mod releases;
mod sharing;
mod silent;
mod space;
mod to_built_in;
mod trials;
mod unwritten;
mod updating;

use device::{Device, native};

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::state::StoreState;
use super::*;
use crate::error::{Error, ErrorKind, Result};
use crate::io::vfs::{Disk, Files, Kind, Lock};

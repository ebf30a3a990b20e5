//! The files of a store on the disk: where they are, how they are written, and how they are repaired.
//!
//! Knows no record: what a file holds is up to its caller.

mod codec;
mod files;
pub(super) mod json;
mod layout;
mod repair;
mod reserve;
mod staging;

pub(super) use codec::MAX_BYTES;
pub(super) use files::{Found, Storage, temporary_of};
pub(super) use layout::{Layout, START};
pub(super) use staging::{NAME_LENGTH, Staged, random_name};

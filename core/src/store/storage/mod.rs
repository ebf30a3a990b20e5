//! On-disk files of a store: layout, encoding, writing and repair.
//!
//! This module knows the records of no file: callers decide what a file contains.

mod codec;
mod files;
pub(super) mod json;
mod layout;
mod repair;
mod reserve;
mod staging;

pub(super) use codec::{MAX_BYTES, decode, encode};
pub(super) use files::{FileContent, Storage, temporary_of};
pub(super) use layout::{Layout, START};
pub(super) use staging::{NAME_LENGTH, random_name};

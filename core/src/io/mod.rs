//! Reading, writing and hashing files.

pub mod atomic_file;
pub(crate) mod brotli;
#[cfg(test)]
pub(crate) mod crash_fs;
pub mod hashing;
pub mod pipeline;
pub(crate) mod positional_reader;
pub mod regular_file;
pub(crate) mod vfs;

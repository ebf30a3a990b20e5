//! Digests of files.

use std::path::Path;
use std::sync::Arc;

use capbundle_core::digest::{Crc32, Sha256Digest};

use crate::error::Result;
use crate::progress::{CancelToken, ProgressObserver, with_control};

/// SHA-256 of a file of any size, as 64 lower-case hexadecimal digits, in constant memory. Blocks while it
/// reads the file.
///
/// Throws `NotFound`, `Io` or `Cancelled`.
#[uniffi::export(default(cancel = None, progress = None))]
pub fn sha256_of_file(
    path: &str,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<String> {
    with_control(cancel, progress, |control| {
        Ok(Sha256Digest::of_file(Path::new(path), control)?.to_string())
    })
}

/// CRC-32 of a file, as 8 lower-case hexadecimal digits, for Capgo plugins from before 2023. A CRC detects
/// accidents, not attacks: it is not a verification. Blocks while it reads the file.
///
/// Throws `NotFound`, `Io` or `Cancelled`.
#[uniffi::export(default(cancel = None, progress = None))]
pub fn crc32_of_file(
    path: &str,
    cancel: Option<Arc<CancelToken>>,
    progress: Option<Arc<dyn ProgressObserver>>,
) -> Result<String> {
    with_control(cancel, progress, |control| {
        Ok(Crc32::of_file(Path::new(path), control)?.to_string())
    })
}

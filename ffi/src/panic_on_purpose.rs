//! A function that panics, for the tests of panics.

use crate::catch_panic::catch_panic;
use crate::error::Result;

/// Panics. Only in libraries built for tests.
#[allow(clippy::panic, clippy::missing_panics_doc, reason = "that is what it is for")]
#[uniffi::export]
pub fn panic_on_purpose(message: &str) -> Result<()> {
    catch_panic(|| panic!("{message}"))
}

//! What every exported function passes through.

use std::panic::{self, AssertUnwindSafe};

use capbundle_core as core;

use crate::error::{CapBundleError, ErrorKind, Result};

/// Runs the body of an exported function: errors of the core become ours, and so does a panic.
///
/// A panic that reached the bindings would end a Swift program, where the function does not throw, and would be an error of
/// another type everywhere else.
pub(crate) fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // What a panic may leave half changed is behind locks of the core, which look at what they protect anew.
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        let what = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no reason given".to_owned());
        let message = format!("a fault in capbundle, please report it: {what}");
        Err(CapBundleError::new(ErrorKind::Internal, message))
    })
}

/// The same for a body that fails with errors of the core only.
pub(crate) fn guarded_core<T>(body: impl FnOnce() -> core::Result<T>) -> Result<T> {
    guarded(|| body().map_err(CapBundleError::from))
}

#[cfg(test)]
mod tests;

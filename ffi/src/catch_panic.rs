//! What every exported function passes through.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use capbundle_core as core;

use crate::error::{CapBundleError, ErrorKind, Result};

/// Runs the body of an exported function: errors of the core become ours, and so does a panic.
///
/// A panic that reached the bindings would end a Swift program, where the function does not throw, and would be an error of
/// another type everywhere else.
pub(crate) fn catch_panic<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // The tests of this crate share their process with its harness, which tells what failed through the hook.
    #[cfg(not(test))]
    print_nothing();
    // What a panic may leave half changed is behind locks of the core, which look at what they protect anew.
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(fault(payload)))
}

/// Takes from panics the line they print: the message arrives as an error, and the log of a store gets it too.
///
/// The hook is of this library's copy of the standard library, which is inside `libcapbundle` and shares nothing with those
/// of other Rust code in the app (docs/decisions/0010). It is no thread and holds nothing.
fn print_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(|_| {})));
}

/// Not inlined: there is a copy of [`catch_panic`] for every exported function, and one of this is enough.
#[cold]
#[inline(never)]
fn fault(payload: Box<dyn Any + Send>) -> CapBundleError {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    let message = format!("a fault in capbundle, please report it: {what}");
    CapBundleError::new(ErrorKind::Internal, message)
}

/// The same for a body that fails with errors of the core only.
pub(crate) fn catch_panic_core<T>(body: impl FnOnce() -> core::Result<T>) -> Result<T> {
    catch_panic(|| body().map_err(CapBundleError::from))
}

#[cfg(test)]
mod tests;

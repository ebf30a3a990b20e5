//! The wrapper of every exported function.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use capbundle_core as core;

use crate::error::{CapBundleError, ErrorKind, Result};

/// Runs the body of an exported function and turns a panic into an error.
///
/// A panic that reached the bindings would end a Swift program if the function does not throw, and would be an
/// error of another type everywhere else.
pub(crate) fn catch_panic<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    // The tests of this crate share their process with the test harness, which reports failures through the
    // hook.
    #[cfg(not(test))]
    print_nothing();
    // State that a panic may leave half changed is behind locks of the core, which validate it again.
    panic::catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(fault(payload)))
}

/// Suppresses the message that a panic prints: it arrives as an error and in the log of the store.
///
/// The hook belongs to this library's copy of the standard library, which is inside `libcapbundle` and shares
/// nothing with other Rust code in the app (docs/decisions/0010). It starts no thread and holds nothing.
fn print_nothing() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| panic::set_hook(Box::new(|_| {})));
}

/// Not inlined: [`catch_panic`] is instantiated for every exported function, and one copy of this is enough.
#[cold]
#[inline(never)]
fn fault(payload: Box<dyn Any + Send>) -> CapBundleError {
    let what = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let message = format!("bug in capbundle, please report it: {what}");
    CapBundleError::new(ErrorKind::Internal, message)
}

/// [`catch_panic`] for a body that only fails with errors of the core.
pub(crate) fn catch_panic_core<T>(body: impl FnOnce() -> core::Result<T>) -> Result<T> {
    catch_panic(|| body().map_err(CapBundleError::from))
}

#[cfg(test)]
mod tests;

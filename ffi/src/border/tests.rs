#![allow(clippy::panic, reason = "a test of panics")]

use super::*;
use crate::error::invalid_input;

#[test]
fn a_panic_becomes_an_error_that_asks_for_a_report() {
    let error = guarded(|| -> Result<()> { panic!("index {} out of range", 7) });
    assert_eq!(
        error,
        Err(CapBundleError::Internal(
            "a fault in capbundle, please report it: index 7 out of range".to_owned()
        ))
    );
}

#[test]
fn a_panic_with_a_fixed_text_is_told_as_well() {
    let error = guarded(|| -> Result<()> { panic!("impossible") });
    assert_eq!(error.map_err(|error| error.kind()), Err(ErrorKind::Internal));
}

#[test]
fn results_pass_through() {
    assert_eq!(guarded(|| Ok(7)), Ok(7));
    let error = || invalid_input("size", "too small");
    assert_eq!(guarded(|| -> Result<()> { Err(error()) }), Err(error()));
}
